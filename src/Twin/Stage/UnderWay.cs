namespace Mobility.Twin.Stage;

/// <summary>
/// What the twin has begun and the platform has not finished, in the order of simulated time. It bounds how far the clock may run ahead of it: less than every
/// timeout of the platform, so that none passes because of the replay's haste.
/// </summary>
public sealed class UnderWay
{
    /// <summary>How long vehicles have to obey in a replay; less than a booking waits for them.</summary>
    public static readonly TimeSpan CommandTimeout = TimeSpan.FromSeconds(110);

    /// <summary>Shorter than what a vehicle in the street has to answer, and than the time until one that sets out tells where it is on its way.</summary>
    public static readonly TimeSpan AheadMax = TimeSpan.FromSeconds(20);

    /// <summary>For a vehicle that comes back: it locks at its own time, and only <see cref="CommandTimeout"/> waits for that.</summary>
    public static readonly TimeSpan ReturnAheadMax = TimeSpan.FromSeconds(100);

    /// <summary>For what only money waits for: a ride that has ended has no deadline.</summary>
    public static readonly TimeSpan MoneyAheadMax = TimeSpan.FromMinutes(4);

    /// <summary>Actions at a time, up to four of each trip that begins or ends; with fewer those who begin wait for those who end in the same minute.</summary>
    public const int CountMax = 512;

    private readonly PriorityQueue<Task, DateTimeOffset> _actions = new();

    /// <summary>Adds an action that never faults: what goes wrong is part of its result.</summary>
    /// <param name="until">The clock goes no farther before the action is done.</param>
    /// <param name="task">The action.</param>
    public async Task AddAsync(DateTimeOffset until, Task task)
    {
        while (_actions.Count >= CountMax)
            await _actions.Dequeue();
        if (!task.IsCompleted)
            _actions.Enqueue(task, until);
    }

    /// <summary>Waits until the clock may be moved to a time.</summary>
    public async Task AllowAsync(DateTimeOffset time)
    {
        while (_actions.TryPeek(out var next, out var until) && (next.IsCompleted || until < time))
            await _actions.Dequeue();
    }

    /// <summary>Waits until nothing is under way.</summary>
    public async Task DrainAsync()
    {
        while (_actions.TryDequeue(out var next, out _))
            await next;
    }

    public bool IsEmpty => _actions.Count == 0;
}
