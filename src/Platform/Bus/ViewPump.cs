using Microsoft.Extensions.Logging;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;
using Npgsql;
using NpgsqlTypes;

namespace Mobility.Platform.Bus;

/// <summary>Keeps one asynchronous view up with its module's events; its rows and its checkpoint commit together.</summary>
internal sealed partial class ViewPump(ModuleDefinition module, View view, ModuleDatabase database, Election election, TimeProvider clock, ILogger log)
{
    public const int BatchMax = 500;
    public static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(100);

    public string Name { get; } = $"view:{view.Name}";

    public string Module => module.Module;

    /// <summary>Whether this process runs it now.</summary>
    public bool IsOurs => election.Holds($"{module.Module}.{Name}");

    /// <summary>How far the view was behind when it last read; for the lag metric.</summary>
    public TimeSpan Behind { get; private set; }

    public async Task RunAsync(CancellationToken ct)
    {
        var job = $"{module.Module}.{Name}";
        election.Enter(job);
        while (!ct.IsCancellationRequested)
        {
            try
            {
                if (!election.Holds(job))
                    await election.WaitAsync(job, ct);
                else if (await FollowAsync(ct) < BatchMax)
                    await Task.Delay(PollEvery, ct);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException)
            {
                LogDatabaseFailed(log, e, job);
                await Task.Delay(TimeSpan.FromSeconds(1), ct).ContinueWith(_ => { }, TaskScheduler.Default);
            }
        }
    }

    private async Task<int> FollowAsync(CancellationToken ct)
    {
        var after = await CheckpointAsync(ct);
        var work = new Work(database, module, clock, new Causation(Name, null, null));
        var count = 0;
        var last = after;
        var lastAt = DateTimeOffset.MaxValue;
        await foreach (var (position, e) in ViewEvents.ReadAsync(database.Source, module, view, after, BatchMax, ct))
        {
            view.Apply(e, work.Execute);
            (last, lastAt, count) = (position, e.At, count + 1);
        }
        Behind = count < BatchMax || lastAt >= clock.GetUtcNow() ? TimeSpan.Zero : clock.GetUtcNow() - lastAt;
        if (count == 0)
            return 0;
        work.Fence("UPDATE checkpoints SET xid = $1, position = $2 WHERE name = $3 AND xid = $4 AND position = $5 RETURNING 1",
            Xid(last), last.Row, Name, Xid(after), after.Row);
        await work.CommitAsync(ct); // fenced means that another process was faster
        return count;
    }

    /// <summary>Looked up at every poll, since a rebuild moves it; written only when there is none.</summary>
    private async Task<BusPosition> CheckpointAsync(CancellationToken ct) =>
        await CheckpointAsync("SELECT xid, position FROM checkpoints WHERE name = $1", ct)
        ?? (await CheckpointAsync("INSERT INTO checkpoints (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING xid, position", ct))!.Value;

    private async Task<BusPosition?> CheckpointAsync(string sql, CancellationToken ct)
    {
        await using var command = database.Source.CreateCommand(sql);
        command.Parameters.AddWithValue(Name);
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct) ? new BusPosition(reader.GetFieldValue<ulong>(0), reader.GetInt64(1)) : null;
    }

    private static NpgsqlParameter Xid(BusPosition position) => new() { Value = position.Transaction, NpgsqlDbType = NpgsqlDbType.Xid8 };

    [LoggerMessage(EventId = 130, Level = LogLevel.Warning, Message = "{View} waits a second: the database does not answer.")]
    private static partial void LogDatabaseFailed(ILogger log, Exception exception, string view);
}

/// <summary>A module's stored events in the order in which views read them.</summary>
internal static class ViewEvents
{
    /// <summary>Events behind a place, below the oldest running transaction, with the module's own types.</summary>
    public static async IAsyncEnumerable<(BusPosition Position, ViewEvent Event)> ReadAsync(
        NpgsqlDataSource source, ModuleDefinition module, View view, BusPosition after, int limit,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        await using var command = source.CreateCommand("""
            SELECT xid, position, stream_type, stream_id, version, type, data::text, at FROM events
            WHERE (xid, position) > ($1, $2) AND xid < pg_snapshot_xmin(pg_current_snapshot()) AND stream_type = ANY($3)
            ORDER BY xid, position LIMIT $4
            """);
        command.Parameters.Add(new NpgsqlParameter { Value = after.Transaction, NpgsqlDbType = NpgsqlDbType.Xid8 });
        command.Parameters.AddWithValue(after.Row);
        command.Parameters.AddWithValue(view.StreamTypes.ToArray());
        command.Parameters.AddWithValue(limit);
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            var stream = module.Streams[reader.GetString(2)];
            yield return (new BusPosition(reader.GetFieldValue<ulong>(0), reader.GetInt64(1)),
                new ViewEvent(stream.Name, reader.GetGuid(3), reader.GetInt32(4), stream.ReadEvent(reader.GetString(5), reader.GetString(6)),
                    reader.GetFieldValue<DateTimeOffset>(7)));
        }
    }
}
