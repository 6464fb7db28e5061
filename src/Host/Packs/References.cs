using Mobility.Contracts;
using Mobility.Geo;

namespace Mobility.Host.Packs;

/// <summary>Whether the files of a pack fit together. A file that could not be read at all is not blamed on those that point into it.</summary>
internal static class References
{
    public static void Check(
        IReadOnlyList<Placed<Zone>> zones,
        IReadOnlyList<Placed<ZoneRule>> globalRules,
        IReadOnlyList<Placed<Bay>> bays,
        IReadOnlyList<Placed<VehicleType>> types,
        IReadOnlyList<Placed<Tariff>> tariffs,
        IReadOnlyList<Placed<OpeningRule>> openingRules,
        IReadOnlyList<PlacedVehicle> fleet)
    {
        var kinds = types.Select(type => type.Value.Kind).ToHashSet();
        var typeIds = types.Select(type => type.Value.Id.Value).ToHashSet();
        if (types.Count > 0)
        {
            IEnumerable<PackNode> binding = [.. zones.Select(zone => zone.At), .. globalRules.Select(rule => rule.At), .. tariffs.Select(tariff => tariff.At)];
            foreach (var node in binding.SelectMany(TypeIds))
                Refer(node.Text, typeIds, node.Source, node.Offset);
            foreach (var bay in bays.Where(bay => bay.Value.VehicleKinds.Length > 0 && !bay.Value.VehicleKinds.Any(kinds.Contains)))
                bay.At.Fail("pack.dangling_reference", "No vehicle type of the city is of a kind that may stand in this bay.");
            foreach (var vehicle in fleet)
                Refer(vehicle.Value.VehicleTypeId.Value, typeIds, vehicle.Source, vehicle.TypeOffset);
        }
        if (tariffs.Count > 0)
            CheckDefaults(types, tariffs);
        if (openingRules.Count > 0)
        {
            foreach (var type in types.Where(type => openingRules.All(rule => rule.Value.VehicleKind != type.Value.Kind)))
                type.At.Fail("pack.dangling_reference", $"opening_rules.json has no rule for the kind {PackObject.Name(type.Value.Kind)}.");
        }
    }

    private static void CheckDefaults(IReadOnlyList<Placed<VehicleType>> types, IReadOnlyList<Placed<Tariff>> tariffs)
    {
        var byId = tariffs.Where(tariff => tariff.Value.Id != default).DistinctBy(tariff => tariff.Value.Id).ToDictionary(tariff => tariff.Value.Id);
        foreach (var type in types.Where(type => type.Value.DefaultTariffId != default))
        {
            var node = type.At.Members["default_pricing_plan_id"].Value;
            if (!byId.TryGetValue(type.Value.DefaultTariffId, out var tariff))
                node.Fail("pack.dangling_reference", $"There is no tariff \"{type.Value.DefaultTariffId}\".");
            else if (!tariff.Value.VehicleTypeIds.Contains(type.Value.Id))
                node.Fail("pack.tariff_mismatch", $"The tariff \"{tariff.Value.Id}\" does not list the vehicle type \"{type.Value.Id}\".");
        }
    }

    /// <summary>The entries of every member <c>vehicle_type_ids</c> below a node, where they stand.</summary>
    private static IEnumerable<PackNode> TypeIds(PackNode node) =>
        node.Members.SelectMany(member => member.Key == "vehicle_type_ids" ? member.Value.Value.Items : TypeIds(member.Value.Value))
            .Concat(node.Items.SelectMany(TypeIds));

    /// <summary>A malformed id was reported where it was read.</summary>
    private static void Refer(string? id, HashSet<string> known, PackSource source, int offset)
    {
        if (TextId.IsValid(id) && !known.Contains(id))
            source.Fail(offset, "pack.dangling_reference", $"There is no vehicle type \"{id}\".");
    }
}
