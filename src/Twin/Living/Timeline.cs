using Mobility.Twin.Stage;

namespace Mobility.Twin.Living;

/// <summary>
/// What happens when. Entries are lived in the order of their times, one after the other; what takes a while goes on beside (<see cref="UnderWay"/>). Before each,
/// the platform's clock moves there, and stops at every timeout of the platform on the way. Where the platform lives in real time the entry is waited for.
/// </summary>
/// <param name="platform">Its clock.</param>
/// <param name="pace">How fast it may go, where it does not go by itself.</param>
internal sealed class Timeline(PlatformHandle platform, Pace pace)
{
    private readonly Lock _gate = new(); // what goes on beside adds entries too
    private readonly PriorityQueue<Func<CancellationToken, Task>, (DateTimeOffset At, long Number)> _entries = new();
    private long _count;

    /// <summary>What was begun and is not finished.</summary>
    public UnderWay UnderWay { get; } = new();

    /// <summary>The platform's time.</summary>
    public DateTimeOffset Now => platform.Clock.GetUtcNow();

    /// <summary>Something is to happen; of two at the same time, what was said first.</summary>
    public void At(DateTimeOffset time, Func<CancellationToken, Task> act)
    {
        lock (_gate)
            _entries.Enqueue(act, (time, _count++));
    }

    /// <summary>Something short is to happen.</summary>
    public void At(DateTimeOffset time, Action act) => At(time, _ =>
    {
        act();
        return Task.CompletedTask;
    });

    /// <summary>Something is to happen again and again, for the first time after a pause and not after a time; it hears its number, from 1 on.</summary>
    public void Every(TimeSpan pause, DateTimeOffset until, Func<long, CancellationToken, Task> act) => Every(pause, Now + pause, until, act, 1);

    /// <summary>Lives until a time.</summary>
    public async Task RunAsync(DateTimeOffset until, CancellationToken ct)
    {
        while (Next() is { } next && next <= until)
        {
            await MoveToAsync(next, ct);
            await Take()(ct); // perhaps of an entry that was added meanwhile and is earlier
        }
        await MoveToAsync(until, ct);
        await UnderWay.DrainAsync();
    }

    /// <summary>Lives whatever is left, until nothing is.</summary>
    public async Task RunOutAsync(CancellationToken ct)
    {
        do
        {
            while (Next() is { } next)
                await RunAsync(next, ct);
            await UnderWay.DrainAsync(); // which may add more
        }
        while (Next() is not null);
    }

    private void Every(TimeSpan pause, DateTimeOffset at, DateTimeOffset until, Func<long, CancellationToken, Task> act, long round)
    {
        if (at <= until)
            At(at, async ct =>
            {
                await act(round, ct);
                Every(pause, at + pause, until, act, round + 1);
            });
    }

    private DateTimeOffset? Next()
    {
        lock (_gate)
            return _entries.TryPeek(out _, out var place) ? place.At : null;
    }

    private Func<CancellationToken, Task> Take()
    {
        lock (_gate)
            return _entries.Dequeue();
    }

    private async Task MoveToAsync(DateTimeOffset time, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        if (platform.IsInRealTime)
        {
            if (time - Now is var wait && wait > TimeSpan.Zero)
                await Task.Delay(wait, ct);
            return;
        }
        DateTimeOffset until;
        do
        {
            until = await pace.WaitAsync(Now, time, ct);
            await UnderWay.AllowAsync(until);
            while (UnderWay.IsEmpty && await platform.NextDueAsync(ct) is { } due && due <= until)
            {
                platform.Clock.MoveTo(due);
                await platform.SettleAsync(ct);
            }
            platform.Clock.MoveTo(until);
        }
        while (until < time);
    }
}
