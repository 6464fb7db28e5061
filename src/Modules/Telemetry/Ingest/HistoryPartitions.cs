using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mobility.Platform.Bus;
using Mobility.Platform.Events;
using Npgsql;

namespace Mobility.Telemetry.Ingest;

/// <summary>One table per day of history: made before it is written to, dropped whole when its time is over.</summary>
internal sealed partial class HistoryPartitions(
    Database<TelemetryModule> database, Election election, IOptions<TelemetryOptions> options, TimeProvider clock, ILogger<HistoryPartitions> log) : BackgroundService
{
    private const string Job = "telemetry.history";
    private static readonly TimeSpan LookAtClockEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CleanEvery = TimeSpan.FromHours(1);

    private readonly ConcurrentDictionary<DateOnly, bool> _known = new();

    /// <summary>Makes the days' tables unless this process knows them.</summary>
    public async ValueTask EnsureAsync(IEnumerable<DateOnly> days, CancellationToken ct)
    {
        foreach (var day in days)
        {
            if (_known.ContainsKey(day))
                continue;
            // The lock ends with the statement's transaction; "if not exists" alone may fail when two processes make the same table at once.
            await database.ExecuteAsync($"""
                SELECT pg_advisory_xact_lock(hashtextextended('telemetry.history', 0));
                CREATE TABLE IF NOT EXISTS {NameOf(day)} PARTITION OF history
                    FOR VALUES FROM ('{Midnight(day)}') TO ('{Midnight(day.AddDays(1))}');
                """, null, ct);
            _known[day] = true;
        }
    }

    /// <summary>Forgets what it knows: a table may have been dropped.</summary>
    public void Forget() => _known.Clear();

    /// <summary>Drops the days before the given one and says how many there were.</summary>
    public async Task<int> DropBeforeAsync(DateOnly first, CancellationToken ct)
    {
        var names = await database.QueryAsync<string>("""
            SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'history'::regclass AND c.relname < @first
            ORDER BY c.relname LIMIT 1000
            """, new { first = NameOf(first) }, ct);
        foreach (var name in names)
            await database.ExecuteAsync($"DROP TABLE IF EXISTS {name}", null, ct);
        Forget();
        return names.Count;
    }

    public static string NameOf(DateOnly day) => $"history_{day.ToString("yyyyMMdd", CultureInfo.InvariantCulture)}";

    public static DateOnly DayOf(DateTimeOffset at) => DateOnly.FromDateTime(at.UtcDateTime);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        election.Enter(Job);
        var nextAt = DateTimeOffset.MinValue;
        try
        {
            while (true)
            {
                if (election.Holds(Job) && clock.GetUtcNow() is var now && now >= nextAt)
                {
                    nextAt = now + CleanEvery;
                    await CleanAsync(DayOf(now), stoppingToken);
                }
                await Task.Delay(LookAtClockEvery, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // the process stops
        }
    }

    private async Task CleanAsync(DateOnly today, CancellationToken ct)
    {
        try
        {
            await EnsureAsync([today, today.AddDays(1)], ct); // nobody waits for a table at midnight
            if (await DropBeforeAsync(today.AddDays(-options.Value.HistoryDays), ct) is > 0 and var dropped)
                LogDropped(log, dropped);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException && !ct.IsCancellationRequested)
        {
            LogFailed(log, e);
        }
    }

    private static string Midnight(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) + " 00:00:00+00";

    [LoggerMessage(EventId = 8001, Level = LogLevel.Information, Message = "Dropped {Count} days of history whose time was over.")]
    private static partial void LogDropped(ILogger log, int count);

    [LoggerMessage(EventId = 8002, Level = LogLevel.Warning, Message = "The days of history could not be looked after; another try in an hour.")]
    private static partial void LogFailed(ILogger log, Exception exception);
}
