using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Payments;

/// <summary>Staff gives a rider credit; it is spent before any card at the next settlement (PAY-6).</summary>
internal static class GrantCredit
{
    /// <summary>Most that one grant gives, in minor units: a slip of the finger must not cost a house.</summary>
    public const long AmountMax = 100_000;

    public const int ReasonLengthMax = 200;

    public sealed record Body(Money Amount, string Reason);

    public sealed record View(PostingId Posting, AccountId Account, Money Amount);

    public static Problem? Check(Body body) => new Fields()
        .Must(body.Amount.Amount is > 0 and <= AmountMax, "amount.amount", $"Send 1 to {AmountMax} minor units.")
        .Must(body.Amount.Currency != default, "amount.currency", "Send a currency.")
        .Text(body.Reason, "reason", ReasonLengthMax).Problem;

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/accounts/{account}/credits", Handle).WithName("GrantCredit")
        .TakesIdempotencyKey().RequirePermission("payments.manage").Produces<View>(StatusCodes.Status201Created).ProducesProblem(400).ProducesProblem(422);

    public static async Task<IResult> Handle(AccountId account, Body body, Caller caller, HttpContext http, CommandRunner<PaymentsModule> commands,
        Database<PaymentsModule> database, CancellationToken ct)
    {
        if (Check(body) is { } problem)
            return problem.ToResult();
        return await commands.RunIdempotentAsync(http, caller, body, async (work, token) =>
        {
            var posting = Id.New<PostingId>(work.Clock);
            Ledger.Post(work, new Posting(posting, "grant", account.Value, body.Amount.Currency, Entry.Goodwill(body.Amount.Amount),
                Entry.Wallet(account, -body.Amount.Amount)));
            work.Execute("INSERT INTO grants (posting_id, account_id, granted_by, reason, at) VALUES ($1, $2, $3, $4, $5)",
                posting.Value, account.Value, caller.Subject, body.Reason, work.Now);
            await RetryOutstanding.ScheduleAsync(database, work, account, token);
            return Outcome.Created(new View(posting, account, body.Amount));
        }, ct);
    }
}
