using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;
using Mobility.Platform.Observability;
using Npgsql;
using NpgsqlTypes;

namespace Mobility.Platform.Bus;

/// <summary>
/// Delivers to the reactions of one module what they subscribed to, in order per key. What the reactions write and how far each subscription has come commit
/// together, so that a message acts once however often the process dies.
/// 1. Read the next messages behind each subscription's checkpoint, and put them in the order of the log.
/// 2. Handle them in one transaction, fenced by the checkpoints.
/// 3. If that fails, handle them one by one; a message that fails alone goes to the inbox, and later ones of its key queue behind it.
/// 4. Retry what waits in the inbox with growing pauses; after <see cref="AttemptsMax"/> tries park it where an operator sees it.
/// </summary>
internal sealed partial class ReactionPump(
    ModuleDefinition module, ModuleDatabase database, BusTail tail, Election election, IServiceProvider services, TimeProvider clock, ILogger log)
{
    /// <summary>Messages of one transaction.</summary>
    public const int BatchMax = 100;

    /// <summary>Tries until a message is parked.</summary>
    public const int AttemptsMax = 8;

    private const int RaceTriesMax = 3;
    private static readonly TimeSpan LookAtInboxEvery = TimeSpan.FromMilliseconds(500);
    private readonly IReadOnlyList<Subscriber> _subscribers = [.. module.Subscriptions.Select(s => new Subscriber(s))];
    private readonly string _job = $"reactions:{module.Module}";
    private volatile bool _ready;

    private readonly record struct Delivery(Subscriber To, BusMessage Message);

    /// <summary>How far each subscription has come, while this process runs them; for the lag metric.</summary>
    public IEnumerable<(Subscription Subscription, BusPosition Examined)> Places =>
        election.Holds(_job) && _ready ? _subscribers.Select(s => (s.Subscription, s.Examined)) : [];

    public async Task RunAsync(CancellationToken ct)
    {
        if (_subscribers.Count == 0)
            return;
        election.Enter(_job);
        var lookedAtInboxAt = 0L;
        while (!ct.IsCancellationRequested)
        {
            try
            {
                if (!election.Holds(_job))
                {
                    _ready = false;
                    await election.WaitAsync(_job, ct);
                    continue;
                }
                if (!_ready)
                {
                    await LoadCheckpointsAsync(ct);
                    _ready = true;
                }
                if (Stopwatch.GetElapsedTime(lookedAtInboxAt) > LookAtInboxEvery)
                {
                    lookedAtInboxAt = Stopwatch.GetTimestamp();
                    await RetryInboxAsync(ct);
                }
                var news = tail.News.Next;
                var deliveries = await NextAsync(ct);
                if (deliveries.Count > 0)
                    _ready = await HandleTogetherAsync(deliveries, ct) || await HandleOneByOneAsync(deliveries, ct); // else another process moved a checkpoint
                else if (_subscribers.Any(s => s.IsOverdue))
                    _ready = await StoreExaminedAsync(ct);
                else
                    await Signal.WaitAsync(news, LookAtInboxEvery, ct);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException)
            {
                LogDatabaseFailed(log, e, module.Module);
                _ready = false;
                await Task.Delay(TimeSpan.FromSeconds(1), ct).ContinueWith(_ => { }, TaskScheduler.Default);
            }
        }
    }

    private async Task LoadCheckpointsAsync(CancellationToken ct)
    {
        await using var command = database.Source.CreateCommand("""
            INSERT INTO checkpoints (name) SELECT unnest($1::text[]) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING name, xid, position
            """);
        command.Parameters.AddWithValue(_subscribers.Select(s => s.Name).ToArray());
        await using (var reader = await command.ExecuteReaderAsync(ct))
            while (await reader.ReadAsync(ct))
                SubscriberOf(reader.GetString(0)).BeginAt(new BusPosition(reader.GetFieldValue<ulong>(1), reader.GetInt64(2)));
        foreach (var (name, key) in await database.QueryAsync<(string, Guid)>(
            "SELECT DISTINCT subscription, key FROM inbox WHERE subscription = ANY(@Names) AND state = 'waiting'", new { Names = NamesOf(_subscribers) }, ct))
            SubscriberOf(name).BlockedKeys.Add(key);
    }

    /// <summary>Step 1.</summary>
    private async Task<IReadOnlyList<Delivery>> NextAsync(CancellationToken ct)
    {
        var deliveries = new List<Delivery>();
        foreach (var subscriber in _subscribers)
        {
            var (messages, examined) = tail.TryRead(subscriber.Examined, subscriber.Contract, BatchMax)
                ?? await tail.ReadAsync(subscriber.Examined, subscriber.Contract, BatchMax, ct);
            if (messages.Count == 0)
                subscriber.Examined = examined;
            foreach (var message in messages)
                deliveries.Add(new Delivery(subscriber, message));
        }
        return [.. deliveries.OrderBy(d => d.Message.Position).Take(BatchMax)];
    }

    /// <summary>Step 2. False when anything at all went wrong; nothing is stored then.</summary>
    private async Task<bool> HandleTogetherAsync(IReadOnlyList<Delivery> deliveries, CancellationToken ct)
    {
        var work = NewWork(trustsMemory: true);
        var moves = deliveries.GroupBy(d => d.To).Select(g => (To: g.Key, Place: g.Last().Message.Position, Count: g.Count())).ToArray();
        FenceTo(work, [.. moves.Select(m => (m.To, m.Place))]);
        var activities = new List<Activity?>(deliveries.Count);
        try
        {
            foreach (var delivery in deliveries)
            {
                if (delivery.To.BlockedKeys.Contains(delivery.Message.Key))
                    Queue(work, delivery, attempts: 0, work.Now, error: null);
                else
                    activities.Add(await HandleAsync(work, delivery, attempt: 1, ct));
            }
            using var commit = PumpTraces.StartCommit(module.Module, activities);
            if ((await work.CommitAsync(ct)).Outcome != CommitOutcome.Committed)
                return false;
        }
        catch (Exception e) when (!ct.IsCancellationRequested && e is not NpgsqlException { IsTransient: true })
        {
            work.ForgetStreams();
            return false;
        }
        finally
        {
            foreach (var activity in activities)
                activity?.Dispose();
        }
        foreach (var (to, place, count) in moves)
        {
            PlatformMetrics.Delivered.Add(count, new KeyValuePair<string, object?>("subscription", to.Name));
            to.MoveTo(place);
        }
        return true;
    }

    /// <summary>Step 3. False when a checkpoint is not ours any more.</summary>
    private async Task<bool> HandleOneByOneAsync(IReadOnlyList<Delivery> deliveries, CancellationToken ct)
    {
        foreach (var delivery in deliveries)
        {
            var (to, message) = delivery;
            var outcome = to.BlockedKeys.Contains(message.Key)
                ? await QueueAsync(delivery, attempts: 0, clock.GetUtcNow(), error: null, ct)
                : await HandleAloneAsync(delivery, attempt: 1, work => FenceTo(work, [(to, message.Position)]), ct);
            if (outcome is { } failed)
            {
                LogFailed(failed, delivery, 1);
                to.BlockedKeys.Add(message.Key);
                if (await QueueAsync(delivery, attempts: 1, clock.GetUtcNow() + Backoff.After(1), failed.Message, ct) is not null)
                    return false;
            }
            to.MoveTo(message.Position);
        }
        return true;
    }

    /// <summary>Handles one message in its own transaction, again when it lost a race. Returns what finally went wrong, or null.</summary>
    private async Task<Exception?> HandleAloneAsync(Delivery delivery, int attempt, Action<Work> fence, CancellationToken ct)
    {
        Exception? failed = null;
        for (var race = 0; race < RaceTriesMax; race++)
        {
            var work = NewWork(trustsMemory: false);
            fence(work);
            try
            {
                using var activity = await HandleAsync(work, delivery, attempt, ct);
                var result = await work.CommitAsync(ct);
                if (result.Outcome == CommitOutcome.Committed)
                {
                    PlatformMetrics.Delivered.Add(1, new KeyValuePair<string, object?>("subscription", delivery.To.Name));
                    return null;
                }
                failed = new InvalidOperationException(result.Problem is { } problem ? $"{problem.Code}: {problem.Detail}" : $"The commit ended as {result.Outcome}.");
                if (result.Outcome != CommitOutcome.VersionConflict)
                    return failed;
            }
            catch (Exception e) when (!ct.IsCancellationRequested && e is not NpgsqlException { IsTransient: true })
            {
                return e;
            }
        }
        return failed;
    }

    private async Task<Exception?> QueueAsync(Delivery delivery, int attempts, DateTimeOffset dueAt, string? error, CancellationToken ct)
    {
        var work = NewWork(trustsMemory: true);
        FenceTo(work, [(delivery.To, delivery.Message.Position)]);
        Queue(work, delivery, attempts, dueAt, error);
        return (await work.CommitAsync(ct)).Outcome == CommitOutcome.Committed ? null : new InvalidOperationException("The checkpoint moved.");
    }

    private static void Queue(Work work, Delivery delivery, int attempts, DateTimeOffset dueAt, string? error)
    {
        var message = delivery.Message;
        work.Execute("""
            INSERT INTO inbox (subscription, message_id, key, xid, position, type, source, data, metadata, at, state, attempts, due_at, error)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'waiting', $11, $12, $13)
            """, delivery.To.Name, message.Id, message.Key, message.Position.Transaction, message.Position.Row, message.Type, message.Source,
            new Json(message.Data), new Json(message.Metadata), message.At, attempts, dueAt, error);
    }

    /// <summary>Step 4. Only the oldest waiting message of a key is tried.</summary>
    private async Task RetryInboxAsync(CancellationToken ct)
    {
        const int rowsMax = 100;
        var rows = await database.QueryAsync<InboxRow>($"""
            SELECT DISTINCT ON (subscription, key) subscription, message_id, key, xid::text AS xid, position, type, source, data::text AS data,
                metadata::text AS metadata, at, attempts, due_at
            FROM inbox WHERE subscription = ANY(@Names) AND state = 'waiting' ORDER BY subscription, key, xid, position LIMIT {rowsMax}
            """, new { Names = NamesOf(_subscribers) }, ct);
        if (rows.Count < rowsMax)
            foreach (var subscriber in _subscribers)
                subscriber.BlockedKeys.Clear();
        foreach (var row in rows)
            SubscriberOf(row.Subscription).BlockedKeys.Add(row.Key); // an operator may have replayed a parked message
        var now = clock.GetUtcNow();
        foreach (var row in rows.Where(r => r.DueAt <= now))
        {
            var delivery = new Delivery(SubscriberOf(row.Subscription), row.ToMessage());
            var failed = await HandleAloneAsync(delivery, row.Attempts + 1, work => work.Fence(
                "DELETE FROM inbox WHERE subscription = $1 AND message_id = $2 AND state = 'waiting' RETURNING 1", row.Subscription, row.MessageId), ct);
            if (failed is null)
                continue;
            var attempts = row.Attempts + 1;
            var parked = attempts >= AttemptsMax;
            LogFailed(failed, delivery, attempts);
            if (parked)
                PlatformMetrics.Parked.Add(1, new KeyValuePair<string, object?>("subscription", row.Subscription));
            await database.ExecuteAsync("""
                UPDATE inbox SET attempts = @attempts, state = @state, due_at = @dueAt, error = @error
                WHERE subscription = @Subscription AND message_id = @MessageId
                """, new
            {
                attempts,
                state = parked ? "parked" : "waiting",
                dueAt = now + Backoff.After(attempts),
                error = failed.Message,
                row.Subscription,
                row.MessageId,
            }, ct);
        }
    }

    private async Task<Activity?> HandleAsync(Work work, Delivery delivery, int attempt, CancellationToken ct)
    {
        var (to, message) = delivery;
        var cause = JsonSerializer.Deserialize<Causation>(message.Metadata, MobilityJson.Stored)!;
        using var correlated = LogLine.Correlate(log, cause.Correlation);
        var activity = PumpTraces.StartProcess(to.Name, message, cause);
        work.ActAs(new Causation(to.Name, activity?.Id ?? cause.Trace, cause.Correlation));
        try
        {
            await to.Subscription.Handle(to.Subscription.Read(message.Data),
                new Reaction(work, services, new Envelope(message.Id, message.Type, message.Key, message.Source, message.At, attempt)), ct);
            return activity;
        }
        catch
        {
            activity?.SetStatus(ActivityStatusCode.Error);
            activity?.Dispose();
            throw;
        }
    }

    private void LogFailed(Exception failed, Delivery delivery, int attempt)
    {
        using var correlated = LogLine.Correlate(log, JsonSerializer.Deserialize<Causation>(delivery.Message.Metadata, MobilityJson.Stored)!.Correlation);
        LogFailed(log, failed, delivery.To.Name, delivery.Message.Type, delivery.Message.Id, attempt);
    }

    private Work NewWork(bool trustsMemory) => new(database, module, clock, new Causation(module.Module, null, null), trustsMemory);

    private Subscriber SubscriberOf(string name) => _subscribers.First(s => s.Name == name);

    private static string[] NamesOf(IEnumerable<Subscriber> subscribers) => [.. subscribers.Select(s => s.Name)];

    /// <summary>Nothing of the work is stored unless every checkpoint is still where this process left it.</summary>
    private static void FenceTo(Work work, IReadOnlyList<(Subscriber To, BusPosition Place)> moves) => work.ExecuteFirst("""
        WITH moved AS (
            UPDATE checkpoints c SET xid = m.xid, position = m.position
            FROM unnest($1::text[], $2::xid8[], $3::bigint[], $4::xid8[], $5::bigint[]) AS m(name, xid, position, from_xid, from_position)
            WHERE c.name = m.name AND c.xid = m.from_xid AND c.position = m.from_position RETURNING 1)
        SELECT platform.require((SELECT count(*) FROM moved) = cardinality($1), 'fence')
        """,
        moves.Select(m => m.To.Name).ToArray(), Xids(moves.Select(m => m.Place)), moves.Select(m => m.Place.Row).ToArray(),
        Xids(moves.Select(m => m.To.Stored)), moves.Select(m => m.To.Stored.Row).ToArray());

    private async Task<bool> StoreExaminedAsync(CancellationToken ct)
    {
        var work = NewWork(trustsMemory: true);
        var overdue = _subscribers.Where(s => s.IsOverdue).ToArray();
        FenceTo(work, [.. overdue.Select(s => (s, s.Examined))]);
        var stored = (await work.CommitAsync(ct)).Outcome == CommitOutcome.Committed;
        foreach (var subscriber in stored ? overdue : [])
            subscriber.MoveTo(subscriber.Examined);
        return stored;
    }

    private static NpgsqlParameter Xids(IEnumerable<BusPosition> places) =>
        new() { Value = places.Select(p => p.Transaction).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Xid8 };

    /// <summary>One subscription and how far it has come.</summary>
    private sealed class Subscriber(Subscription subscription)
    {
        /// <summary>Who hears little holds back no deletion of old messages.</summary>
        private static readonly TimeSpan StoreExaminedEvery = TimeSpan.FromSeconds(30);

        private long _movedAt;

        public Subscription Subscription => subscription;

        public string Name => subscription.Name;

        public string Contract => subscription.Contract;

        /// <summary>The checkpoint in the database.</summary>
        public BusPosition Stored { get; private set; }

        /// <summary>Behind the checkpoint, nothing up to here is for this subscription.</summary>
        public BusPosition Examined { get; set; }

        /// <summary>Keys of which a message waits in the inbox.</summary>
        public HashSet<Guid> BlockedKeys { get; } = [];

        public bool IsOverdue => Examined > Stored && Stopwatch.GetElapsedTime(_movedAt) > StoreExaminedEvery;

        public void BeginAt(BusPosition place)
        {
            Stored = Examined = place;
            BlockedKeys.Clear();
        }

        public void MoveTo(BusPosition place) => (Stored, Examined, _movedAt) = (place, place, Stopwatch.GetTimestamp());
    }

    [LoggerMessage(EventId = 110, Level = LogLevel.Warning, Message = "{Subscription} could not handle {Contract} {MessageId}, attempt {Attempt}.")]
    private static partial void LogFailed(ILogger log, Exception exception, string subscription, string contract, Guid messageId, int attempt);

    [LoggerMessage(EventId = 111, Level = LogLevel.Warning, Message = "The reactions of {Module} wait a second: the database does not answer.")]
    private static partial void LogDatabaseFailed(ILogger log, Exception exception, string module);
}
