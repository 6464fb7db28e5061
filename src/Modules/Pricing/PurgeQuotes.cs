using Microsoft.Extensions.DependencyInjection;
using Mobility.Platform;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;

namespace Mobility.Pricing;

/// <summary>Once a day.</summary>
internal sealed record PurgeQuotesDaily : IScheduledMessage;

/// <summary>Offers that nobody took are deleted a day after they were made; a booking carries its own copy.</summary>
internal static class PurgeQuotes
{
    public static readonly TimeSpan Every = TimeSpan.FromDays(1);
    public static readonly TimeSpan KeptFor = TimeSpan.FromDays(1);
    public static readonly Guid Key = Guid.Empty;
    private const int RowsPerStatement = 10_000;

    public static async Task Handle(PurgeQuotesDaily message, Reaction reaction, CancellationToken ct)
    {
        _ = message;
        await PurgeAsync(reaction.Services.GetRequiredService<Database<PricingModule>>(), reaction.Now, ct);
        reaction.Work.Schedule(reaction.Now + Every, Key, new PurgeQuotesDaily());
    }

    public static async Task PurgeAsync(Database<PricingModule> database, DateTimeOffset now, CancellationToken ct)
    {
        var before = Guid.CreateVersion7(now - KeptFor);
        while (await database.ExecuteAsync(Sql, new { before, RowsPerStatement }, ct) == RowsPerStatement)
            ct.ThrowIfCancellationRequested();
    }

    private const string Sql = "DELETE FROM quotes WHERE id IN (SELECT id FROM quotes WHERE id < @before ORDER BY id LIMIT @RowsPerStatement)";
}
