using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform.Events;

namespace Mobility.Zones;

/// <summary>Answers other modules whether a ride may end at a place and, where it may not, in which bays nearby it may.</summary>
internal static class AnswerParking
{
    /// <summary>So near to a bay's middle a vehicle stands in it: half a bay and the error of a position in a street.</summary>
    public const int BayReachMeters = 25;

    public const int BaysRadiusMeters = 2_000;
    public const int BaysMax = 5;

    /// <param name="map">The city.</param>
    /// <param name="question">The place and the vehicle.</param>
    /// <param name="bays">Around the place, nearest first; not looked at where none is needed.</param>
    public static ParkingRuling Decide(CityMap map, GetParking question, IEnumerable<FindBays.BayView> bays)
    {
        var rule = map.Map.RuleAt(question.Position, question.Type.Value);
        if (!NeedsBays(rule))
            return new ParkingRuling(true, false, []);
        var legal = bays
            .Where(bay => bay.VehicleKinds.Contains(question.Kind) && map.Map.RuleAt(bay.Position, question.Type.Value) is null or { RideEndAllowed: true })
            .Take(BaysMax)
            .Select(bay => new ParkingBay(bay.Id, bay.Name, bay.Position, bay.DistanceMeters))
            .ToList();
        var bayNeeded = rule?.StationParking is true;
        return rule is { RideEndAllowed: true } && legal is [{ DistanceMeters: <= BayReachMeters }, ..]
            ? new ParkingRuling(true, bayNeeded, [])
            : new ParkingRuling(false, bayNeeded, legal);
    }

    public static async Task<ParkingRuling> Handle(GetParking question, IServiceProvider services, CancellationToken ct)
    {
        if (await services.GetRequiredService<CityMaps>().RecentAsync(question.City.Value, ct) is not { } map)
            return new ParkingRuling(true, false, []);
        var bays = NeedsBays(map.Map.RuleAt(question.Position, question.Type.Value))
            ? await FindBays.NearAsync(services.GetRequiredService<Database<ZonesModule>>(), question.City.Value, question.Position, BaysRadiusMeters, ct)
            : [];
        return Decide(map, question, bays);
    }

    private static bool NeedsBays(ZoneRule? rule) => rule is { RideEndAllowed: false } or { StationParking: true };
}
