using System.Collections.Concurrent;
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
/// Delivers one contract to one reaction, in order per key. What the reaction writes and how far it has come commit together, so that a
/// message acts once however often the process dies.
/// 1. Read the next messages behind the checkpoint.
/// 2. Handle them in one transaction, fenced by the checkpoint.
/// 3. If that fails, handle them one by one; a message that fails alone goes to the inbox, and later ones of its key queue behind it.
/// 4. Retry what waits in the inbox with growing pauses; after <see cref="AttemptsMax"/> tries park it where an operator sees it.
/// </summary>
internal sealed partial class SubscriptionPump(
    ModuleDefinition module, Subscription subscription, ModuleDatabase database, BusTail tail, Election election,
    IServiceProvider services, TimeProvider clock, ILogger log)
{
    /// <summary>Messages of one transaction.</summary>
    public const int BatchMax = 200;

    /// <summary>Tries until a message is parked.</summary>
    public const int AttemptsMax = 8;

    private const int RaceTriesMax = 3;
    private static readonly TimeSpan LookAtInboxEvery = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan StoreExaminedEvery = TimeSpan.FromSeconds(30); // who hears little holds back no deletion of old messages
    private readonly ConcurrentDictionary<Guid, bool> _blockedKeys = new();
    private BusPosition _stored;
    private BusPosition _examined;
    private long _movedAt;
    private volatile bool _ready;

    public string Name => subscription.Name;

    /// <summary>How far this subscription has come; for the lag metric.</summary>
    public BusPosition Examined => _examined;

    public string Contract => subscription.Contract;

    /// <summary>Whether this process runs it now and knows how far it is.</summary>
    public bool IsOurs => election.Holds(Name) && _ready;

    public async Task RunAsync(CancellationToken ct)
    {
        election.Enter(Name);
        _ready = false;
        var lookedAtInboxAt = 0L;
        while (!ct.IsCancellationRequested)
        {
            try
            {
                if (!election.Holds(Name))
                {
                    _ready = false;
                    await election.WaitAsync(Name, ct);
                    continue;
                }
                if (!_ready)
                {
                    await LoadCheckpointAsync(ct);
                    _ready = true;
                }
                if (Stopwatch.GetElapsedTime(lookedAtInboxAt) > LookAtInboxEvery)
                {
                    lookedAtInboxAt = Stopwatch.GetTimestamp();
                    await RetryInboxAsync(ct);
                }
                var news = tail.News.Next;
                var (messages, examined) = tail.TryRead(_examined, Contract, BatchMax) ?? await tail.ReadAsync(_examined, Contract, BatchMax, ct);
                if (messages.Count == 0)
                {
                    if (examined == _examined)
                        await Signal.WaitAsync(news, LookAtInboxEvery, ct);
                    _examined = examined;
                    if (_examined > _stored && Stopwatch.GetElapsedTime(_movedAt) > StoreExaminedEvery && !await StoreExaminedAsync(ct))
                        _ready = false;
                    continue;
                }
                if (!await HandleTogetherAsync(messages, ct) && !await HandleOneByOneAsync(messages, ct))
                    _ready = false; // another process moved the checkpoint: read it again
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException)
            {
                LogDatabaseFailed(log, e, Name);
                _ready = false;
                await Task.Delay(TimeSpan.FromSeconds(1), ct).ContinueWith(_ => { }, TaskScheduler.Default);
            }
        }
    }

    private async Task LoadCheckpointAsync(CancellationToken ct)
    {
        await using (var command = database.Source.CreateCommand("""
            INSERT INTO checkpoints (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING xid, position
            """))
        {
            command.Parameters.AddWithValue(Name);
            await using var reader = await command.ExecuteReaderAsync(ct);
            await reader.ReadAsync(ct);
            _stored = _examined = new BusPosition(reader.GetFieldValue<ulong>(0), reader.GetInt64(1));
        }
        _blockedKeys.Clear();
        foreach (var key in await database.QueryAsync<Guid>("SELECT DISTINCT key FROM inbox WHERE subscription = @Name AND state = 'waiting'", new { Name }, ct))
            _blockedKeys[key] = true;
    }

    /// <summary>Step 2. False when anything at all went wrong; nothing is stored then.</summary>
    private async Task<bool> HandleTogetherAsync(List<BusMessage> messages, CancellationToken ct)
    {
        var work = NewWork();
        FenceTo(work, messages[^1].Position);
        var activities = new List<Activity?>(messages.Count);
        try
        {
            foreach (var message in messages)
            {
                if (_blockedKeys.ContainsKey(message.Key))
                    Queue(work, message, attempts: 0, work.Now, error: null);
                else
                    activities.Add(await HandleAsync(work, message, attempt: 1, ct));
            }
            using var commit = PumpTraces.StartCommit(Name, activities);
            if ((await work.CommitAsync(ct)).Outcome != CommitOutcome.Committed)
                return false;
        }
        catch (Exception e) when (!ct.IsCancellationRequested && e is not NpgsqlException { IsTransient: true })
        {
            return false;
        }
        finally
        {
            foreach (var activity in activities)
                activity?.Dispose();
        }
        PlatformMetrics.Delivered.Add(messages.Count, new KeyValuePair<string, object?>("subscription", Name));
        MoveTo(messages[^1].Position);
        return true;
    }

    /// <summary>Step 3. False when the checkpoint is not ours any more.</summary>
    private async Task<bool> HandleOneByOneAsync(List<BusMessage> messages, CancellationToken ct)
    {
        foreach (var message in messages)
        {
            var outcome = _blockedKeys.ContainsKey(message.Key)
                ? await QueueAsync(message, attempts: 0, NewWork().Now, error: null, ct)
                : await HandleAloneAsync(message, attempt: 1, (work, m) => FenceTo(work, m.Position), ct);
            if (outcome is { } failed)
            {
                LogFailed(failed, message, 1);
                _blockedKeys[message.Key] = true;
                if (await QueueAsync(message, attempts: 1, NewWork().Now + Backoff.After(1), failed.Message, ct) is not null)
                    return false;
            }
            MoveTo(message.Position);
        }
        return true;
    }

    /// <summary>Handles one message in its own transaction, again when it lost a race. Returns what finally went wrong, or null.</summary>
    private async Task<Exception?> HandleAloneAsync(BusMessage message, int attempt, Action<Work, BusMessage> fence, CancellationToken ct)
    {
        Exception? failed = null;
        for (var race = 0; race < RaceTriesMax; race++)
        {
            var work = NewWork();
            fence(work, message);
            try
            {
                using var activity = await HandleAsync(work, message, attempt, ct);
                var result = await work.CommitAsync(ct);
                if (result.Outcome == CommitOutcome.Committed)
                {
                    PlatformMetrics.Delivered.Add(1, new KeyValuePair<string, object?>("subscription", Name));
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

    private async Task<Exception?> QueueAsync(BusMessage message, int attempts, DateTimeOffset dueAt, string? error, CancellationToken ct)
    {
        var work = NewWork();
        FenceTo(work, message.Position);
        Queue(work, message, attempts, dueAt, error);
        return (await work.CommitAsync(ct)).Outcome == CommitOutcome.Committed ? null : new InvalidOperationException("The checkpoint moved.");
    }

    private void Queue(Work work, BusMessage message, int attempts, DateTimeOffset dueAt, string? error) => work.Execute("""
        INSERT INTO inbox (subscription, message_id, key, xid, position, type, source, data, metadata, at, state, attempts, due_at, error)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'waiting', $11, $12, $13)
        """, Name, message.Id, message.Key, message.Position.Transaction, message.Position.Row, message.Type, message.Source, new Json(message.Data),
        new Json(message.Metadata), message.At, attempts, dueAt, error);

    /// <summary>Step 4. Only the oldest waiting message of a key is tried.</summary>
    private async Task RetryInboxAsync(CancellationToken ct)
    {
        var rows = await database.QueryAsync<InboxRow>("""
            SELECT DISTINCT ON (key) message_id, key, xid::text AS xid, position, type, source, data::text AS data, metadata::text AS metadata, at, attempts, due_at
            FROM inbox WHERE subscription = @Name AND state = 'waiting' ORDER BY key, xid, position LIMIT 100
            """, new { Name }, ct);
        var waiting = rows.Select(r => r.Key).ToHashSet();
        if (rows.Count < 100)
            foreach (var key in _blockedKeys.Keys.Where(k => !waiting.Contains(k)))
                _blockedKeys.TryRemove(key, out _);
        foreach (var key in waiting)
            _blockedKeys[key] = true; // an operator may have replayed a parked message
        var now = clock.GetUtcNow();
        foreach (var row in rows.Where(r => r.DueAt <= now))
        {
            var message = row.ToMessage();
            var failed = await HandleAloneAsync(message, row.Attempts + 1, (work, m) => work.Fence(
                "DELETE FROM inbox WHERE subscription = $1 AND message_id = $2 AND state = 'waiting' RETURNING 1", Name, m.Id), ct);
            if (failed is null)
                continue;
            var attempts = row.Attempts + 1;
            var parked = attempts >= AttemptsMax;
            LogFailed(failed, message, attempts);
            if (parked)
                PlatformMetrics.Parked.Add(1, new KeyValuePair<string, object?>("subscription", Name));
            await database.ExecuteAsync("""
                UPDATE inbox SET attempts = @attempts, state = @state, due_at = @dueAt, error = @error WHERE subscription = @Name AND message_id = @Id
                """, new { attempts, state = parked ? "parked" : "waiting", dueAt = now + Backoff.After(attempts), error = failed.Message, Name, message.Id }, ct);
        }
    }

    private async Task<Activity?> HandleAsync(Work work, BusMessage message, int attempt, CancellationToken ct)
    {
        var cause = JsonSerializer.Deserialize<Causation>(message.Metadata, MobilityJson.Stored)!;
        using var correlated = LogLine.Correlate(log, cause.Correlation);
        var activity = PumpTraces.StartProcess(Name, message, cause);
        work.ActAs(new Causation(Name, activity?.Id ?? cause.Trace, cause.Correlation));
        try
        {
            await subscription.Handle(subscription.Read(message.Data),
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

    private void LogFailed(Exception failed, BusMessage message, int attempt)
    {
        using var correlated = LogLine.Correlate(log, JsonSerializer.Deserialize<Causation>(message.Metadata, MobilityJson.Stored)!.Correlation);
        LogFailed(log, failed, Name, message.Type, message.Id, attempt);
    }

    private Work NewWork() => new(database, module, clock, new Causation(Name, null, null));

    private void FenceTo(Work work, BusPosition position) => work.Fence(
        "UPDATE checkpoints SET xid = $1, position = $2 WHERE name = $3 AND xid = $4 AND position = $5 RETURNING 1",
        Xid(position), position.Row, Name, Xid(_stored), _stored.Row);

    private void MoveTo(BusPosition position) => (_stored, _examined, _movedAt) = (position, position, Stopwatch.GetTimestamp());

    private async Task<bool> StoreExaminedAsync(CancellationToken ct)
    {
        var work = NewWork();
        FenceTo(work, _examined);
        var stored = (await work.CommitAsync(ct)).Outcome == CommitOutcome.Committed;
        if (stored)
            MoveTo(_examined);
        return stored;
    }

    private static NpgsqlParameter Xid(BusPosition position) => new() { Value = position.Transaction, NpgsqlDbType = NpgsqlDbType.Xid8 };

    [LoggerMessage(EventId = 110, Level = LogLevel.Warning, Message = "{Subscription} could not handle {Contract} {MessageId}, attempt {Attempt}.")]
    private static partial void LogFailed(ILogger log, Exception exception, string subscription, string contract, Guid messageId, int attempt);

    [LoggerMessage(EventId = 111, Level = LogLevel.Warning, Message = "{Subscription} waits a second: the database does not answer.")]
    private static partial void LogDatabaseFailed(ILogger log, Exception exception, string subscription);
}
