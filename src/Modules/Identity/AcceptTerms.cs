using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Identity;

/// <summary>A rider accepts the terms that are in force.</summary>
internal static class AcceptTerms
{
    /// <summary>The version that the rider has read.</summary>
    public sealed record Body(string Version);

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/accounts/me/terms", Handle).WithName("AcceptTerms").RequirePermission("account.self")
        .Produces<GetMyAccount.View>().ProducesProblem(400).ProducesProblem(404).ProducesProblem(409).ProducesProblem(422);

    private static async Task<IResult> Handle(
        Body body, Caller caller, HttpContext http, CommandRunner<IdentityModule> runner, Database<IdentityModule> database, CancellationToken ct)
    {
        if (body.Version != Account.CurrentTerms)
            return Problem.Unprocessable("identity.terms_outdated", $"The terms in force are {Account.CurrentTerms}.", "version").ToResult();
        return await runner.RunAsync(http, caller, async (work, token) =>
        {
            if (await Accounts.FindAsync(database, caller.Subject, token) is not { } before)
                return Accounts.NotFound;
            var after = before.AcceptTerms(body.Version, work.Now);
            Accounts.Save(work, before, after);
            return Outcome.Ok(GetMyAccount.ToView(after));
        }, ct);
    }
}
