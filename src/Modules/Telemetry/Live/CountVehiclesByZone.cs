using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;
using Mobility.Telemetry.Alerts;

namespace Mobility.Telemetry.Live;

/// <summary>How many vehicles are in each zone of a city now, and how many of them a rider may take; from memory.</summary>
internal static class CountVehiclesByZone
{
    /// <param name="Zone">The zone; null for what is in none.</param>
    /// <param name="Vehicles">All that are there, whatever their state.</param>
    /// <param name="Rentable">Of these, those that a rider may take.</param>
    public sealed record ZoneCount(ZoneId? Zone, int Vehicles, int Rentable);

    /// <param name="City">The city.</param>
    /// <param name="Revision">Of the map.</param>
    /// <param name="Zones">In the order of precedence; a vehicle counts in each zone that it is in. The last entry counts what is in none.</param>
    public sealed record View(CityId City, long Revision, IReadOnlyList<ZoneCount> Zones);

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/vehicles/zone-counts", Handle).WithName("CountVehiclesByZone")
        .RequirePermission("fleet.read").LimitPerMinute("zone-counts", 60).Produces<View>().ProducesProblem(404).ProducesProblem(503);

    private static async Task<IResult> Handle(string city, LiveFleetFeed live, WatchedCities cities, CancellationToken ct)
    {
        if (!await live.WaitReadyAsync(ct))
            return LiveProblems.Loading.ToResult();
        return TextId.TryParse<CityId>(city, out var id) && await cities.GetAsync(id, ct) is { } map
            ? TypedResults.Json(new View(id, map.Revision, Count(live.Fleet, map)), MobilityJson.Http)
            : Problem.NotFound("telemetry.no_such_city", "There is no such city.").ToResult();
    }

    internal static IReadOnlyList<ZoneCount> Count(LiveFleet fleet, WatchedCity city)
    {
        var (vehicles, rentable) = (new int[city.Ids.Count + 1], new int[city.Ids.Count + 1]);
        Span<int> zones = stackalloc int[Geo.ZoneIndex.ZonesAtPointMax];
        for (var slot = 0; slot < fleet.Count; slot++)
        {
            if (fleet.Get(fleet.IdOf(slot)) is not { } vehicle || vehicle.Class.City != city.City.Value || vehicle.State == VehicleState.Removed)
                continue;
            var found = city.Zones.At(vehicle.Position.ToPoint(), zones);
            if (found == 0)
                zones[found++] = city.Ids.Count;
            foreach (var zone in zones[..found])
            {
                vehicles[zone]++;
                rentable[zone] += vehicle.Offered && vehicle.Charge >= vehicle.Class.MinimumCharge ? 1 : 0;
            }
        }
        return [.. vehicles.Select((count, zone) => new ZoneCount(zone < city.Ids.Count ? city.Ids[zone] : null, count, rentable[zone]))];
    }
}
