using Mobility.Platform.Bus;
using Mobility.Platform.Modules;
using Npgsql;
using NpgsqlTypes;

namespace Mobility.Platform.Events;

/// <summary>Makes a view anew from its events, and proves that a live view equals what its events make.</summary>
public static class ViewRebuilder
{
    private const int EventsPerFetch = 1_000;

    /// <summary>Compares a view with a rebuild beside it, both read in one snapshot, so that it may run while the platform does.</summary>
    /// <returns>Rows that differ, at most <see cref="AuditCheck.ViolationsMax"/>; empty when they are equal.</returns>
    public static async Task<IReadOnlyList<string>> CompareAsync(ModuleDatabase database, ModuleDefinition module, View view, CancellationToken ct)
    {
        await using var connection = await OpenAsync(database, ct);
        await using var transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, ct);
        // Temporary tables come first in the search path: the view's own statements write there.
        foreach (var table in view.Tables)
            await RunAsync(connection, $"CREATE TEMP TABLE {table} (LIKE {module.Module}.{table} INCLUDING ALL) ON COMMIT DROP", ct);
        var upTo = view.Exact ? (BusPosition?)null : await CheckpointAsync(connection, view, ct);
        await ReplayAsync(connection, module, view, upTo, ct);
        var differences = new List<string>();
        foreach (var table in view.Tables)
        {
            await using var command = new NpgsqlCommand($"""
                SELECT 'missing in the live view: ' || to_jsonb(t)::text FROM (TABLE pg_temp.{table} EXCEPT ALL TABLE {module.Module}.{table}) t
                UNION ALL
                SELECT 'only in the live view: ' || to_jsonb(t)::text FROM (TABLE {module.Module}.{table} EXCEPT ALL TABLE pg_temp.{table}) t
                LIMIT {AuditCheck.ViolationsMax}
                """, connection);
            await using var reader = await command.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
                differences.Add($"{view.Name}.{table}: {reader.GetString(0)}");
        }
        await transaction.RollbackAsync(ct);
        return differences;
    }

    /// <summary>Empties a view and fills it from its events in one transaction. Writers of an exact view wait; readers see the old rows until the end.</summary>
    /// <returns>Events that were applied.</returns>
    public static async Task<long> RebuildAsync(ModuleDatabase database, ModuleDefinition module, View view, CancellationToken ct)
    {
        await using var connection = await OpenAsync(database, ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        if (!view.Exact) // first, as the view's pump does it: the other order is a deadlock with it
            await RunAsync(connection, $"SELECT FROM checkpoints WHERE name = 'view:{view.Name}' FOR UPDATE", ct);
        await RunAsync(connection, $"LOCK TABLE {string.Join(", ", view.Tables)} IN EXCLUSIVE MODE", ct);
        foreach (var table in view.Tables)
            await RunAsync(connection, $"DELETE FROM {table}", ct);
        // An asynchronous view stops where its pump would: below the oldest transaction that still runs.
        BusPosition? upTo = view.Exact ? null : new BusPosition(await OldestRunningAsync(connection, ct) - 1, long.MaxValue);
        var (count, last) = await ReplayAsync(connection, module, view, upTo, ct);
        if (!view.Exact && last is { } position)
        {
            await using var move = new NpgsqlCommand("""
                INSERT INTO checkpoints (name, xid, position) VALUES ($1, $2, $3)
                ON CONFLICT (name) DO UPDATE SET xid = excluded.xid, position = excluded.position
                """, connection);
            move.Parameters.AddWithValue($"view:{view.Name}");
            AddPosition(move, position);
            await move.ExecuteNonQueryAsync(ct);
        }
        await transaction.CommitAsync(ct);
        return count;
    }

    private static async Task<(long Count, BusPosition? Last)> ReplayAsync(
        NpgsqlConnection connection, ModuleDefinition module, View view, BusPosition? upTo, CancellationToken ct)
    {
        await using (var declare = new NpgsqlCommand($"""
            DECLARE replay NO SCROLL CURSOR FOR
            SELECT stream_type, stream_id, version, type, data::text, at, xid, position FROM {module.Module}.events
            WHERE stream_type = ANY($1){(upTo is null ? "" : " AND (xid, position) <= ($2, $3)")} ORDER BY xid, position
            """, connection))
        {
            declare.Parameters.AddWithValue(view.StreamTypes.ToArray());
            if (upTo is { } bound)
                AddPosition(declare, bound);
            await declare.ExecuteNonQueryAsync(ct);
        }
        var count = 0L;
        BusPosition? last = null;
        while (true)
        {
            await using var batch = new NpgsqlBatch(connection);
            var fetched = 0;
            await using (var fetch = new NpgsqlCommand($"FETCH {EventsPerFetch} FROM replay", connection))
            await using (var reader = await fetch.ExecuteReaderAsync(ct))
                while (await reader.ReadAsync(ct))
                {
                    var stream = module.Streams[reader.GetString(0)];
                    view.Apply(new ViewEvent(stream.Name, reader.GetGuid(1), reader.GetInt32(2), stream.ReadEvent(reader.GetString(3), reader.GetString(4)),
                        reader.GetFieldValue<DateTimeOffset>(5)), (sql, parameters) => batch.BatchCommands.Add(new Statement(sql, parameters).ToCommand()));
                    last = new BusPosition(reader.GetFieldValue<ulong>(6), reader.GetInt64(7));
                    fetched++;
                }
            if (batch.BatchCommands.Count > 0)
                await batch.ExecuteNonQueryAsync(ct);
            count += fetched;
            if (fetched < EventsPerFetch)
                return (count, last);
        }
    }

    private static async Task<BusPosition> CheckpointAsync(NpgsqlConnection connection, View view, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand("SELECT xid, position FROM checkpoints WHERE name = $1", connection);
        command.Parameters.AddWithValue($"view:{view.Name}");
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct) ? new BusPosition(reader.GetFieldValue<ulong>(0), reader.GetInt64(1)) : default;
    }

    private static async Task<ulong> OldestRunningAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand("SELECT pg_snapshot_xmin(pg_current_snapshot())", connection);
        return (ulong)(await command.ExecuteScalarAsync(ct))!;
    }

    private static void AddPosition(NpgsqlCommand command, BusPosition position)
    {
        command.Parameters.Add(new NpgsqlParameter { Value = position.Transaction, NpgsqlDbType = NpgsqlDbType.Xid8 });
        command.Parameters.AddWithValue(position.Row);
    }

    /// <summary>Outside the pool and without prepared statements: the same SQL means another table here.</summary>
    private static async Task<NpgsqlConnection> OpenAsync(ModuleDatabase database, CancellationToken ct)
    {
        await using var door = database.ForWholeTables();
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(door.ConnectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync(ct);
        return connection;
    }

    private static async Task RunAsync(NpgsqlConnection connection, string sql, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(ct);
    }
}
