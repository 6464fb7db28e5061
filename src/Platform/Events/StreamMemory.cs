using System.Collections.Concurrent;

namespace Mobility.Platform.Events;

/// <summary>
/// The streams that this process lately wrote or read, so that the next command on one need not read it again. What is remembered may be behind what another
/// process wrote: a decision made on it is stored only if the database still has that very version (see <see cref="Work.CommitAsync"/>), and a refusal made on
/// it is decided again on what the database says. Bounded: the half that was not asked for longest goes first.
/// </summary>
internal sealed class StreamMemory
{
    /// <summary>Streams kept at most.</summary>
    public const int KeptMax = 20_000;

    private readonly Lock _turning = new();
    private volatile ConcurrentDictionary<Guid, Entry> _young = new();
    private volatile ConcurrentDictionary<Guid, Entry> _old = new();

    private sealed record Entry(object State, int Version);

    /// <summary>The newest state of a stream that this process knows.</summary>
    public bool TryGet<TState>(Guid stream, out Loaded<TState> loaded) where TState : class
    {
        if (!_young.TryGetValue(stream, out var entry))
        {
            if (!_old.TryGetValue(stream, out entry))
            {
                loaded = default;
                return false;
            }
            Keep(stream, entry);
        }
        loaded = new((TState)entry.State, entry.Version);
        return true;
    }

    /// <summary>Keeps a state that is certainly stored. An older one never replaces a newer one.</summary>
    public void Remember(Guid stream, object state, int version) => Keep(stream, new Entry(state, version));

    /// <summary>Lets go of a stream that may have moved on.</summary>
    public void Forget(Guid stream)
    {
        _young.TryRemove(stream, out _);
        _old.TryRemove(stream, out _);
    }

    /// <summary>Lets go of everything: after a crash, a database may not have kept all that it had confirmed.</summary>
    public void Clear()
    {
        lock (_turning)
            (_young, _old) = (new(), new());
    }

    private void Keep(Guid stream, Entry entry)
    {
        _young.AddOrUpdate(stream, entry, (_, known) => known.Version > entry.Version ? known : entry);
        if (_young.Count <= KeptMax / 2)
            return;
        lock (_turning)
            if (_young.Count > KeptMax / 2)
                (_old, _young) = (_young, new());
    }
}
