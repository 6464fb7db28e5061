using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Identity;

/// <summary>Somebody who forgot the password, or never had one (new staff), asks for a code by e-mail. The answer never tells whether the address is known.</summary>
internal static class SendPasswordCode
{
    /// <summary>The address of the account.</summary>
    public sealed record Body(string Email);

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/passwords/codes", Handle).WithName("SendPasswordCode").OpenToAll()
        .LimitPerMinute("codes", 3).Produces(StatusCodes.Status202Accepted).ProducesProblem(400).ProducesProblem(429);

    private static async Task<IResult> Handle(
        Body body, CommandRunner<IdentityModule> runner, Database<IdentityModule> database, KeyProtection protection, CancellationToken ct)
    {
        if (new Fields().Text(body.Email, "email", RegisterAccount.EmailLengthMax).Problem is { } malformed)
            return malformed.ToResult();
        if (await Accounts.FindByEmailAsync(database, body.Email, ct) is { } account)
        {
            var work = runner.NewWork("password");
            Codes.Issue(work, protection, new AccountId(account.Id), ContactChannel.Email, account.Email, Codes.ToSetPassword);
            await work.CommitAsync(ct); // refused after the tenth of a day: then the answer is the same and no code goes out
        }
        return TypedResults.StatusCode(StatusCodes.Status202Accepted);
    }
}
