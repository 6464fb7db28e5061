namespace Mobility.Twin.Replaying;

/// <summary>The platform's clock during a replay: it stands still until the replay moves it, and never goes back.</summary>
public class ReplayClock(DateTimeOffset start) : TimeProvider
{
    private long _ticks = start.UtcTicks;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => new(Interlocked.Read(ref _ticks), TimeSpan.Zero);

    /// <summary>Moves on; an earlier time changes nothing.</summary>
    public void MoveTo(DateTimeOffset time)
    {
        if (time.UtcTicks > Interlocked.Read(ref _ticks))
            Interlocked.Exchange(ref _ticks, time.UtcTicks);
    }
}
