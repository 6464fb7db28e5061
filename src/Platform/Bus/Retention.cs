using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;
using Mobility.Platform.Observability;
using Npgsql;

namespace Mobility.Platform.Bus;

/// <summary>
/// Deletes what nobody needs any more, in small steps, in one process at a time: messages that every subscription of every module has passed (the function
/// <c>bus.trim</c> compares all checkpoints; a subscription that lags or was taken out of the program holds everything behind it back, so nothing is lost), and
/// replies to commands whose sender has stopped repeating. Events are never deleted.
/// </summary>
public sealed partial class Retention(
    IReadOnlyList<ModuleDefinition> modules, Database<PlatformModule> platform, IServiceProvider services, Election election, TimeProvider clock,
    ILogger<Retention> log) : BackgroundService
{
    /// <summary>How long a message stays in the bus's log.</summary>
    public static readonly TimeSpan KeepMessages = TimeSpan.FromDays(7);

    /// <summary>How long the reply to an Idempotency-Key is remembered.</summary>
    public static readonly TimeSpan KeepReplies = TimeSpan.FromDays(7);

    /// <summary>Time between two cleanings, on the injected clock.</summary>
    public static readonly TimeSpan CleanEvery = TimeSpan.FromHours(1);

    /// <summary>Rows that one statement deletes.</summary>
    public const int BatchMax = 5_000;

    /// <summary>Statements of one cleaning; what is left waits for the next.</summary>
    public const int BatchesMax = 200;

    private static readonly TimeSpan LookAtClockEvery = TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var jobs = modules.Select(m => new Job($"retention.{m.Module}", "idempotency", DeleteRepliesOf(m))).Prepend(new Job("retention.bus", "bus.messages", TrimBusAsync)).ToArray();
        foreach (var job in jobs)
            election.Enter(job.Name);
        try
        {
            while (true)
            {
                foreach (var job in jobs.Where(j => election.Holds(j.Name) && clock.GetUtcNow() >= j.NextAt))
                    await CleanAsync(job, stoppingToken);
                await Task.Delay(LookAtClockEvery, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // the process stops
        }
    }

    private async Task CleanAsync(Job job, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        job.NextAt = now + CleanEvery;
        try
        {
            long deleted = 0;
            for (var batch = 0; batch < BatchesMax; batch++)
            {
                var rows = await job.DeleteAsync(now, ct);
                deleted += rows;
                if (rows < BatchMax)
                    break;
            }
            if (deleted == 0)
                return;
            PlatformMetrics.Trimmed.Add(deleted, new KeyValuePair<string, object?>("table", job.Table));
            LogDeleted(log, job.Name, deleted);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException && !ct.IsCancellationRequested)
        {
            LogFailed(log, e, job.Name);
        }
    }

    private async Task<long> TrimBusAsync(DateTimeOffset now, CancellationToken ct) => await platform.QuerySingleOrDefaultAsync<long>(
        "SELECT bus.trim(@olderThan, @BatchMax)", new { olderThan = now - KeepMessages, BatchMax }, ct);

    private Func<DateTimeOffset, CancellationToken, Task<long>> DeleteRepliesOf(ModuleDefinition module)
    {
        var database = services.GetRequiredKeyedService<ModuleDatabase>(module.Module);
        return async (now, ct) => await database.ExecuteAsync("""
            DELETE FROM idempotency WHERE (caller, key) IN (SELECT caller, key FROM idempotency WHERE at < @olderThan ORDER BY at LIMIT @BatchMax)
            """, new { olderThan = now - KeepReplies, BatchMax }, ct);
    }

    private sealed record Job(string Name, string Table, Func<DateTimeOffset, CancellationToken, Task<long>> DeleteAsync)
    {
        public DateTimeOffset NextAt { get; set; }
    }

    [LoggerMessage(EventId = 140, Level = LogLevel.Information, Message = "{Job} deleted {Rows} rows whose time was over.")]
    private static partial void LogDeleted(ILogger log, string job, long rows);

    [LoggerMessage(EventId = 141, Level = LogLevel.Warning, Message = "{Job} did not finish; another try in an hour.")]
    private static partial void LogFailed(ILogger log, Exception exception, string job);
}
