using System.Collections.Immutable;
using Mobility.Contracts;

namespace Mobility.Host.Packs;

/// <summary>What became of a folder: a pack, or why there is none.</summary>
/// <param name="Pack">Null when anything is wrong.</param>
/// <param name="Errors">At most <see cref="PackErrors.KeptMax"/>, in the order of files and lines.</param>
/// <param name="ErrorsTotal">All of them.</param>
internal sealed record CityPackReading(CityPack? Pack, IReadOnlyList<PackError> Errors, int ErrorsTotal);

/// <summary>Reads and checks a folder that describes a city (docs/city-packs.md). Reports every fault with file, line and column, not only the first.</summary>
internal static class CityPackReader
{
    public const int FileBytesMax = 32 * 1024 * 1024;

    public static readonly IReadOnlyList<string> Files =
        ["city.json", "zones.geojson", "bays.geojson", "vehicle_types.json", "tariffs.json", "opening_rules.json", "fleet.csv", "staff.json"];

    public static CityPackReading Read(string folder)
    {
        var errors = new PackErrors();
        var city = CityFile.Read(Root(folder, "city.json", errors));
        var (zones, globalRules) = ZonesFile.Read(Root(folder, "zones.geojson", errors));
        var bays = BaysFile.Read(Root(folder, "bays.geojson", errors));
        var types = VehicleTypesFile.Read(Root(folder, "vehicle_types.json", errors));
        var tariffs = TariffsFile.Read(Root(folder, "tariffs.json", errors), city);
        var openingRules = OpeningRulesFile.Read(Root(folder, "opening_rules.json", errors));
        var fleet = Source(folder, "fleet.csv", errors) is { } source ? FleetFile.Read(source) : [];
        var staff = StaffFile.Read(Root(folder, "staff.json", errors));

        References.Check(zones, globalRules, bays, types, tariffs, openingRules, fleet);
        if (errors.Total > 0)
            return new CityPackReading(null, errors.InOrder(Files), errors.Total);
        var pack = new CityPack
        {
            City = city!,
            Zones = Values(zones),
            GlobalRules = [.. globalRules.Select(rule => rule.Value)],
            Bays = Values(bays),
            VehicleTypes = Values(types),
            Tariffs = Values(tariffs),
            OpeningRules = Values(openingRules),
            Fleet = [.. fleet.Select(vehicle => vehicle.Value)],
            Staff = Values(staff),
        };
        return new CityPackReading(pack, [], 0);
    }

    private static ImmutableArray<T> Values<T>(IEnumerable<Placed<T>> placed) => [.. placed.Select(item => item.Value)];

    private static PackObject? Root(string folder, string file, PackErrors errors) =>
        Source(folder, file, errors) is { } source && PackNode.Parse(source) is { } root ? PackObject.Of(root) : null;

    private static PackSource? Source(string folder, string file, PackErrors errors)
    {
        try
        {
            var info = new FileInfo(Path.Combine(folder, file));
            if (info.Exists && info.Length <= FileBytesMax)
                return new PackSource(file, File.ReadAllBytes(info.FullName), errors);
            errors.Add(info.Exists
                ? new PackError(file, 1, 1, "pack.file_too_large", $"The file has {info.Length} bytes; {FileBytesMax} are read at most.")
                : new PackError(file, 1, 1, "pack.file_missing", $"There is no file {file} in {folder}."));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            errors.Add(new PackError(file, 1, 1, "pack.file_unreadable", exception.Message));
        }
        return null;
    }
}

/// <summary>A thing of the pack and where it stands.</summary>
internal sealed record Placed<T>(T Value, PackNode At);

/// <summary>Finds things that are there twice.</summary>
internal sealed class Uniqueness(string what, StringComparer? comparer = null)
{
    private readonly Dictionary<string, int> _lines = new(comparer ?? StringComparer.Ordinal);

    public void Check(string? key, PackSource source, int offset)
    {
        if (!string.IsNullOrEmpty(key) && !_lines.TryAdd(key, source.LineOf(offset)))
            source.Fail(offset, "pack.duplicate", $"The {what} \"{key}\" is already on line {_lines[key]}.");
    }

    public void Check(string? key, PackNode? node)
    {
        if (node is not null)
            Check(key, node.Source, node.Offset);
    }
}
