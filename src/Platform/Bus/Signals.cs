using System.Collections.Concurrent;

namespace Mobility.Platform.Bus;

/// <summary>
/// Hints within one process that something may be ready, so that pumps need not wait for their next poll. Hints carry no data and may be
/// lost: what travels is in PostgreSQL only, and another process finds it by polling.
/// </summary>
public sealed class Signals
{
    private readonly ConcurrentDictionary<string, Signal> _scheduled = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<Guid, TaskCompletionSource> _streamWaiters = new();

    /// <summary>A message was published.</summary>
    public Signal Published { get; } = new();

    /// <summary>Something that is due was scheduled by a module.</summary>
    public Signal Scheduled(string module) => _scheduled.GetOrAdd(module, static _ => new Signal());

    /// <summary>Completes when the stream moves in this process. Take it before reading the stream, so that no move is missed between.</summary>
    public Task StreamMoves(Guid stream) =>
        _streamWaiters.GetOrAdd(stream, static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>Ends a wait; whoever else waits for the stream looks once more and waits on.</summary>
    public void Forget(Guid stream) => StreamMoved(stream);

    internal void StreamMoved(Guid stream)
    {
        if (_streamWaiters.TryRemove(stream, out var waiter))
            waiter.TrySetResult();
    }
}

/// <summary>An auto-reset hint with any number of setters and one or more waiters; setting it twice wakes once.</summary>
public sealed class Signal
{
    private volatile TaskCompletionSource _source = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Wakes all who wait now.</summary>
    public void Set() => Interlocked.Exchange(ref _source, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();

    /// <summary>The next <see cref="Set"/>. Take it before looking for work, so that no hint is missed between.</summary>
    public Task Next => _source.Task;

    /// <summary>Waits for the hint or for the time to be over.</summary>
    /// <exception cref="OperationCanceledException">Nobody waits any more: a loop around this ends.</exception>
    public static async Task WaitAsync(Task next, TimeSpan atMost, CancellationToken ct)
    {
        await next.WaitAsync(atMost, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        ct.ThrowIfCancellationRequested();
    }
}
