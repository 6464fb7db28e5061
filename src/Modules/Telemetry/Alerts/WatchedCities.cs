using System.Collections.Concurrent;
using System.Diagnostics;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;

namespace Mobility.Telemetry.Alerts;

/// <summary>The zones of the cities whose vehicles report, as Zones said within <see cref="RecentFor"/>.</summary>
internal sealed class WatchedCities(IAsk ask)
{
    public static readonly TimeSpan RecentFor = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, (WatchedCity? City, long AskedAt)> _cities = new(StringComparer.Ordinal);

    /// <summary>The map that was asked for last, without asking; null when there is none.</summary>
    public WatchedCity? Known(CityId id) => _cities.TryGetValue(id.Value, out var known) ? known.City : null;

    /// <summary>The map, asked for again when it is not recent; null when there is no such city.</summary>
    public async ValueTask<WatchedCity?> GetAsync(CityId id, CancellationToken ct)
    {
        if (_cities.TryGetValue(id.Value, out var known) && Stopwatch.GetElapsedTime(known.AskedAt) < RecentFor)
            return known.City;
        var outlines = await ask.AskAsync(new GetZoneOutlines(id, known.City?.Revision), ct);
        var city = outlines switch
        {
            null => null,
            { Zones: null } => known.City,
            { Zones: { } zones } => new WatchedCity(id, outlines.Revision, new ZoneIndex(zones.Select(zone => GeoMultiPolygon.OfCoordinates(zone.Coordinates))),
                [.. zones.Select(zone => zone.Id)], [.. zones.Select(zone => zone.Kind == ZoneKind.Operational)]),
        };
        _cities[id.Value] = (city, Stopwatch.GetTimestamp()); // as many as Fleet has cities
        return city;
    }
}
