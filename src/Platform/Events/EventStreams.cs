using System.Diagnostics;
using System.Text.Json;
using Mobility.Platform.Bus;

namespace Mobility.Platform.Events;

/// <summary>Reads streams: the newest usable snapshot and the events after it.</summary>
public static class EventStreams
{
    /// <summary>Reads one stream; a stream without events is its initial state at version 0.</summary>
    public static async Task<Loaded<TState>> LoadAsync<TState, TEvent>(
        ModuleDatabase database, StreamType<TState, TEvent> type, Guid id, CancellationToken ct)
        where TState : class where TEvent : class
    {
        var streams = await LoadManyAsync(database, type, [id], ct);
        return streams[id];
    }

    /// <summary>Time between looks for what another process did; moves in this process wake the wait at once.</summary>
    public static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(250);

    /// <summary>Waits until a stream has come to something, and returns its state then, or its last one when the time is up.</summary>
    public static async Task<TState> WaitUntilAsync<TState, TEvent>(
        ModuleDatabase database, Signals signals, StreamType<TState, TEvent> type, Guid id, TimeSpan atMost, Func<TState, bool> isDone, CancellationToken ct)
        where TState : class where TEvent : class
    {
        var began = Stopwatch.GetTimestamp();
        var moved = false;
        while (true)
        {
            var moves = signals.StreamMoves(id); // taken before the look, so that no move is missed between
            // Who moved it in this process has just remembered it; what others did only the database tells.
            var (state, _) = moved && database.Streams.TryGet<TState>(id, out var remembered) ? remembered : await LoadAsync(database, type, id, ct);
            if (isDone(state) || Stopwatch.GetElapsedTime(began) >= atMost)
            {
                signals.Forget(id);
                return state;
            }
            await Signal.WaitAsync(moves, LookEvery, ct);
            moved = moves.IsCompleted;
        }
    }

    /// <summary>The state that a stream had at an instant (audit, disputes): events recorded later are left out. Reads no snapshot.</summary>
    public static async Task<Loaded<TState>> LoadAtAsync<TState, TEvent>(
        ModuleDatabase database, StreamType<TState, TEvent> type, Guid id, DateTimeOffset at, CancellationToken ct)
        where TState : class where TEvent : class
    {
        await using var command = database.Source.CreateCommand("SELECT version, type, data::text FROM events WHERE stream_id = $1 AND at <= $2 ORDER BY version");
        command.Parameters.AddWithValue(id);
        command.Parameters.AddWithValue(at.ToUniversalTime());
        await using var reader = await command.ExecuteReaderAsync(ct);
        var (state, version) = (type.Initial, 0);
        while (await reader.ReadAsync(ct))
            (state, version) = (type.Evolve(state, type.Events.Read(reader.GetString(1), reader.GetString(2))), reader.GetInt32(0));
        return new(state, version);
    }

    /// <summary>Reads many streams of one type in one round trip.</summary>
    public static async Task<IReadOnlyDictionary<Guid, Loaded<TState>>> LoadManyAsync<TState, TEvent>(
        ModuleDatabase database, StreamType<TState, TEvent> type, IReadOnlyList<Guid> ids, CancellationToken ct)
        where TState : class where TEvent : class
    {
        var streams = ids.Distinct().ToDictionary(id => id, _ => new Loaded<TState>(type.Initial, 0));
        // One statement, hence one view of the database: a snapshot written meanwhile cannot hide events from us. The events of a stream are looked up behind its
        // snapshot; joined, all of them would be read and most thrown away.
        await using var command = database.Source.CreateCommand(type.SnapshotEvery > 0
            ? """
              SELECT stream_id, version, NULL AS type, state::text AS data FROM snapshots WHERE stream_id = ANY($1) AND schema_hash = $2
              UNION ALL
              SELECT e.stream_id, e.version, e.type, e.data::text FROM unnest($1) AS wanted(id), LATERAL (
                  SELECT * FROM events WHERE stream_id = wanted.id
                      AND version > coalesce((SELECT s.version FROM snapshots s WHERE s.stream_id = wanted.id AND s.schema_hash = $2), 0)) e
              ORDER BY stream_id, version
              """
            : $"SELECT stream_id, version, type, data::text FROM events WHERE stream_id = ANY($1) ORDER BY stream_id, version");
        command.Parameters.AddWithValue(streams.Keys.ToArray());
        if (type.SnapshotEvery > 0)
            command.Parameters.AddWithValue(type.SnapshotSchema);
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            var (id, version) = (reader.GetGuid(0), reader.GetInt32(1));
            if (await reader.IsDBNullAsync(2, ct))
            {
                streams[id] = new(JsonSerializer.Deserialize<TState>(reader.GetString(3), MobilityJson.Stored)!, version);
                continue;
            }
            var before = streams[id];
            if (version != before.Version + 1)
                throw new InvalidOperationException($"The {type.Name} stream {id} jumps from version {before.Version} to {version}.");
            streams[id] = new(type.Evolve(before.State, type.Events.Read(reader.GetString(2), reader.GetString(3))), version);
        }
        return streams;
    }
}
