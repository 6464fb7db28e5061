using System.Runtime.CompilerServices;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Events;

namespace Mobility.Payments;

/// <summary>Reads spendable balances, counting what the work at hand has already moved: a pump handles many messages in one transaction.</summary>
internal static class Wallet
{
    private static readonly ConditionalWeakTable<Work, Dictionary<(AccountId, Currency), long>> Moved = [];

    public static async Task<Money> BalanceAsync(ModuleDatabase database, Work work, AccountId rider, Currency currency, CancellationToken ct)
    {
        var stored = await database.QuerySingleOrDefaultAsync<long?>(
            "SELECT balance FROM wallets WHERE account_id = @Value AND currency = @Code", new { rider.Value, currency.Code }, ct);
        var moved = Moved.TryGetValue(work, out var changes) ? changes.GetValueOrDefault((rider, currency)) : 0;
        return new((stored ?? 0) + moved, currency);
    }

    public static void Changed(Work work, AccountId rider, Money change)
    {
        var changes = Moved.GetOrCreateValue(work);
        changes[(rider, change.Currency)] = changes.GetValueOrDefault((rider, change.Currency)) + change.Amount;
    }
}
