using System.Text.Json;
using Mobility.Platform.Modules;
using Npgsql;

namespace Mobility.Platform.Events;

/// <summary>Who caused a write, and in which trace. Stored with each event and message; holds no personal data.</summary>
/// <param name="Actor">The account, device or subscription that acted.</param>
/// <param name="Trace">W3C traceparent of the operation.</param>
/// <param name="Correlation">Stays the same along a whole flow.</param>
public sealed record Causation(string Actor, string? Trace, string? Correlation)
{
    internal string ToJson() => JsonSerializer.Serialize(this, MobilityJson.Stored);
}

/// <summary>What a commit came to.</summary>
public enum CommitOutcome
{
    /// <summary>Everything is stored.</summary>
    Committed,
    /// <summary>A stream moved on since it was loaded: load and decide again.</summary>
    VersionConflict,
    /// <summary>A command with this idempotency key is already stored.</summary>
    DuplicateCommand,
    /// <summary>A database law refused it; see <see cref="CommitResult.Problem"/>.</summary>
    Refused,
    /// <summary>A fence did not hold: another process did this work.</summary>
    Fenced,
}

/// <summary>What a commit came to, and the problem when a law refused it.</summary>
public readonly record struct CommitResult(CommitOutcome Outcome, Problem? Problem = null);

/// <summary>
/// One unit of change of one module: events, exact views, contract events, schedule and reply are collected and sent in one batch, so that
/// a commit is one round trip and nothing is held open while code thinks. Nothing is visible before <see cref="CommitAsync"/> returns; then all of it is.
/// Works that are ready at the same moment may share a transaction (see <see cref="CommitQueue"/>).
/// </summary>
public sealed class Work
{
    /// <summary>Statements of one commit at most; more means a loop went wrong.</summary>
    public const int StatementsMax = 20_000;

    private readonly ModuleDatabase _database;
    private readonly ModuleDefinition _module;
    private string _metadata;
    private readonly List<Statement> _first = [];
    private readonly List<Statement> _statements = [];
    private readonly List<string> _locks = [];
    private readonly List<PendingEvent> _events = [];
    private readonly List<PendingMessage> _messages = [];
    private readonly Dictionary<Guid, Known> _streams = [];
    private readonly List<Action> _afterwards = [];
    private readonly Dictionary<string, Func<Problem>> _laws = new(StringComparer.Ordinal);
    private readonly bool _trustsMemory;
    private bool _schedulesNow;

    internal Work(ModuleDatabase database, ModuleDefinition module, TimeProvider clock, Causation causation, bool trustsMemory = true)
    {
        (_database, _module, Clock, Causation, _trustsMemory) = (database, module, clock, causation, trustsMemory);
        Now = clock.GetUtcNow();
        _metadata = causation.ToJson();
    }

    /// <summary>From here on another message acts: a pump handles many messages in one transaction.</summary>
    internal void ActAs(Causation causation) => (Causation, _metadata) = (causation, causation.ToJson());

    /// <summary>The instant of this work; read once.</summary>
    public DateTimeOffset Now { get; }

    /// <summary>For new identifiers.</summary>
    public TimeProvider Clock { get; }

    /// <summary>Who acts.</summary>
    public Causation Causation { get; private set; }

    /// <summary>Whether anything would be written.</summary>
    public bool IsEmpty => _first.Count == 0 && _statements.Count == 0 && _events.Count == 0 && _messages.Count == 0;

    /// <summary>
    /// Whether something was decided on what the process remembered, which another process may have overtaken. A commit proves it; a refusal, which commits
    /// nothing, must be decided again by a work that reads the database.
    /// </summary>
    internal bool UsedMemory { get; private set; }

    /// <summary>The locks of <see cref="Serialize"/>.</summary>
    internal IReadOnlyList<string> Locks => _locks;

    /// <summary>Whether losing this work in a crash of the database does no harm, so that its commit does not wait for the disk.</summary>
    internal bool IsLazy { get; private set; }

    /// <summary>Reads a stream, or takes what this very work has already made of it, or what the process remembers of it.</summary>
    public ValueTask<Loaded<TState>> LoadAsync<TState, TEvent>(StreamType<TState, TEvent> type, Guid id, CancellationToken ct)
        where TState : class where TEvent : class
    {
        if (_streams.TryGetValue(id, out var known))
            return ValueTask.FromResult(new Loaded<TState>((TState)known.State, known.Version));
        if (!_trustsMemory || !_database.Streams.TryGet<TState>(id, out var remembered))
            return LoadStoredAsync(type, id, ct);
        UsedMemory = true;
        _streams[id] = new Known(remembered.State, remembered.Version, FromMemory: true);
        return ValueTask.FromResult(remembered);
    }

    /// <summary>Reads a stream from the database whatever the process remembers: before something is done outside that cannot be taken back.</summary>
    public async ValueTask<Loaded<TState>> LoadStoredAsync<TState, TEvent>(StreamType<TState, TEvent> type, Guid id, CancellationToken ct)
        where TState : class where TEvent : class
    {
        var loaded = await EventStreams.LoadAsync(_database, type, id, ct);
        _streams[id] = new Known(loaded.State, loaded.Version, FromMemory: false);
        return loaded;
    }

    /// <summary>States that a stream is new, so that it need not be read; the commit fails with a version conflict if it is not.</summary>
    public Loaded<TState> StartNew<TState, TEvent>(StreamType<TState, TEvent> type, Guid id) where TState : class where TEvent : class
    {
        _streams.TryAdd(id, new Known(type.Initial, 0, FromMemory: false));
        return new((TState)_streams[id].State, _streams[id].Version);
    }

    /// <summary>Reads streams in one round trip, so that <see cref="LoadAsync"/> finds them.</summary>
    public async Task PrefetchAsync<TState, TEvent>(StreamType<TState, TEvent> type, IReadOnlyCollection<Guid> ids, CancellationToken ct)
        where TState : class where TEvent : class
    {
        var missing = ids.Where(id => !_streams.ContainsKey(id)).Distinct().ToArray();
        if (missing.Length == 0)
            return;
        foreach (var (id, loaded) in await EventStreams.LoadManyAsync(_database, type, missing, ct))
            _streams[id] = new Known(loaded.State, loaded.Version, FromMemory: false);
    }

    /// <summary>Appends events after the version that was loaded, updates the exact views, and returns the new state.</summary>
    public TState Append<TState, TEvent>(StreamType<TState, TEvent> type, Guid id, params IReadOnlyList<TEvent> events)
        where TState : class where TEvent : class
    {
        if (!_streams.TryGetValue(id, out var known))
            throw new InvalidOperationException($"The {type.Name} stream {id} is appended to without having been loaded.");
        var (state, version) = ((TState)known.State, known.Version);
        foreach (var e in events)
        {
            var before = version++;
            var name = type.Events.NameOf(e);
            state = type.Evolve(state, e);
            _events.Add(new PendingEvent(id, version, type.Name, name, EventCatalog<TEvent>.Write(e), _metadata));
            foreach (var view in _module.ExactViewsOf(type.Name))
                view.Apply(new ViewEvent(type.Name, id, version, e, Now), Execute);
            if (type.SnapshotEvery > 0 && before / type.SnapshotEvery != version / type.SnapshotEvery)
                KeepSnapshot(id, version, type.SnapshotSchema, JsonSerializer.Serialize(state, MobilityJson.Stored));
        }
        _streams[id] = known with { State = state, Version = version, IsAppended = known.IsAppended || events.Count > 0 };
        return state;
    }

    /// <summary>Publishes a contract event with this transaction. Messages of one key are delivered in order.</summary>
    public void Publish<T>(Guid key, T message) where T : IContractEvent =>
        _messages.Add(new PendingMessage(Id.NewValue(Clock), ContractNames.Of(message.GetType()), key,
            JsonSerializer.Serialize(message, message.GetType(), MobilityJson.Stored), _metadata));

    /// <summary>Adds a statement with positional parameters ($1, $2, …).</summary>
    public void Execute(string sql, params object?[] parameters) => _statements.Add(new(sql, parameters));

    /// <summary>Adds a statement that runs before all others: what must hold before anything is written.</summary>
    public void ExecuteFirst(string sql, params object?[] parameters) => _first.Add(new(sql, parameters));

    /// <summary>
    /// Works that name the same lock, in whatever process, are stored one after the other: racers queue here instead of waiting for each other's index
    /// entries, which PostgreSQL could only end as a deadlock.
    /// </summary>
    public void Serialize(params ReadOnlySpan<string> locks) => _locks.AddRange(locks);

    /// <summary>States that losing this work in a crash of the database does no harm, so that its commit need not wait for the disk.</summary>
    public void CommitLazily() => IsLazy = true;

    /// <summary>Adds a statement that must touch at least one row; otherwise nothing of this work is stored and <paramref name="otherwise"/> is the answer.</summary>
    /// <param name="law">A name for the rule, unique within this work.</param>
    /// <param name="sqlReturning">An INSERT, UPDATE or DELETE that ends in RETURNING 1.</param>
    /// <param name="otherwise">The answer when no row was touched.</param>
    /// <param name="parameters">Positional parameters.</param>
    public void ExecuteOrRefuse(string law, string sqlReturning, Func<Problem> otherwise, params object?[] parameters)
    {
        _statements.Add(new($"WITH touched AS ({sqlReturning}) SELECT platform.require((SELECT count(*) FROM touched) > 0, '{law}')", parameters));
        _laws[law] = otherwise;
    }

    /// <summary>Adds a statement that must touch at least one row; otherwise the row moved on since it was read, and the caller loads and decides again.</summary>
    public void ExecuteOrRetry(string sqlReturning, params object?[] parameters) =>
        _statements.Add(new($"WITH touched AS ({sqlReturning}) SELECT platform.require((SELECT count(*) FROM touched) > 0, 'moved')", parameters));

    /// <summary>The same for a statement that must touch a number of rows.</summary>
    public void ExecuteOrRetryAll(int rows, string sqlReturning, params object?[] parameters) =>
        _statements.Add(new($"WITH touched AS ({sqlReturning}) SELECT platform.require((SELECT count(*) FROM touched) = ${parameters.Length + 1}, 'moved')", [.. parameters, rows]));

    /// <summary>Does something once this work is stored (a metric, an alarm, a cache), and not for each try. A crash may come between: no fact may hang on it.</summary>
    public void OnCommitted(Action act) => _afterwards.Add(act);

    /// <summary>Says what it means when a named database constraint (unique, check or exclusion) refuses this work.</summary>
    public void OnLaw(string constraint, Func<Problem> problem) => _laws[constraint] = problem;

    /// <summary>Sends a message to this module at a time, never before it; the same type and key replaces an earlier one.</summary>
    public void Schedule<T>(DateTimeOffset dueAt, Guid key, T message) where T : IScheduledMessage
    {
        // PostgreSQL cuts what is finer than a microsecond off, and whoever is woken before the time schedules it again, for as long as the clock stands there.
        if (dueAt > Now && dueAt.Ticks % TimeSpan.TicksPerMicrosecond is > 0 and var over)
            dueAt = dueAt.AddTicks(TimeSpan.TicksPerMicrosecond - over);
        Execute("""
            INSERT INTO scheduled (type, key, due_at, data, metadata) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (type, key) DO UPDATE SET due_at = excluded.due_at, data = excluded.data, metadata = excluded.metadata,
                attempts = 0, parked = false, error = NULL
            """, _module.NameOfScheduled(typeof(T)), key, dueAt, new PlainJson(JsonSerializer.Serialize(message, MobilityJson.Stored)), new PlainJson(_metadata));
        _schedulesNow |= dueAt <= Now;
    }

    /// <summary>Takes back a scheduled message that is not needed any more.</summary>
    public void Unschedule<T>(Guid key) where T : IScheduledMessage =>
        Execute("DELETE FROM scheduled WHERE type = $1 AND key = $2", _module.NameOfScheduled(typeof(T)), key);

    internal void Remember(Guid caller, string key, byte[] requestHash, int status, string? reply) =>
        _first.Add(new("INSERT INTO idempotency (caller, key, request_hash, status, reply, at) VALUES ($1, $2, $3, $4, $5, $6)",
            [caller, key, requestHash, status, reply, Now]));

    /// <summary>Adds a fence: the whole work is dropped unless the statement touches a row.</summary>
    internal void Fence(string sqlReturning, params object?[] parameters) =>
        _first.Add(new($"WITH touched AS ({sqlReturning}) SELECT platform.require((SELECT count(*) FROM touched) > 0, 'fence')", parameters));

    /// <summary>Stores everything or nothing, in one round trip.</summary>
    /// <exception cref="PostgresException">The database failed for a reason that is nobody's decision.</exception>
    public async Task<CommitResult> CommitAsync(CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested(); // later is too late: what was handed over is stored or refused, whoever still waits for it
        var unproven = _streams.Where(s => s.Value is { FromMemory: true, IsAppended: false }).ToArray();
        if (IsEmpty && unproven.Length == 0)
            return new(CommitOutcome.Committed);
        if (_statements.Count > StatementsMax)
            throw new InvalidOperationException($"One work holds {_statements.Count} statements; at most {StatementsMax} are allowed.");
        if (unproven.Length > 0)
            ExecuteFirst(ProofSql, unproven.Select(s => s.Key).ToArray(), unproven.Select(s => s.Value.Version).ToArray());
        var result = await SendAsync();
        if (result.Outcome != CommitOutcome.Committed)
        {
            ForgetStreams();
            return result;
        }
        foreach (var (id, stream) in _streams)
            if (stream.Version > 0)
                _database.Streams.Remember(id, stream.State, stream.Version);
        if (_messages.Count > 0)
            _module.Signals.Published.Set();
        if (_schedulesNow)
            _module.Signals.Scheduled(_module.Module).Set();
        foreach (var e in _events)
            _module.Signals.StreamMoved(e.Stream);
        foreach (var act in _afterwards)
            act();
        return result;
    }

    /// <summary>Lets the process forget the streams of a work that came to nothing: perhaps what it remembers of them is why.</summary>
    internal void ForgetStreams()
    {
        foreach (var id in _streams.Keys)
            _database.Streams.Forget(id);
    }

    /// <summary>The statements in the order in which they act.</summary>
    internal void AddTo(NpgsqlBatch batch)
    {
        foreach (var statement in _first)
            batch.BatchCommands.Add(statement.ToCommand());
        if (_events.Count > 0)
            batch.BatchCommands.Add(EventsStatement().ToCommand());
        foreach (var statement in _statements)
            batch.BatchCommands.Add(statement.ToCommand());
        if (_messages.Count > 0)
            batch.BatchCommands.Add(MessagesStatement().ToCommand());
    }

    /// <summary>How much this work asks of the database.</summary>
    internal int StatementCount => _first.Count + _statements.Count + 2;

    private async Task<CommitResult> SendAsync()
    {
        try
        {
            await _database.Commits.SendAsync(this);
            return new(CommitOutcome.Committed);
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.ExclusionViolation
                                              or PostgresErrorCodes.CheckViolation or "MB001")
        {
            switch (e.ConstraintName)
            {
                case "events_pkey" or "moved":
                    return new(CommitOutcome.VersionConflict);
                case "idempotency_pkey":
                    return new(CommitOutcome.DuplicateCommand);
                case "fence":
                    return new(CommitOutcome.Fenced);
                case { } law when _laws.TryGetValue(law, out var problem):
                    return new(CommitOutcome.Refused, problem());
                default:
                    ForgetStreams();
                    throw;
            }
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure)
        {
            return new(CommitOutcome.VersionConflict); // the victim of a deadlock loads and decides again like any loser of a race
        }
        catch (NpgsqlException e)
        {
            if (e is PostgresException)
                ForgetStreams();
            else
                _database.Streams.Clear(); // the connection broke, perhaps with the server
            throw;
        }
    }

    /// <summary>What was only read from memory must be the newest there is.</summary>
    private const string ProofSql = """
        SELECT platform.require(NOT EXISTS (SELECT FROM unnest($1::uuid[], $2::int[]) AS known(id, version)
            WHERE (SELECT max(e.version) FROM events e WHERE e.stream_id = known.id) IS DISTINCT FROM known.version), 'moved')
        """;

    private void KeepSnapshot(Guid id, int version, string schema, string state) => Execute("""
        INSERT INTO snapshots (stream_id, version, schema_hash, state) VALUES ($1, $2, $3, $4)
        ON CONFLICT (stream_id) DO UPDATE SET version = excluded.version, schema_hash = excluded.schema_hash, state = excluded.state
        WHERE snapshots.version < excluded.version OR snapshots.schema_hash <> excluded.schema_hash
        """, id, version, schema, new Json(state));

    private Statement EventsStatement()
    {
        if (_events is [var one])
            return new("INSERT INTO events (stream_id, version, stream_type, type, data, metadata, at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                [one.Stream, one.Version, one.StreamType, one.Type, new PlainJson(one.Data), new PlainJson(one.Metadata), Now]);
        return new("""
            INSERT INTO events (stream_id, version, stream_type, type, data, metadata, at)
            SELECT stream_id, version, stream_type, type, data::json, metadata::json, $7
            FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[])
                WITH ORDINALITY AS e(stream_id, version, stream_type, type, data, metadata, nr)
            ORDER BY nr
            """,
            [_events.Select(e => e.Stream).ToArray(), _events.Select(e => e.Version).ToArray(), _events.Select(e => e.StreamType).ToArray(),
             _events.Select(e => e.Type).ToArray(), _events.Select(e => e.Data).ToArray(), _events.Select(e => e.Metadata).ToArray(), Now]);
    }

    private Statement MessagesStatement()
    {
        if (_messages is [var one])
            return new("INSERT INTO bus.messages (id, type, key, source, data, metadata, at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                [one.Id, one.Type, one.Key, _database.Module, new PlainJson(one.Data), new PlainJson(one.Metadata), Now]);
        return new("""
            INSERT INTO bus.messages (id, type, key, source, data, metadata, at)
            SELECT id, type, key, $6, data::json, metadata::json, $7
            FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[]) WITH ORDINALITY AS m(id, type, key, data, metadata, nr)
            ORDER BY nr
            """,
            [_messages.Select(m => m.Id).ToArray(), _messages.Select(m => m.Type).ToArray(), _messages.Select(m => m.Key).ToArray(),
             _messages.Select(m => m.Data).ToArray(), _messages.Select(m => m.Metadata).ToArray(), _database.Module, Now]);
    }

    /// <param name="State">After what this work appended.</param>
    /// <param name="Version">Of the state.</param>
    /// <param name="FromMemory">The database was not asked.</param>
    /// <param name="IsAppended">The primary key of events proves the version that was appended to.</param>
    private readonly record struct Known(object State, int Version, bool FromMemory, bool IsAppended = false);

    private readonly record struct PendingEvent(Guid Stream, int Version, string StreamType, string Type, string Data, string Metadata);

    private readonly record struct PendingMessage(Guid Id, string Type, Guid Key, string Data, string Metadata);
}
