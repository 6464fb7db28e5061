using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Identity;

/// <summary>A rider asks for a new code, because the last one did not come or is too old.</summary>
internal static class SendCode
{
    /// <summary>Which channel.</summary>
    public sealed record Body(ContactChannel Channel);

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/accounts/me/codes", Handle).WithName("SendCode").RequirePermission("account.self")
        .LimitPerMinute("codes", 3).Produces(StatusCodes.Status204NoContent).ProducesProblem(400).ProducesProblem(404).ProducesProblem(409).ProducesProblem(429);

    private static async Task<IResult> Handle(
        Body body, Caller caller, HttpContext http, CommandRunner<IdentityModule> runner, Database<IdentityModule> database, KeyProtection protection,
        CancellationToken ct) =>
        await runner.RunAsync(http, caller, async (work, token) =>
        {
            if (await Accounts.FindAsync(database, caller.Subject, token) is not { } account)
                return Accounts.NotFound;
            if (account.IsProven(body.Channel))
                return Problem.Conflict("identity.already_verified", "This is verified already.");
            if (account.AddressOf(body.Channel) is not { } address)
                return Problem.Conflict("identity.no_such_channel", "The account has no address of this sort.");
            Codes.Issue(work, protection, new AccountId(account.Id), body.Channel, address, Codes.ToVerify);
            return Outcome.Done();
        }, ct);
}
