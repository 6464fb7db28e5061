using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Platform.Auth;

namespace Mobility.Payments.Provider;

/// <summary>Rehearses an outage: the simulated provider goes down or comes back, for all processes.</summary>
internal static class SwitchSimulatedProvider
{
    public sealed record Body(bool Down);

    public static void Map(IEndpointRouteBuilder app) => app.MapPut("/v1/ops/payments/simulated-provider", Handle).WithName("SwitchSimulatedProvider")
        .RequirePermission("ops.manage").Produces(StatusCodes.Status204NoContent);

    public static async Task<IResult> Handle(Body body, Caller caller, SimulatedPaymentProvider provider, CancellationToken ct)
    {
        _ = caller;
        await provider.SwitchAsync(body.Down, ct);
        return TypedResults.NoContent();
    }
}
