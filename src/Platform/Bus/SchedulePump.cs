using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;
using Mobility.Platform.Observability;
using Npgsql;

namespace Mobility.Platform.Bus;

/// <summary>
/// Delivers a module's scheduled messages when they are due. A row is taken by moving its due time ahead (so that a crash makes it due
/// again) and is deleted in the transaction of its handler; N processes share the work.
/// </summary>
internal sealed partial class SchedulePump(ModuleDefinition module, ModuleDatabase database, IServiceProvider services, TimeProvider clock, ILogger log)
{
    public const int TakenMax = 32;
    public const int ParallelMax = 64;
    public const int AttemptsMax = 12;
    public static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(200);

    /// <summary>A handler that takes longer is presumed dead and tried elsewhere; its own commit is then fenced off.</summary>
    public static readonly TimeSpan TakenFor = TimeSpan.FromSeconds(60);

    private uint _takings;

    public async Task RunAsync(CancellationToken ct)
    {
        if (module.ScheduledHandlers.Count == 0)
            return;
        var signal = module.Signals.Scheduled(module.Module);
        var slots = new SemaphoreSlim(ParallelMax); // not disposed: handlers that are still under way give their slots back after the end
        while (!ct.IsCancellationRequested)
        {
            var hint = signal.Next;
            try
            {
                await slots.WaitAsync(ct);
                slots.Release(); // only one loop takes slots, so whatever is free now stays free
                var free = Math.Min(slots.CurrentCount, TakenMax);
                var rows = await TakeAsync(free, ct);
                foreach (var row in rows)
                {
                    await slots.WaitAsync(ct);
                    _ = RunOneAsync(row);
                }
                if (rows.Count < free)
                    await Signal.WaitAsync(hint, PollEvery, ct);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                break;
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException)
            {
                LogDatabaseFailed(log, e, module.Module);
                await Task.Delay(TimeSpan.FromSeconds(1), ct).ContinueWith(_ => { }, TaskScheduler.Default);
            }
        }
        for (var ended = 0; ended < ParallelMax; ended++)
            await slots.WaitAsync(CancellationToken.None);

        async Task RunOneAsync(Row row)
        {
            try
            {
                await HandleAsync(row, ct);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                // due again a little later
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException)
            {
                LogDatabaseFailed(log, e, module.Module);
            }
            finally
            {
                slots.Release();
            }
        }
    }

    private async Task<IReadOnlyList<Row>> TakeAsync(int rowsMax, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        // What is scheduled anew while it is handled is taken again, and the fence of the one must not hold for the other, also where a clock stands meanwhile.
        var until = now + TakenFor + TimeSpan.FromMicroseconds(_takings++ % 1_000_000);
        // The taking may be lost in a crash of the database without harm, so it does not wait for the disk.
        return await database.QueryAsync<Row>("""
            UPDATE scheduled s SET attempts = s.attempts + 1, due_at = @until FROM (
                SELECT type, key FROM scheduled WHERE NOT parked AND due_at <= @now ORDER BY due_at LIMIT @rowsMax FOR UPDATE SKIP LOCKED) due,
                (SELECT set_config('synchronous_commit', 'off', true) AS level) lazily
            WHERE s.type = due.type AND s.key = due.key AND lazily.level = 'off'
            RETURNING s.type, s.key, s.due_at, s.data::text AS data, s.metadata::text AS metadata, s.attempts
            """, new { now, until, rowsMax }, ct);
    }

    private async Task HandleAsync(Row row, CancellationToken ct)
    {
        var cause = JsonSerializer.Deserialize<Causation>(row.Metadata, MobilityJson.Stored)!;
        using var correlated = LogLine.Correlate(log, cause.Correlation);
        using var activity = PlatformMetrics.Activities.StartActivity($"{module.Module}.{row.Type} process", ActivityKind.Consumer, cause.Trace);
        try
        {
            if (!module.ScheduledHandlers.TryGetValue(row.Type, out var handler))
                throw new InvalidOperationException($"No handler for the scheduled message '{row.Type}'.");
            for (var race = 0; race < 3; race++)
            {
                var work = new Work(database, module, clock, new Causation($"{module.Module}.{row.Type}", activity?.Id ?? cause.Trace, cause.Correlation),
                    trustsMemory: race == 0 && row.Attempts == 1);
                work.Fence("DELETE FROM scheduled WHERE type = $1 AND key = $2 AND attempts = $3 AND due_at = $4 RETURNING 1",
                    row.Type, row.Key, row.Attempts, new DateTimeOffset(row.DueAt));
                await handler.Handle(handler.Read(row.Data),
                    new Reaction(work, services, new Envelope(Guid.Empty, row.Type, row.Key, module.Module, work.Now, row.Attempts)), ct);
                var result = await work.CommitAsync(ct);
                if (result.Outcome is CommitOutcome.Committed or CommitOutcome.Fenced)
                    return; // fenced: it was scheduled anew or taken back meanwhile
                if (result.Outcome == CommitOutcome.Refused)
                    throw new InvalidOperationException($"{result.Problem!.Code}: {result.Problem.Detail}");
            }
            throw new InvalidOperationException("Lost every race for its stream.");
        }
        catch (Exception e) when (!ct.IsCancellationRequested && e is not NpgsqlException { IsTransient: true })
        {
            activity?.SetStatus(ActivityStatusCode.Error);
            LogFailed(log, e, module.Module, row.Type, row.Key, row.Attempts);
            var parked = row.Attempts >= AttemptsMax;
            if (parked)
                PlatformMetrics.Parked.Add(1, new KeyValuePair<string, object?>("subscription", $"{module.Module}.{row.Type}"));
            await database.ExecuteAsync("""
                UPDATE scheduled SET due_at = @dueAt, parked = @parked, error = @error WHERE type = @Type AND key = @Key AND attempts = @Attempts
                """, new { dueAt = clock.GetUtcNow() + Backoff.After(row.Attempts), parked, error = e.Message, row.Type, row.Key, row.Attempts }, ct);
        }
    }

    private sealed record Row(string Type, Guid Key, DateTime DueAt, string Data, string Metadata, int Attempts);

    [LoggerMessage(EventId = 120, Level = LogLevel.Warning, Message = "{Module} could not handle the scheduled {Type} {Key}, attempt {Attempt}.")]
    private static partial void LogFailed(ILogger log, Exception exception, string module, string type, Guid key, int attempt);

    [LoggerMessage(EventId = 121, Level = LogLevel.Warning, Message = "{Module} waits a second with its schedule: the database does not answer.")]
    private static partial void LogDatabaseFailed(ILogger log, Exception exception, string module);
}
