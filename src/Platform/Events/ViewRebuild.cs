using System.Data;
using System.Globalization;
using Mobility.Platform.Bus;
using Mobility.Platform.Modules;
using Npgsql;

namespace Mobility.Platform.Events;

/// <summary>
/// Builds a view a second time from its events, beside the live one, and says where the two differ. The live tables are never written: the second ones are
/// temporary tables of the same names, which PostgreSQL finds first, and the transaction is read-only for everything else.
/// </summary>
public static class ViewRebuild
{
    private const int BatchMax = 1_000;
    private const int RowTextLengthMax = 80;

    /// <summary>Compares row by row, in one consistent look at the database.</summary>
    /// <param name="connectionString">The platform's; the work is done as the module's role.</param>
    /// <param name="module">The owner.</param>
    /// <param name="view">One of its views.</param>
    /// <param name="limit">Differences listed per table and side at most.</param>
    /// <param name="ct">Gives up.</param>
    /// <returns>One line per differing row: the table, on which side the row is, and how it begins. Empty when they are equal.</returns>
    public static async Task<IReadOnlyList<string>> CompareAsync(
        string connectionString, ModuleDefinition module, View view, int limit, CancellationToken ct)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString)
        {
            SearchPath = module.Module,
            Options = $"-c role={ModuleDatabase.RoleOf(module.Module)}",
            ApplicationName = $"mobility-{module.Module}-rebuild",
            Timezone = "UTC",
            CommandTimeout = 0, // a large view takes long; the caller's token ends it
            Pooling = false, // the temporary tables end with the connection, and no prepared statement remembers the live ones
        };
        await using var connection = new NpgsqlConnection(settings.ConnectionString);
        await connection.OpenAsync(ct);
        foreach (var table in view.Tables)
            await ExecuteAsync(connection, $"CREATE TEMPORARY TABLE {table} (LIKE {module.Module}.{table} INCLUDING ALL)", ct);
        await using var look = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, ct);
        await ExecuteAsync(connection, "SET TRANSACTION READ ONLY", ct);
        await FillAsync(connection, module, view, ct);
        var differences = new List<string>();
        foreach (var table in view.Tables)
        {
            await AddDifferencesAsync(connection, $"{table}: only live", $"{module.Module}.{table}", $"pg_temp.{table}", limit, differences, ct);
            await AddDifferencesAsync(connection, $"{table}: only rebuilt", $"pg_temp.{table}", $"{module.Module}.{table}", limit, differences, ct);
        }

        return differences;
    }

    private static async Task FillAsync(NpgsqlConnection connection, ModuleDefinition module, View view, CancellationToken ct)
    {
        var end = view.Exact ? new BusPosition(ulong.MaxValue, long.MaxValue) : await CheckpointAsync(connection, view, ct);
        var after = new BusPosition(0, 0);
        while (true)
        {
            var batch = new NpgsqlBatch(connection);
            var events = await ReadAsync(connection, module, view, after, end, ct);
            foreach (var (position, stored) in events)
            {
                view.Apply(stored, (sql, parameters) => batch.BatchCommands.Add(Work.Statement(sql, parameters)));
                after = position;
            }

            await using (batch)
            {
                if (batch.BatchCommands.Count > 0)
                    await batch.ExecuteNonQueryAsync(ct);
            }

            if (events.Count < BatchMax)
                return;
        }
    }

    private static async Task<List<(BusPosition Position, ViewEvent Event)>> ReadAsync(
        NpgsqlConnection connection, ModuleDefinition module, View view, BusPosition after, BusPosition end, CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(Work.Statement("""
            SELECT xid, position, stream_type, stream_id, version, type, data::text, at FROM events
            WHERE (xid, position) > ($1, $2) AND (xid, position) <= ($3, $4) AND stream_type = ANY($5)
            ORDER BY xid, position LIMIT $6
            """,
            [after.Transaction, after.Row, end.Transaction, end.Row, view.StreamTypes.ToArray(), BatchMax]));
        await using var reader = await batch.ExecuteReaderAsync(ct);
        var events = new List<(BusPosition, ViewEvent)>();
        while (await reader.ReadAsync(ct))
        {
            var stream = module.Streams[reader.GetString(2)];
            events.Add((
                new BusPosition(reader.GetFieldValue<ulong>(0), reader.GetInt64(1)),
                new ViewEvent(
                    stream.Name, reader.GetGuid(3), reader.GetInt32(4), stream.ReadEvent(reader.GetString(5), reader.GetString(6)),
                    reader.GetFieldValue<DateTimeOffset>(7))));
        }

        return events;
    }

    /// <summary>A view that follows with a lag is compared as of where it stands.</summary>
    private static async Task<BusPosition> CheckpointAsync(NpgsqlConnection connection, View view, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand("SELECT xid, position FROM checkpoints WHERE name = $1", connection);
        command.Parameters.AddWithValue($"view:{view.Name}");
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct) ? new BusPosition(reader.GetFieldValue<ulong>(0), reader.GetInt64(1)) : new BusPosition(0, 0);
    }

    private static async Task AddDifferencesAsync(
        NpgsqlConnection connection, string what, string left, string right, int limit, List<string> differences, CancellationToken ct)
    {
        var length = RowTextLengthMax.ToString(CultureInfo.InvariantCulture);
        await using var command = new NpgsqlCommand($"""
            SELECT left(row, {length}) FROM (SELECT l::text AS row FROM {left} l EXCEPT ALL SELECT r::text FROM {right} r) AS difference
            ORDER BY row LIMIT $1
            """, connection);
        command.Parameters.AddWithValue(limit);
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
            differences.Add($"{what} {reader.GetString(0)}");
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(ct);
    }
}
