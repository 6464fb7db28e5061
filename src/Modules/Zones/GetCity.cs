using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;

namespace Mobility.Zones;

/// <summary>One city.</summary>
internal static class GetCity
{
    public static void Map(IEndpointRouteBuilder app) =>
        app.MapGet("/v1/cities/{city}", Handle).WithName("GetCity").OpenToAll().Produces<City>().ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<IResult> Handle(string city, CityMaps maps, CancellationToken ct) =>
        await maps.FindAsync(city, ct) is { } map ? TypedResults.Ok(map.City) : ZonesProblems.UnknownCity.ToResult();
}
