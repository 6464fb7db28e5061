using System.Globalization;
using Mobility.Contracts;
using Mobility.Geo;

namespace Mobility.Host.Packs;

/// <summary>A vehicle and where its line and its type stand.</summary>
internal sealed record PlacedVehicle(FleetVehicle Value, PackSource Source, int TypeOffset);

/// <summary>fleet.csv: the vehicles that a city starts with.</summary>
internal static class FleetFile
{
    public const int VehiclesMax = 200_000;
    private const int PlateLengthMax = 20;

    private static readonly string[] Header = ["vehicle_id", "plate", "vehicle_type_id", "lat", "lon", "state_of_charge"];

    public static IReadOnlyList<PlacedVehicle> Read(PackSource source)
    {
        var vehicles = new List<PlacedVehicle>();
        var labels = new Uniqueness("vehicle");
        var plates = new Uniqueness("plate", StringComparer.OrdinalIgnoreCase);
        foreach (var row in PackCsv.Rows(source, Header))
        {
            if (vehicles.Count == VehiclesMax)
            {
                source.Fail(row[0].Offset, "pack.out_of_range", $"A fleet has at most {VehiclesMax} vehicles.");
                break;
            }
            if (!TextId.IsValid(row[0].Text))
                source.Fail(row[0].Offset, "pack.bad_id", "An id is 1 to 64 characters of a-z, 0-9, '-', '_' and '.', first a letter or digit.");
            labels.Check(row[0].Text, source, row[0].Offset);
            if (row[1].Text.Length > PlateLengthMax || row[1].Text.Any(char.IsControl))
                source.Fail(row[1].Offset, "pack.bad_text", $"A plate has at most {PlateLengthMax} characters.");
            plates.Check(row[1].Text, source, row[1].Offset);
            if (!TextId.TryParse<VehicleTypeId>(row[2].Text, out var type))
                source.Fail(row[2].Offset, "pack.bad_id", "A vehicle names its type.");
            vehicles.Add(new PlacedVehicle(new FleetVehicle
            {
                Label = row[0].Text,
                Plate = row[1].Text.Length == 0 ? null : row[1].Text,
                VehicleTypeId = type,
                Position = new GeoPoint(Number(source, row[3], "latitude", -90, 90), Number(source, row[4], "longitude", -180, 180)),
                StateOfChargePercent = (int)Number(source, row[5], "state of charge in percent", 0, 100, NumberStyles.None),
            }, source, row[2].Offset));
        }
        return vehicles;
    }

    private static double Number(
        PackSource source, CsvField field, string what, int min, int max, NumberStyles style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint)
    {
        if (double.TryParse(field.Text, style, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max)
            return number;
        source.Fail(field.Offset, "pack.out_of_range",
            $"A {what} is a {(style == NumberStyles.None ? "whole " : "")}number from {min} to {max}.");
        return min;
    }
}
