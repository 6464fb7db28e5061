using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text.Json;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Events;

namespace Mobility.Zones;

/// <summary>A city with its zones as they are now.</summary>
internal sealed record CityMap(City City, long Revision, ImmutableArray<Zone> Zones, ZoneMap Map);

/// <summary>
/// The zones of all cities in memory. Each question first reads the cities' revisions, one small indexed read, so that a change by another process is seen at
/// once; the zones of a city are read only when its revision moved. Questions of other modules, which come with every ride, are content with a map that was
/// current <see cref="RecentFor"/> ago.
/// </summary>
internal sealed class CityMaps(Database<ZonesModule> database, TimeProvider clock)
{
    public const int CitiesMax = 1_000;
    public const int ZonesPerCityMax = 10_000;

    public static readonly TimeSpan RecentFor = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, CityMap> _maps = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, (long At, CityMap Map)> _recent = new(StringComparer.Ordinal);

    /// <summary>All cities, by id.</summary>
    public async Task<IReadOnlyList<CityMap>> AllAsync(CancellationToken ct)
    {
        var maps = new List<CityMap>();
        foreach (var row in await database.QueryAsync<CityRow>(SelectCities, new { limit = CitiesMax }, ct))
            maps.Add(await MapOfAsync(row, ct));
        return maps;
    }

    /// <summary>One city, or null.</summary>
    public async Task<CityMap?> FindAsync(string city, CancellationToken ct) =>
        TextId.IsValid(city) && await database.QuerySingleOrDefaultAsync<CityRow>(SelectCity, new { city }, ct) is { } row ? await MapOfAsync(row, ct) : null;

    /// <summary>One city as it was at most <see cref="RecentFor"/> ago, or null.</summary>
    public async ValueTask<CityMap?> RecentAsync(string city, CancellationToken ct)
    {
        var now = clock.GetTimestamp();
        if (_recent.TryGetValue(city, out var recent) && clock.GetElapsedTime(recent.At, now) < RecentFor)
            return recent.Map;
        if (await FindAsync(city, ct) is not { } map)
            return null;
        _recent[city] = (now, map); // only of cities that exist, so there are never more than those
        return map;
    }

    private async Task<CityMap> MapOfAsync(CityRow row, CancellationToken ct)
    {
        if (_maps.TryGetValue(row.Id, out var known) && known.Revision == row.Revision)
            return known;
        // Rows newer than the revision are harmless: the next question sees the newer revision and reads again.
        var zones = (await database.QueryAsync<ZoneRow>(SelectZones, new { city = row.Id, limit = ZonesPerCityMax }, ct)).Select(ToZone).ToImmutableArray();
        var map = new CityMap(
            ToCity(row), row.Revision, zones,
            new ZoneMap([.. zones.Select(zone => new ZoneShape(zone.Id.Value, zone.Area, zone.Rules))], Read<ImmutableArray<ZoneRule>>(row.GlobalRules)));
        _maps[row.Id] = map;
        return map;
    }

    private static City ToCity(CityRow row) => new()
    {
        Id = new CityId(row.Id),
        Name = row.Name,
        TimeZone = row.TimeZone,
        Currency = new Currency(row.Currency),
        Language = row.Language,
        Center = new GeoPoint(row.CenterLat, row.CenterLon),
        VatBasisPoints = row.VatBasisPoints,
    };

    private static Zone ToZone(ZoneRow row) => new()
    {
        Id = new ZoneId(row.Id),
        Name = row.Name,
        Kind = Read<ZoneKind>($"\"{row.Kind}\""),
        Area = GeoMultiPolygon.OfCoordinates(Read<double[][][][]>(row.Area)),
        Rules = Read<ImmutableArray<ZoneRule>>(row.Rules),
    };

    private static T Read<T>(string json) => JsonSerializer.Deserialize<T>(json, LoadPack.RowJson)!;

    private sealed record CityRow(
        string Id, string Name, string TimeZone, string Currency, string Language, double CenterLat, double CenterLon, int VatBasisPoints, string GlobalRules,
        long Revision);

    private sealed record ZoneRow(string Id, string Name, string Kind, string Area, string Rules);

    private const string CityColumns = "id, name, time_zone, currency, language, center_lat, center_lon, vat_basis_points, global_rules, revision";

    private const string SelectCities = $"SELECT {CityColumns} FROM cities ORDER BY id LIMIT @limit";

    private const string SelectCity = $"SELECT {CityColumns} FROM cities WHERE id = @city";

    private const string SelectZones = """
        SELECT id, name, kind, area, rules FROM zones WHERE city = @city AND valid_until IS NULL ORDER BY precedence, id LIMIT @limit
        """;
}
