using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;

namespace Mobility.Zones;

/// <summary>Answers other modules what is allowed to a vehicle type at a place.</summary>
internal static class AnswerZoneRule
{
    public static async Task<ZoneRuling> Handle(GetZoneRule question, IServiceProvider services, CancellationToken ct)
    {
        if (await services.GetRequiredService<CityMaps>().RecentAsync(question.City.Value, ct) is not { } map)
            return new ZoneRuling([], null);
        return new ZoneRuling(
            [.. map.Map.At(question.Position).Select(zone => new ZoneId(zone.Id))], map.Map.RuleAt(question.Position, question.Type.Value));
    }
}
