using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;

namespace Mobility.Payments;

/// <summary>The rider's spendable credit and its last movements.</summary>
internal static class GetWallet
{
    public const int MovementsMax = 50;

    /// <param name="Kind">grant, credit (spent on a charge), wallet_hold, wallet_release, wallet_capture.</param>
    /// <param name="Amount">Positive when the balance grew.</param>
    public sealed record Movement(string Kind, Money Amount, DateTimeOffset At);

    public sealed record View(IReadOnlyList<Money> Balances, IReadOnlyList<Movement> Movements);

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/wallet", Handle).WithName("GetWallet").RequirePermission("payments.self").Produces<View>();

    public static async Task<IResult> Handle(Caller caller, Database<PaymentsModule> database, CancellationToken ct)
    {
        var balances = await database.QueryAsync<BalanceRow>(
            "SELECT balance, currency FROM wallets WHERE account_id = @Subject ORDER BY currency LIMIT 20", new { caller.Subject }, ct);
        var movements = await database.QueryAsync<MovementRow>("""
            SELECT kind, -amount AS amount, currency, at FROM ledger_entries WHERE wallet_of = @Subject
            ORDER BY at DESC, posting_id, line LIMIT @MovementsMax
            """, new { caller.Subject, MovementsMax }, ct);
        return TypedResults.Ok(new View([.. balances.Select(b => new Money(b.Balance, new Currency(b.Currency)))],
            [.. movements.Select(m => new Movement(m.Kind, new Money(m.Amount, new Currency(m.Currency)), new DateTimeOffset(m.At)))]));
    }

    private sealed record BalanceRow(long Balance, string Currency);

    private sealed record MovementRow(string Kind, long Amount, string Currency, DateTime At);
}
