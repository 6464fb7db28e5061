using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;

namespace Mobility.Telemetry.Live;

/// <summary>
/// The law that the live fleet equals the records, for an operator: it is in the memory of each process, where <c>./mobility audit</c>, which looks at the database,
/// does not reach.
/// </summary>
internal static class CompareLiveFleet
{
    /// <param name="Vehicles">That this process knows.</param>
    /// <param name="Differences">At most <see cref="LiveFleetFeed.DifferencesMax"/>; what is on its way shows too, so a difference counts when it stays.</param>
    public sealed record View(int Vehicles, IReadOnlyList<string> Differences);

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/telemetry/live-differences", Handle).WithName("CompareLiveFleet")
        .RequirePermission("ops.read").LimitPerMinute("live-differences", 6).Produces<View>().ProducesProblem(503);

    private static async Task<IResult> Handle(LiveFleetFeed live, CancellationToken ct) => await live.WaitReadyAsync(ct)
        ? TypedResults.Ok(new View(live.Fleet.Count, await live.CompareAsync(ct)))
        : LiveProblems.Loading.ToResult();
}
