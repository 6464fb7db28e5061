using Mobility.Contracts;

namespace Mobility.Host.Packs;

/// <summary>vehicle_types.json: GBFS 3.0 vehicle types and what booking needs beyond them.</summary>
internal static class VehicleTypesFile
{
    private static readonly string[] FormFactors = ["bicycle", "cargo_bicycle", "car", "moped", "scooter_standing", "scooter_seated", "other"];

    private static readonly string[] PropulsionTypes =
        ["human", "electric_assist", "electric", "combustion", "combustion_diesel", "hybrid", "plug_in_hybrid", "hydrogen_fuel_cell"];

    public static IReadOnlyList<Placed<VehicleType>> Read(PackObject? root)
    {
        if (root is null)
            return [];
        var types = new List<Placed<VehicleType>>();
        var ids = new Uniqueness("vehicle type");
        foreach (var node in root.List("vehicle_types", countMin: 1, countMax: 1_000))
        {
            if (PackObject.Of(node) is not { } type)
                continue;
            var id = type.Id<VehicleTypeId>("vehicle_type_id");
            ids.Check(id.Value, type.Find("vehicle_type_id", required: false));
            var kind = type.Choice<VehicleKind>("kind");
            types.Add(new Placed<VehicleType>(new VehicleType
            {
                Id = id,
                Name = type.Text("name"),
                Kind = kind,
                FormFactor = type.OneOf("form_factor", FormFactors),
                PropulsionType = type.OneOf("propulsion_type", PropulsionTypes),
                MaxRangeMeters = type.Whole("max_range_meters", 1, 2_000_000),
                MinimumStateOfChargePercent = type.Whole("minimum_state_of_charge_percent", 0, 100),
                Mode = Mode(type, kind),
                RiderCapacity = type.Whole("rider_capacity", 1, 20),
                MaxPermittedSpeedKph = type.WholeOrNull("max_permitted_speed", 1, 130),
                DefaultTariffId = type.Id<TariffId>("default_pricing_plan_id"),
            }, node));
            type.Close();
        }
        root.Close();
        return types;
    }

    private static VehicleMode Mode(PackObject type, VehicleKind kind)
    {
        var text = type.OneOf("mode", ["micromobility", "car-share"]); // MDS writes the second with a hyphen
        var mode = text == "car-share" ? VehicleMode.CarShare : VehicleMode.Micromobility;
        var expected = kind is VehicleKind.Car or VehicleKind.Van ? VehicleMode.CarShare : VehicleMode.Micromobility;
        if (text.Length > 0 && type.Has("kind") && mode != expected)
            type.Find("mode")!.Fail("pack.mode_mismatch", "Scooters and e-bikes are micromobility, cars and vans are car-share.");
        return mode;
    }
}
