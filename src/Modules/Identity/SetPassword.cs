using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Identity;

/// <summary>A new password with the code that came by e-mail. Every session of the account ends: whoever knew the old password is out.</summary>
internal static class SetPassword
{
    /// <summary>The account's address, the code that came there, and the new password.</summary>
    public sealed record Body(string Email, string Code, string Password);

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/passwords", Handle).WithName("SetPassword").OpenToAll()
        .LimitPerMinute("verification", 10).Produces(StatusCodes.Status204NoContent).ProducesProblem(400).ProducesProblem(409).ProducesProblem(422)
        .ProducesProblem(429);

    private static async Task<IResult> Handle(
        Body body, CommandRunner<IdentityModule> runner, Database<IdentityModule> database, KeyProtection protection, Passwords passwords, TimeProvider clock,
        CancellationToken ct)
    {
        var shape = new Fields().Text(body.Email, "email", RegisterAccount.EmailLengthMax).Must(Codes.IsWellFormed(body.Code), "code", "A code has six digits.")
            .Must(Passwords.IsAcceptable(body.Password, body.Email), "password", Passwords.Rule);
        if (shape.Problem is { } malformed)
            return malformed.ToResult();
        var known = await Accounts.FindByEmailAsync(database, body.Email, ct);
        // Without an account there is no code either, and the answer is the one of a used code.
        if (await Codes.TryAsync(database, protection, known?.Id ?? Guid.Empty, ContactChannel.Email, Codes.ToSetPassword, body.Code, clock.GetUtcNow(), ct) is { } wrong)
            return wrong.ToResult();
        var hash = await passwords.HashAsync(body.Password, ct);
        var result = await CommitAsync(runner.NewWork("password"), database, known!.Id, hash, ct);
        return result.Outcome switch
        {
            CommitOutcome.Committed => TypedResults.NoContent(),
            CommitOutcome.Refused => result.Problem!.ToResult(),
            _ => Problem.Conflict("platform.busy", "Others change the same thing right now; ask for a new code.").ToResult(),
        };
    }

    private static async Task<CommitResult> CommitAsync(Work work, Database<IdentityModule> database, Guid id, string hash, CancellationToken ct)
    {
        if (await Accounts.FindAsync(database, id, ct) is not { } account)
            return new CommitResult(CommitOutcome.Refused, Accounts.NotFound);
        Codes.Consume(work, id, ContactChannel.Email, Codes.ToSetPassword);
        Accounts.Save(work, account, account.Prove(ContactChannel.Email, work.Now)); // the code came by e-mail, so the address is proven
        work.Execute("UPDATE accounts SET password_hash = $2 WHERE id = $1", id, hash);
        work.Execute("UPDATE sessions SET ended_at = $2, ended_for = 'password' WHERE account = $1 AND ended_at IS NULL", id, work.Now);
        return await work.CommitAsync(ct);
    }
}
