using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;

namespace Mobility.Payments;

/// <summary>A rider takes a method off file. Payments that began with it keep it until they are settled.</summary>
internal static class RemovePaymentMethod
{
    public static void Map(IEndpointRouteBuilder app) => app.MapDelete("/v1/payments/methods/{id}", Handle).WithName("RemovePaymentMethod")
        .RequirePermission("payments.self").Produces(StatusCodes.Status204NoContent).ProducesProblem(404);

    public static Task<IResult> Handle(MethodId id, Caller caller, HttpContext http, CommandRunner<PaymentsModule> commands, CancellationToken ct) =>
        commands.RunAsync(http, caller, (work, _) =>
        {
            work.ExecuteOrRefuse("payments_method_there", "DELETE FROM methods WHERE method_id = $1 AND account_id = $2 RETURNING 1",
                () => Problem.NotFound("payments.no_such_method", "You have no such method."), id.Value, caller.Subject);
            return Task.FromResult(Outcome.Done());
        }, ct);
}
