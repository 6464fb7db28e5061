using Mobility.Platform.Events;
using Mobility.Platform.Observability;

namespace Mobility.Platform.Bus;

/// <summary>A message that failed too often and waits for an operator.</summary>
/// <param name="Module">Whose reaction it is.</param>
/// <param name="Kind"><c>message</c> of the bus, or <c>scheduled</c> by the module to itself.</param>
/// <param name="Subscription">The reaction's stored name; for a scheduled message its type.</param>
/// <param name="MessageId">The message; for a scheduled one its key.</param>
/// <param name="Key">Order is kept within a key.</param>
/// <param name="Contract">What kind of message it is.</param>
/// <param name="At">When it was published or due.</param>
/// <param name="Attempts">How often it was tried.</param>
/// <param name="Error">What went wrong the last time, without personal data.</param>
public sealed record ParkedMessage(
    string Module, string Kind, string Subscription, Guid MessageId, Guid Key, string Contract, DateTimeOffset At, int Attempts, string? Error);

/// <summary>Parked messages of one module: what an operator sees, and sends on once the cause is mended. None is ever discarded.</summary>
public static class ParkedMessages
{
    /// <summary>Parked messages behind a place, by kind, subscription and id.</summary>
    public static async Task<IReadOnlyList<ParkedMessage>> ListAsync(
        ModuleDatabase database, (string Kind, string Subscription, Guid MessageId) after, int limit, CancellationToken ct)
    {
        var rows = await database.QueryAsync<Row>("""
            SELECT kind, subscription, message_id, key, contract, at, attempts, error FROM (
                SELECT 'message' AS kind, subscription, message_id, key, type AS contract, at, attempts, error FROM inbox WHERE state = 'parked'
                UNION ALL
                SELECT 'scheduled', type, key, key, type, due_at, attempts, error FROM scheduled WHERE parked) AS parked
            WHERE (kind, subscription, message_id) > (@Kind, @Subscription, @MessageId)
            ORDER BY kind, subscription, message_id LIMIT @limit
            """, new { after.Kind, after.Subscription, after.MessageId, limit }, ct);
        return [.. rows.Select(r => new ParkedMessage(database.Module, r.Kind, r.Subscription, r.MessageId, r.Key, r.Contract, new DateTimeOffset(r.At),
            r.Attempts, r.Error is null ? null : LogScrubber.Clean(r.Error)))];
    }

    /// <summary>Sends a parked message on: it is tried again at once, with all its tries before it. False when there is none.</summary>
    public static async Task<bool> ReplayAsync(
        ModuleDatabase database, Signals signals, string subscription, Guid messageId, DateTimeOffset now, CancellationToken ct)
    {
        var parameters = new { subscription, messageId, now };
        var replayed = await database.ExecuteAsync("""
            UPDATE inbox SET state = 'waiting', attempts = 0, due_at = @now
            WHERE subscription = @subscription AND message_id = @messageId AND state = 'parked'
            """, parameters, ct);
        if (replayed == 0)
        {
            replayed = await database.ExecuteAsync("""
                UPDATE scheduled SET parked = false, attempts = 0, due_at = @now WHERE type = @subscription AND key = @messageId AND parked
                """, parameters, ct);
            signals.Scheduled(database.Module).Set();
        }
        if (replayed == 0)
            return false;
        PlatformMetrics.Replayed.Add(1, new KeyValuePair<string, object?>("subscription", subscription));
        return true;
    }

    private sealed record Row(
        string Kind, string Subscription, Guid MessageId, Guid Key, string Contract, DateTime At, int Attempts, string? Error);
}
