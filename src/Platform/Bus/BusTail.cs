using System.Diagnostics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;
using Npgsql;
using NpgsqlTypes;

namespace Mobility.Platform.Bus;

/// <summary>A place in the bus's log: by transaction, then by row. Reading in this order below the oldest running transaction skips nothing.</summary>
public readonly record struct BusPosition(ulong Transaction, long Row) : IComparable<BusPosition>
{
    /// <inheritdoc/>
    public int CompareTo(BusPosition other) => Transaction != other.Transaction ? Transaction.CompareTo(other.Transaction) : Row.CompareTo(other.Row);

    /// <summary>Order of delivery.</summary>
    public static bool operator <(BusPosition left, BusPosition right) => left.CompareTo(right) < 0;

    /// <summary>Order of delivery.</summary>
    public static bool operator >(BusPosition left, BusPosition right) => left.CompareTo(right) > 0;

    /// <summary>Order of delivery.</summary>
    public static bool operator <=(BusPosition left, BusPosition right) => left.CompareTo(right) <= 0;

    /// <summary>Order of delivery.</summary>
    public static bool operator >=(BusPosition left, BusPosition right) => left.CompareTo(right) >= 0;
}

/// <summary>A row of the bus's log.</summary>
public sealed record BusMessage(BusPosition Position, Guid Id, string Type, Guid Key, string Source, string Data, string Metadata, DateTimeOffset At);

/// <summary>
/// Reads the end of the bus's log once for all subscriptions of the process and keeps the last messages in memory. A subscription that is
/// further behind reads the table itself.
/// </summary>
public sealed partial class BusTail(Database<PlatformModule> database, Signals signals, ILogger<BusTail> log) : BackgroundService
{
    /// <summary>Messages kept in memory.</summary>
    public const int KeptMax = 20_000;

    /// <summary>Rows of one read.</summary>
    public const int BatchMax = 2_000;

    /// <summary>Longest time until a message of another process is seen.</summary>
    public static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(25);

    /// <summary>Pause after a read when many were made lately: what commits meanwhile shares the next one.</summary>
    public static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(2);

    /// <summary>Reads within <see cref="Lately"/> that need no pause: a chain of reactions, each of which is one read, goes on without any.</summary>
    public const int ReadsWithoutBreath = 40;

    private static readonly TimeSpan PauseAfterFind = Breath * 4;
    private static readonly TimeSpan Lately = TimeSpan.FromMilliseconds(100);

    internal const string Columns = "xid, position, id, type, key, source, data::text, metadata::text, at";
    private readonly Lock _gate = new();
    private readonly List<BusMessage> _kept = [];
    private BusPosition? _keptAfter; // everything behind this place is in _kept, up to what was read
    private BusPosition _readUpTo;
    private long _readAt;

    /// <summary>Something new was read.</summary>
    public Signal News { get; } = new();

    /// <summary>The place of the newest message that was read.</summary>
    public BusPosition ReadUpTo
    {
        get
        {
            lock (_gate)
                return _readUpTo;
        }
    }

    /// <summary>Messages of one contract after a place, from memory; null when memory does not reach back that far.</summary>
    public (List<BusMessage> Messages, BusPosition ExaminedUpTo)? TryRead(BusPosition after, string contract, int max)
    {
        lock (_gate)
        {
            if (_keptAfter is not { } keptAfter || after < keptAfter)
                return null;
            var messages = new List<BusMessage>();
            var examined = after;
            for (var i = FirstAfter(after); i < _kept.Count && messages.Count < max; i++)
            {
                examined = _kept[i].Position;
                if (_kept[i].Type == contract)
                    messages.Add(_kept[i]);
            }
            return (messages, examined);
        }
    }

    /// <summary>Real time since the log was last read without an error; null before the first time.</summary>
    public TimeSpan? SinceRead => Interlocked.Read(ref _readAt) is not 0 and var at ? Stopwatch.GetElapsedTime(at) : null;

    /// <summary>How many messages of one contract are known behind a place, and when the oldest was published; sees only what is in memory.</summary>
    public (int Count, DateTimeOffset? OldestAt) CountAfter(BusPosition place, string contract)
    {
        lock (_gate)
        {
            var count = 0;
            DateTimeOffset? oldestAt = null;
            for (var i = FirstAfter(place); i < _kept.Count; i++)
            {
                if (_kept[i].Type != contract)
                    continue;
                count++;
                oldestAt ??= _kept[i].At;
            }
            return (count, oldestAt);
        }
    }

    /// <summary>Messages of one contract after a place, from the table.</summary>
    public async Task<(List<BusMessage> Messages, BusPosition ExaminedUpTo)> ReadAsync(BusPosition after, string contract, int max, CancellationToken ct)
    {
        BusPosition? keptAfter;
        lock (_gate)
            keptAfter = _keptAfter; // taken before the table is read: what memory has let go by now, the table shows
        var rows = await SelectAsync($"""
            SELECT {Columns} FROM bus.messages
            WHERE (xid, position) > ($1, $2) AND xid < pg_snapshot_xmin(pg_current_snapshot()) AND type = $4
            ORDER BY xid, position LIMIT $3
            """, after, max, contract, ct);
        // Nothing of this contract is left before the place where memory begins: memory takes over.
        return (rows, rows.Count > 0 ? rows[^1].Position : keptAfter is { } place && place > after ? place : after);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var pause = PollEvery;
        var (reads, since) = (0, Stopwatch.GetTimestamp());
        while (!stoppingToken.IsCancellationRequested)
        {
            var hint = signals.Published.Next;
            try
            {
                var read = _keptAfter is null ? await BeginAsync(stoppingToken) : await ReadOnAsync(stoppingToken);
                Interlocked.Exchange(ref _readAt, Stopwatch.GetTimestamp());
                if (read > 0)
                {
                    News.Set();
                    pause = PauseAfterFind;
                }
                if (Stopwatch.GetElapsedTime(since) > Lately)
                    (reads, since) = (0, Stopwatch.GetTimestamp());
                if (++reads > ReadsWithoutBreath)
                    await Task.Delay(Breath, stoppingToken);
                if (read == BatchMax)
                    continue;
                // What a hint told of shows only when every older transaction has ended: soon.
                await Signal.WaitAsync(hint, pause, stoppingToken);
                pause = hint.IsCompleted ? Breath : pause * 2 < PollEvery ? pause * 2 : PollEvery;
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException)
            {
                LogReadFailed(log, e);
                await Task.Delay(TimeSpan.FromSeconds(1), stoppingToken);
            }
        }
    }

    private async Task<int> BeginAsync(CancellationToken ct)
    {
        // Behind the oldest transaction that still runs nothing can appear any more: memory begins there.
        await using var command = database.Source.CreateCommand("SELECT pg_snapshot_xmin(pg_current_snapshot())");
        var oldest = (ulong)(await command.ExecuteScalarAsync(ct))!;
        lock (_gate)
            _keptAfter = _readUpTo = new BusPosition(oldest - 1, long.MaxValue);
        News.Set();
        return 0;
    }

    private async Task<int> ReadOnAsync(CancellationToken ct)
    {
        var rows = await SelectAsync($"""
            SELECT {Columns} FROM bus.messages
            WHERE (xid, position) > ($1, $2) AND xid < pg_snapshot_xmin(pg_current_snapshot())
            ORDER BY xid, position LIMIT $3
            """, _readUpTo, BatchMax, null, ct);
        if (rows.Count == 0)
            return 0;
        lock (_gate)
        {
            _kept.AddRange(rows);
            _readUpTo = rows[^1].Position;
            if (_kept.Count > KeptMax)
            {
                var dropped = _kept.Count - KeptMax / 2;
                _keptAfter = _kept[dropped - 1].Position;
                _kept.RemoveRange(0, dropped);
            }
        }
        return rows.Count;
    }

    private async Task<List<BusMessage>> SelectAsync(string sql, BusPosition after, int limit, string? contract, CancellationToken ct)
    {
        await using var command = database.Source.CreateCommand(sql);
        command.Parameters.Add(new NpgsqlParameter { Value = after.Transaction, NpgsqlDbType = NpgsqlDbType.Xid8 });
        command.Parameters.AddWithValue(after.Row);
        command.Parameters.AddWithValue(limit);
        if (contract is not null)
            command.Parameters.AddWithValue(contract);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<BusMessage>();
        while (await reader.ReadAsync(ct))
            rows.Add(new BusMessage(new BusPosition(reader.GetFieldValue<ulong>(0), reader.GetInt64(1)), reader.GetGuid(2), reader.GetString(3),
                reader.GetGuid(4), reader.GetString(5), reader.GetString(6), reader.GetString(7), reader.GetFieldValue<DateTimeOffset>(8)));
        return rows;
    }

    private int FirstAfter(BusPosition after)
    {
        var (low, high) = (0, _kept.Count);
        while (low < high)
        {
            var middle = low + (high - low) / 2;
            if (_kept[middle].Position <= after)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    [LoggerMessage(EventId = 101, Level = LogLevel.Warning, Message = "The bus's log could not be read; another try in a second.")]
    private static partial void LogReadFailed(ILogger log, Exception exception);
}
