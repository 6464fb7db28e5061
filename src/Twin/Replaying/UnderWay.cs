namespace Mobility.Twin.Replaying;

/// <summary>
/// What the twin has begun and the platform has not finished, in the order of simulated time. It bounds how far the clock may run ahead of it: less than every
/// timeout of the platform, so that none passes because of the replay's haste.
/// </summary>
internal sealed class UnderWay
{
    /// <summary>Shorter than the shortest timeout (a vehicle has 30 seconds to answer), with room to spare.</summary>
    public static readonly TimeSpan AheadMax = TimeSpan.FromSeconds(20);

    /// <summary>Actions at a time; more would only queue at the platform's door.</summary>
    public const int CountMax = 32;

    private readonly Queue<(DateTimeOffset At, Task Task)> _actions = new();

    /// <summary>Adds an action that never faults: what goes wrong is part of its result.</summary>
    public async Task AddAsync(DateTimeOffset at, Task task)
    {
        while (_actions.Count >= CountMax)
            await _actions.Dequeue().Task;
        _actions.Enqueue((at, task));
    }

    /// <summary>Waits until the clock may be moved to a time.</summary>
    public async Task AllowAsync(DateTimeOffset time)
    {
        while (_actions.TryPeek(out var oldest) && (oldest.Task.IsCompleted || oldest.At + AheadMax < time))
            await _actions.Dequeue().Task;
    }

    /// <summary>Waits until nothing is under way.</summary>
    public async Task DrainAsync()
    {
        while (_actions.TryDequeue(out var oldest))
            await oldest.Task;
    }

    public bool IsEmpty => _actions.Count == 0;
}
