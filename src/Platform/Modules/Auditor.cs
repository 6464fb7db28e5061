using Microsoft.Extensions.DependencyInjection;
using Mobility.Platform.Events;
using Npgsql;

namespace Mobility.Platform.Modules;

/// <summary>What one law came to.</summary>
/// <param name="Name">Module and check.</param>
/// <param name="Law">In one sentence.</param>
/// <param name="Violations">Offending ids, at most <see cref="AuditCheck.ViolationsMax"/>; empty when the law holds.</param>
/// <param name="Note">What is worth knowing though nothing is violated, for example a lag.</param>
public sealed record AuditResult(string Name, string Law, IReadOnlyList<string> Violations, string? Note = null);

/// <summary>Checks the laws on a database, live or stopped: those of the event store and the bus, every view against its rebuild, and what each module declares.</summary>
public static class Auditor
{
    /// <summary>Runs all checks of the modules, one after another.</summary>
    public static async IAsyncEnumerable<AuditResult> RunAsync(
        IReadOnlyList<ModuleDefinition> modules, IServiceProvider services, DateTimeOffset now, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        foreach (var module in modules)
        {
            await using var database = services.GetRequiredKeyedService<ModuleDatabase>(module.Module).ForWholeTables();
            if (module.Streams.Count > 0)
                yield return await QueryAsync(database, new AuditCheck("event_gaps", "The events of a stream are numbered from 1 without a gap.", """
                    SELECT stream_type || ' ' || stream_id || ': ' || count(*) || ' events, versions ' || min(version) || ' to ' || max(version)
                    FROM events GROUP BY stream_type, stream_id HAVING min(version) <> 1 OR max(version) <> count(*) LIMIT 100
                    """), now, ct);
            yield return await QueryAsync(database, new AuditCheck("parked", "No message is parked.", """
                SELECT subscription || ' ' || message_id || ': ' || coalesce(error, '') FROM inbox WHERE state = 'parked'
                UNION ALL SELECT type || ' ' || key || ': ' || coalesce(error, '') FROM scheduled WHERE parked LIMIT 100
                """), now, ct);
            yield return await LagAsync(database, module, ct);
            foreach (var view in module.Views)
                yield return new AuditResult($"{module.Module}.view_{view.Name}", "The view equals its rebuild from events.",
                    await ViewRebuilder.CompareAsync(database, module, view, ct));
            foreach (var check in module.Audits)
                yield return await QueryAsync(database, check, now, ct);
        }
    }

    /// <summary>Messages on their way are no violation, but they are named: what they will cause is not in the views yet.</summary>
    private static async Task<AuditResult> LagAsync(ModuleDatabase database, ModuleDefinition module, CancellationToken ct)
    {
        var lags = await database.QueryAsync<string>("""
            SELECT s.name || ' ' || count(*) FROM unnest(@names, @contracts) AS s(name, contract) LEFT JOIN checkpoints c ON c.name = s.name
            JOIN bus.messages m ON m.type = s.contract AND (m.xid, m.position) > (coalesce(c.xid, '0'), coalesce(c.position, 0))
            GROUP BY s.name ORDER BY s.name LIMIT 100
            """, new { names = module.Subscriptions.Select(s => s.Name).ToArray(), contracts = module.Subscriptions.Select(s => s.Contract).ToArray() }, ct);
        return new AuditResult($"{module.Module}.outbox", "Every published message is delivered, or the lag is named.", [],
            lags.Count == 0 ? null : $"on their way: {string.Join(", ", lags)}");
    }

    private static async Task<AuditResult> QueryAsync(ModuleDatabase database, AuditCheck check, DateTimeOffset now, CancellationToken ct)
    {
        IReadOnlyList<string> violations;
        try
        {
            violations = check.Run is { } run
                ? await run(database, now, ct)
                : await database.QueryAsync<string>(check.Sql, new { now }, ct);
        }
        catch (NpgsqlException e) // a timeout too: the other laws are checked all the same
        {
            violations = [$"the check itself failed: {e.Message}"];
        }
        return new AuditResult($"{database.Module}.{check.Name}", check.Law, violations);
    }
}
