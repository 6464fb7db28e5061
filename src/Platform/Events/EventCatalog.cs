using System.Text.Json;
using System.Text.Json.Nodes;

namespace Mobility.Platform.Events;

/// <summary>The stored names of a stream's private events, and how older shapes become today's. Names outlive class names.</summary>
/// <typeparam name="TEvent">The base type of the events.</typeparam>
public sealed class EventCatalog<TEvent> where TEvent : class
{
    private readonly Dictionary<string, Type> _types = new(StringComparer.Ordinal);
    private readonly Dictionary<Type, string> _names = [];
    private readonly Dictionary<string, (string To, Func<JsonObject, JsonObject> Cast)> _upcasts = new(StringComparer.Ordinal);

    /// <summary>All names that are written today.</summary>
    public IReadOnlyCollection<string> Names => _types.Keys;

    /// <summary>Declares the stored name of an event, for example <c>vehicle_reserved.v1</c>.</summary>
    public EventCatalog<TEvent> Add<T>(string name) where T : TEvent
    {
        _types.Add(name, typeof(T));
        _names.Add(typeof(T), name);
        return this;
    }

    /// <summary>Declares how an event stored under an older name is read: its data is rewritten and read under the newer name.</summary>
    public EventCatalog<TEvent> Upcast(string olderName, string newerName, Func<JsonObject, JsonObject> cast)
    {
        _upcasts.Add(olderName, (newerName, cast));
        return this;
    }

    /// <summary>The stored name of an event.</summary>
    public string NameOf(TEvent e) =>
        _names.TryGetValue(e.GetType(), out var name) ? name : throw new InvalidOperationException($"{e.GetType().Name} has no stored name.");

    /// <summary>The data of an event as it is stored.</summary>
    public static string Write(TEvent e) => JsonSerializer.Serialize(e, e.GetType(), MobilityJson.Stored);

    /// <summary>Reads stored data of any version.</summary>
    /// <exception cref="InvalidOperationException">The name is unknown: this program is older than its data.</exception>
    public TEvent Read(string name, string data)
    {
        while (_upcasts.TryGetValue(name, out var upcast))
        {
            data = upcast.Cast(JsonNode.Parse(data)!.AsObject()).ToJsonString();
            name = upcast.To;
        }
        if (!_types.TryGetValue(name, out var type))
            throw new InvalidOperationException($"The stored event '{name}' is unknown to this version.");
        return (TEvent)JsonSerializer.Deserialize(data, type, MobilityJson.Stored)!;
    }
}

/// <summary>A kind of stream: its name, where it begins, how it evolves and how its events are stored.</summary>
/// <typeparam name="TState">Immutable state.</typeparam>
/// <typeparam name="TEvent">The base type of its private events.</typeparam>
/// <param name="Name">Stored with each event, for example <c>booking</c>.</param>
/// <param name="Initial">The state before the first event.</param>
/// <param name="Evolve">The only writer of state.</param>
/// <param name="Events">Stored names.</param>
public sealed record StreamType<TState, TEvent>(string Name, TState Initial, Func<TState, TEvent, TState> Evolve, EventCatalog<TEvent> Events)
    : IStreamType
    where TState : class
    where TEvent : class
{
    /// <summary>A snapshot is kept each time a stream passes a multiple of this many events; 0 for streams that stay short.</summary>
    public int SnapshotEvery { get; init; }

    /// <summary>Change it when <typeparamref name="TState"/> changes shape: older snapshots are then ignored and made anew.</summary>
    public string SnapshotSchema { get; init; } = "1";

    IEnumerable<string> IStreamType.EventNames => Events.Names;

    object IStreamType.ReadEvent(string name, string data) => Events.Read(name, data);
}

/// <summary>What the platform needs of a stream type without knowing its domain types.</summary>
public interface IStreamType
{
    /// <summary>Stored with each event.</summary>
    string Name { get; }

    /// <summary>All event names written today.</summary>
    IEnumerable<string> EventNames { get; }

    /// <summary>Reads one stored event.</summary>
    object ReadEvent(string name, string data);
}

/// <summary>A stream as it was read: its state, and the version that a write must still find. Version 0 has no event yet.</summary>
public readonly record struct Loaded<TState>(TState State, int Version);
