using Mobility.Contracts;
using Mobility.Platform.Events;

namespace Mobility.Payments;

/// <summary>The rider's methods; the newest is the one that is used.</summary>
internal static class Methods
{
    public const int PerAccountMax = 10;

    /// <summary>The newest method's token; null when there is none.</summary>
    public static Task<string?> NewestAsync(ModuleDatabase database, AccountId rider, bool cardOnly, CancellationToken ct) =>
        database.QuerySingleOrDefaultAsync<string>("""
            SELECT token FROM methods WHERE account_id = @Value AND (NOT @cardOnly OR token <> 'wallet') ORDER BY added_at DESC, method_id DESC LIMIT 1
            """, new { rider.Value, cardOnly }, ct);
}
