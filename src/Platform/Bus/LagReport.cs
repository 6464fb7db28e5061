using Mobility.Platform.Events;
using Mobility.Platform.Modules;

namespace Mobility.Platform.Bus;

/// <summary>How far a subscription or an asynchronous view is behind, as the database says.</summary>
/// <param name="Module">Whose it is.</param>
/// <param name="Kind"><c>subscription</c> or <c>view</c>.</param>
/// <param name="Name">Its name.</param>
/// <param name="Reads">The contract it reacts to, or the stream types it is made of.</param>
/// <param name="MessagesBehind">Messages or events that it has not handled; counted up to <see cref="LagReport.CountMax"/>.</param>
/// <param name="SecondsBehind">Age of the oldest of them.</param>
/// <param name="Waiting">Messages that failed and wait for another try (they are in <paramref name="MessagesBehind"/> too).</param>
/// <param name="Parked">Messages that wait for an operator.</param>
public sealed record LagLine(string Module, string Kind, string Name, string Reads, long MessagesBehind, double SecondsBehind, long Waiting, long Parked);

/// <summary>Reads the lags of one module.</summary>
public static class LagReport
{
    /// <summary>No lag is counted further than this.</summary>
    public const int CountMax = 10_000;

    /// <summary>One line per subscription and asynchronous view, in this order and by name.</summary>
    public static async Task<IReadOnlyList<LagLine>> ReadAsync(ModuleDefinition module, ModuleDatabase database, DateTimeOffset now, CancellationToken ct)
    {
        var subscriptions = await database.QueryAsync<Row>("""
            SELECT s.name, s.contract AS reads, ahead.count + waiting.count AS behind, least(ahead.oldest, waiting.oldest) AS oldest_at,
                waiting.count AS waiting, (SELECT count(*) FROM inbox WHERE subscription = s.name AND state = 'parked') AS parked
            FROM unnest(@names, @contracts) AS s(name, contract)
            LEFT JOIN checkpoints c ON c.name = s.name
            CROSS JOIN LATERAL (SELECT count(*) AS count, min(at) AS oldest FROM (
                SELECT m.at FROM bus.messages m WHERE m.type = s.contract AND (m.xid, m.position) > (coalesce(c.xid, '0'), coalesce(c.position, 0))
                ORDER BY m.xid, m.position LIMIT @CountMax) AS m) AS ahead
            CROSS JOIN LATERAL (SELECT count(*) AS count, min(at) AS oldest FROM inbox WHERE subscription = s.name AND state = 'waiting') AS waiting
            ORDER BY s.name LIMIT 1000
            """, new { names = module.Subscriptions.Select(s => s.Name).ToArray(), contracts = module.Subscriptions.Select(s => s.Contract).ToArray(), CountMax }, ct);
        var lines = subscriptions.Select(r => LineOf(module, "subscription", r, now)).ToList();
        foreach (var view in module.Views.Where(v => !v.Exact).OrderBy(v => v.Name, StringComparer.Ordinal))
        {
            var row = await database.QuerySingleOrDefaultAsync<Row>("""
                SELECT v.name, @reads AS reads, ahead.count AS behind, ahead.oldest AS oldest_at, 0::bigint AS waiting, 0::bigint AS parked
                FROM (SELECT @Name::text AS name) AS v
                LEFT JOIN checkpoints c ON c.name = @checkpoint
                CROSS JOIN LATERAL (SELECT count(*) AS count, min(at) AS oldest FROM (
                    SELECT e.at FROM events e WHERE e.stream_type = ANY(@types) AND (e.xid, e.position) > (coalesce(c.xid, '0'), coalesce(c.position, 0))
                    ORDER BY e.xid, e.position LIMIT @CountMax) AS e) AS ahead
                """, new { view.Name, reads = string.Join(',', view.StreamTypes), types = view.StreamTypes.ToArray(), checkpoint = $"view:{view.Name}", CountMax }, ct);
            lines.Add(LineOf(module, "view", row!, now));
        }
        return lines;
    }

    private static LagLine LineOf(ModuleDefinition module, string kind, Row row, DateTimeOffset now) => new(module.Module, kind, row.Name, row.Reads, row.Behind,
        row.OldestAt is { } oldest && oldest < now ? (now - oldest).TotalSeconds : 0, row.Waiting, row.Parked);

    private sealed record Row(string Name, string Reads, long Behind, DateTime? OldestAt, long Waiting, long Parked);
}
