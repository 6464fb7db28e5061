using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;

namespace Mobility.Zones;

/// <summary>The zones of a city as a GeoJSON FeatureCollection, in order of precedence, for maps.</summary>
internal static class GetZones
{
    public sealed record FeatureCollection(string Type, IReadOnlyList<ZoneRule> GlobalRules, IReadOnlyList<Feature> Features);

    public sealed record Feature(string Type, ZoneId Id, Properties Properties, MultiPolygonGeometry Geometry);

    public sealed record Properties(string Name, ZoneKind Kind, IReadOnlyList<ZoneRule> Rules);

    public static void Map(IEndpointRouteBuilder app) =>
        app.MapGet("/v1/cities/{city}/zones", Handle).WithName("GetZones").OpenToAll()
            .Produces<FeatureCollection>(StatusCodes.Status200OK, "application/geo+json").ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<IResult> Handle(string city, CityMaps maps, CancellationToken ct)
    {
        if (await maps.FindAsync(city, ct) is not { } map)
            return ZonesProblems.UnknownCity.ToResult();
        var features = map.Zones.Select(zone =>
            new Feature("Feature", zone.Id, new Properties(zone.Name, zone.Kind, zone.Rules), MultiPolygonGeometry.Of(zone.Area)));
        return TypedResults.Json(new FeatureCollection("FeatureCollection", map.Map.GlobalRules, [.. features]), MobilityJson.Http, "application/geo+json");
    }
}
