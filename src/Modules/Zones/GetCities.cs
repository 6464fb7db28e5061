using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform.Auth;

namespace Mobility.Zones;

/// <summary>The cities where one can ride; what a rider sees who gives no location.</summary>
internal static class GetCities
{
    public sealed record Reply(IReadOnlyList<City> Cities);

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/cities", Handle).WithName("GetCities").OpenToAll().Produces<Reply>();

    private static async Task<IResult> Handle(CityMaps maps, CancellationToken ct) =>
        TypedResults.Ok(new Reply([.. (await maps.AllAsync(ct)).Select(map => map.City)]));
}
