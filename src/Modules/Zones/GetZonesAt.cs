using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;

namespace Mobility.Zones;

/// <summary>
/// What is allowed at a place. The city is the one with a zone there, else the nearest whose center is within <see cref="CityReachMeters"/>, since its global
/// rules hold around it.
/// </summary>
internal static class GetZonesAt
{
    public const double CityReachMeters = 50_000;

    public sealed record ZoneView(ZoneId Id, string Name, ZoneKind Kind, IReadOnlyList<ZoneRule> Rules);

    public sealed record Reply
    {
        /// <summary>Null where no city is near.</summary>
        public CityId? City { get; init; }

        /// <summary>In order of precedence.</summary>
        public required IReadOnlyList<ZoneView> Zones { get; init; }

        /// <summary>The rules that hold where no zone says otherwise.</summary>
        public required IReadOnlyList<ZoneRule> GlobalRules { get; init; }

        /// <summary>The rule that holds for the vehicle type asked for; absent when none binds it or none was asked for.</summary>
        public ZoneRule? Rule { get; init; }
    }

    public static Reply Decide(IReadOnlyList<CityMap> cities, GeoPoint place, VehicleTypeId? type)
    {
        var city = cities.FirstOrDefault(map => map.Zones.Any(zone => zone.Area.Contains(place)))
            ?? cities.Where(map => map.City.Center.DistanceMetersTo(place) <= CityReachMeters).MinBy(map => map.City.Center.DistanceMetersTo(place));
        if (city is null)
            return new Reply { Zones = [], GlobalRules = [] };
        return new Reply
        {
            City = city.City.Id,
            Zones = [.. city.Zones.Where(zone => zone.Area.Contains(place)).Select(zone => new ZoneView(zone.Id, zone.Name, zone.Kind, zone.Rules))],
            GlobalRules = city.Map.GlobalRules,
            Rule = type is { } asked ? city.Map.RuleAt(place, asked.Value) : null,
        };
    }

    public static void Map(IEndpointRouteBuilder app) =>
        app.MapGet("/v1/zones/at", Handle).WithName("GetZonesAt").OpenToAll().Produces<Reply>().ProducesProblem(StatusCodes.Status400BadRequest);

    private static async Task<IResult> Handle(double lat, double lon, string? vehicleType, CityMaps maps, CancellationToken ct)
    {
        if (!GeoPoint.TryCreate(lat, lon, out var place))
            return ZonesProblems.InvalidPosition.ToResult();
        VehicleTypeId? type = null;
        if (vehicleType is not null)
        {
            if (!TextId.TryParse<VehicleTypeId>(vehicleType, out var asked))
                return Problem.Invalid("zones.invalid_vehicle_type", "Send the id of a vehicle type.", "vehicleType").ToResult();
            type = asked;
        }
        return TypedResults.Ok(Decide(await maps.AllAsync(ct), place, type));
    }
}
