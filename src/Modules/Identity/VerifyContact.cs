using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Identity;

/// <summary>A rider proves an e-mail address or a phone number with the code that was sent there.</summary>
internal static class VerifyContact
{
    /// <summary>Which channel, and the code that came there.</summary>
    public sealed record Body(ContactChannel Channel, string Code);

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/accounts/me/verify", Handle).WithName("VerifyContact").RequirePermission("account.self")
        .LimitPerMinute("verification", 10).Produces<GetMyAccount.View>().ProducesProblem(400).ProducesProblem(404).ProducesProblem(409).ProducesProblem(422)
        .ProducesProblem(429);

    private static async Task<IResult> Handle(
        Body body, Caller caller, HttpContext http, CommandRunner<IdentityModule> runner, Database<IdentityModule> database, KeyProtection protection,
        TimeProvider clock, CancellationToken ct)
    {
        if (new Fields().Must(Codes.IsWellFormed(body.Code), "code", "A code has six digits.").Problem is { } malformed)
            return malformed.ToResult();
        if (await Accounts.FindAsync(database, caller.Subject, ct) is not { } account)
            return Accounts.NotFound.ToResult();
        if (account.IsProven(body.Channel))
            return TypedResults.Ok(GetMyAccount.ToView(account)); // a retry: nothing to prove
        if (await Codes.TryAsync(database, protection, account.Id, body.Channel, Codes.ToVerify, body.Code, clock.GetUtcNow(), ct) is { } wrong)
            return wrong.ToResult();
        return await runner.RunAsync(http, caller, async (work, token) =>
        {
            if (await Accounts.FindAsync(database, caller.Subject, token) is not { } before)
                return Accounts.NotFound;
            var after = before.Prove(body.Channel, work.Now);
            if (after != before)
                Codes.Consume(work, before.Id, body.Channel, Codes.ToVerify);
            Accounts.Save(work, before, after);
            return Outcome.Ok(GetMyAccount.ToView(after));
        }, ct);
    }
}
