using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;

namespace Mobility.Zones;

/// <summary>Gives other modules the outlines of a city's zones, so that they need not ask for every movement.</summary>
internal static class AnswerZoneOutlines
{
    public static async Task<ZoneOutlines?> Handle(GetZoneOutlines question, IServiceProvider services, CancellationToken ct)
    {
        if (await services.GetRequiredService<CityMaps>().RecentAsync(question.City.Value, ct) is not { } map)
            return null;
        return new ZoneOutlines(map.Revision, map.Revision == question.KnownRevision
            ? null
            : [.. map.Zones.Select(zone => new ZoneOutline(zone.Id, zone.Kind, zone.Area.ToCoordinates()))]);
    }
}
