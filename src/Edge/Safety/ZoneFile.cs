using System.Collections.Immutable;
using System.Text.Json;
using Mobility.Geo;

namespace Mobility.Edge.Safety;

/// <summary>
/// Reads the zones that a vehicle carries: zones.geojson as city packs have it. Its geometry was checked where the pack was read; here only what
/// <see cref="GeoPolygon"/> needs is asked for.
/// </summary>
public static class ZoneFile
{
    /// <summary>Longest file.</summary>
    public const int BytesMax = 32 * 1024 * 1024;

    /// <summary>Zones in their order of precedence, and the rules that hold elsewhere.</summary>
    /// <exception cref="FormatException">It is no such file; the message says where.</exception>
    public static ZoneMap Parse(ReadOnlyMemory<byte> json)
    {
        if (json.Length > BytesMax)
            throw new FormatException($"A zone file has at most {BytesMax} bytes.");
        var at = "the file";
        try
        {
            using var document = JsonDocument.Parse(json);
            var zones = ImmutableArray.CreateBuilder<ZoneShape>();
            foreach (var feature in document.RootElement.GetProperty("features").EnumerateArray())
            {
                at = $"zone {zones.Count + 1}";
                var id = feature.GetProperty("id").GetString() ?? throw new FormatException("The zone has no id.");
                at = $"zone {id}";
                zones.Add(new ZoneShape(id, Area(feature.GetProperty("geometry")), Rules(feature.GetProperty("properties"), "rules")));
            }
            at = "global_rules";
            var map = new ZoneMap(zones.ToImmutable(), Rules(document.RootElement, "global_rules"));
            _ = map.Index; // built now, so that a file that cannot be laid over the grid is refused now, and no ride waits for it
            return map;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or ArgumentException or IndexOutOfRangeException
                                      or FormatException or OverflowException)
        {
            throw new FormatException($"The zones cannot be read at {at}: {e.Message}", e);
        }
    }

    private static GeoMultiPolygon Area(JsonElement geometry)
    {
        var coordinates = geometry.GetProperty("coordinates");
        return geometry.GetProperty("type").GetString() switch
        {
            "Polygon" => new GeoMultiPolygon(Polygon(coordinates)),
            "MultiPolygon" => new GeoMultiPolygon([.. coordinates.EnumerateArray().Select(Polygon)]),
            var other => throw new FormatException($"A zone is a Polygon or a MultiPolygon, not a {other}."),
        };
    }

    private static GeoPolygon Polygon(JsonElement rings)
    {
        var all = rings.EnumerateArray().Select(ring => ring.EnumerateArray().Select(Position).ToImmutableArray()).ToImmutableArray();
        return all.Length > 0 ? new GeoPolygon(all[0], all[1..]) : throw new FormatException("A polygon has at least one ring.");
    }

    /// <summary>In GeoJSON longitude comes first.</summary>
    private static GeoPoint Position(JsonElement position) => new(position[1].GetDouble(), position[0].GetDouble());

    private static ImmutableArray<ZoneRule> Rules(JsonElement from, string name) =>
        from.TryGetProperty(name, out var rules) && rules.ValueKind == JsonValueKind.Array ? [.. rules.EnumerateArray().Select(Rule)] : [];

    private static ZoneRule Rule(JsonElement rule) => new()
    {
        VehicleTypeIds = rule.TryGetProperty("vehicle_type_ids", out var types) ? [.. types.EnumerateArray().Select(type => type.GetString()!)] : [],
        RideStartAllowed = rule.GetProperty("ride_start_allowed").GetBoolean(),
        RideEndAllowed = rule.GetProperty("ride_end_allowed").GetBoolean(),
        RideThroughAllowed = rule.GetProperty("ride_through_allowed").GetBoolean(),
        MaximumSpeedKph = rule.TryGetProperty("maximum_speed_kph", out var speed) && speed.ValueKind == JsonValueKind.Number ? speed.GetInt32() : null,
        StationParking = rule.TryGetProperty("station_parking", out var parking) && parking.ValueKind != JsonValueKind.Null ? parking.GetBoolean() : null,
    };
}
