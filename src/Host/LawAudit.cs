using System.Globalization;
using Mobility.Platform;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;
using Npgsql;

namespace Mobility.Host;

/// <summary>One law and what breaks it.</summary>
/// <param name="Module">Whose law.</param>
/// <param name="Name">Lower snake case.</param>
/// <param name="Law">In one sentence.</param>
/// <param name="Violations">Offending ids and why; at most <see cref="AuditCheck.ViolationsMax"/> per side of a comparison.</param>
public sealed record AuditLine(string Module, string Name, string Law, IReadOnlyList<string> Violations);

/// <summary>What an audit found.</summary>
/// <param name="Lines">Every law that was checked.</param>
/// <param name="Lags">Named, not judged: messages that wait, late timeouts, parked messages.</param>
public sealed record AuditReport(IReadOnlyList<AuditLine> Lines, IReadOnlyList<string> Lags)
{
    /// <summary>Of all laws together.</summary>
    public int ViolationCount => Lines.Sum(line => line.Violations.Count);
}

/// <summary>Checks the laws of every module on a database, live or not: gapless streams, views equal to their rebuild, and what each module declares.</summary>
public static class LawAudit
{
    /// <summary>Runs every check.</summary>
    /// <param name="app">The process's modules; it need not be started.</param>
    /// <param name="connectionString">The platform's.</param>
    /// <param name="now">The instant that laws about time are judged at.</param>
    /// <param name="progress">Hears each step.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="PlatformStartException">The database was never migrated.</exception>
    public static async Task<AuditReport> RunAsync(
        MobilityApp app, string connectionString, DateTimeOffset now, IProgress<string> progress, CancellationToken ct)
    {
        var lines = new List<AuditLine>();
        var lags = new List<string>();
        foreach (var module in app.Modules)
        {
            var database = app.Web.Services.GetRequiredKeyedService<ModuleDatabase>(module.Module);
            await RequireMigratedAsync(module, connectionString, ct);
            progress.Report($"Checking the streams of {module.Module}");
            lines.Add(new AuditLine(module.Module, "event_gap", "A stream's events are numbered from 1 without a gap.", await GapsAsync(database, ct)));
            foreach (var view in module.Views)
            {
                progress.Report($"Rebuilding the view {view.Name} of {module.Module} beside the live one");
                var differences = await ViewRebuild.CompareAsync(connectionString, module, view, AuditCheck.ViolationsMax, ct);
                lines.Add(new AuditLine(module.Module, $"view_{view.Name}", $"The view {view.Name} equals its rebuild.", differences));
            }

            foreach (var check in module.Audits)
            {
                progress.Report($"Checking {check.Name} of {module.Module}");
                lines.Add(new AuditLine(module.Module, check.Name, check.Law, await RunAsync(check, database, now, ct)));
            }

            lags.AddRange(await LagsAsync(module, connectionString, now, ct));
        }

        return new AuditReport(lines, lags);
    }

    private static Task<IReadOnlyList<string>> RunAsync(AuditCheck check, ModuleDatabase database, DateTimeOffset now, CancellationToken ct) =>
        check.Run is { } run ? run(database, now, ct) : database.QueryAsync<string>(check.Sql, new { now }, ct);

    private static Task<IReadOnlyList<string>> GapsAsync(ModuleDatabase database, CancellationToken ct) => database.QueryAsync<string>(
        """
        SELECT format('%s has %s events from %s to %s', stream_id, count(*), min(version), max(version))
        FROM events GROUP BY stream_id HAVING min(version) <> 1 OR max(version) <> count(*)
        ORDER BY stream_id LIMIT @limit
        """,
        new { limit = AuditCheck.ViolationsMax },
        ct);

    private static async Task RequireMigratedAsync(ModuleDefinition module, string connectionString, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(ct);
        await using var command = new NpgsqlCommand("SELECT to_regclass($1) IS NOT NULL", connection);
        command.Parameters.AddWithValue($"{module.Module}.events");
        if (await command.ExecuteScalarAsync(ct) is not true)
            throw new PlatformStartException($"The database has no tables of the module {module.Module}; ./mobility up makes them.");
    }

    private static async Task<IReadOnlyList<string>> LagsAsync(ModuleDefinition module, string connectionString, DateTimeOffset now, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(ct);
        var lags = new List<string>();
        foreach (var subscription in module.Subscriptions)
        {
            await AddLagAsync(
                connection,
                $"""
                SELECT count(*) FROM bus.messages m LEFT JOIN {module.Module}.checkpoints c ON c.name = $1
                WHERE m.type = $2 AND (m.xid, m.position) > (coalesce(c.xid, '0'::xid8), coalesce(c.position, 0))
                """,
                count => $"{subscription.Name} has {count} messages of {subscription.Contract} before it",
                [subscription.Name, subscription.Contract]);
            foreach (var state in (string[])["waiting", "parked"])
            {
                await AddLagAsync(
                    connection,
                    $"SELECT count(*) FROM {module.Module}.inbox WHERE subscription = $1 AND state = $2",
                    count => $"{subscription.Name} has {count} messages {state}",
                    [subscription.Name, state]);
            }
        }

        await AddLagAsync(
            connection, $"SELECT count(*) FROM {module.Module}.scheduled WHERE NOT parked AND due_at <= $1", count => $"{module.Module} has {count} timeouts due", [now]);
        await AddLagAsync(
            connection, $"SELECT count(*) FROM {module.Module}.scheduled WHERE parked", count => $"{module.Module} has {count} timeouts parked", []);
        return lags;

        async Task AddLagAsync(NpgsqlConnection open, string sql, Func<string, string> say, object[] parameters)
        {
            await using var command = new NpgsqlCommand(sql, open);
            foreach (var value in parameters)
                command.Parameters.AddWithValue(value is DateTimeOffset instant ? instant.ToUniversalTime() : value);
            if (await command.ExecuteScalarAsync(ct) is long count and > 0)
                lags.Add(say(count.ToString(CultureInfo.InvariantCulture)));
        }
    }
}
