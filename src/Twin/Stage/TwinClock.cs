namespace Mobility.Twin.Stage;

/// <summary>The platform's clock in the twin: it stands still until the twin moves it, and never goes back.</summary>
public class TwinClock(DateTimeOffset start) : TimeProvider
{
    private long _ticks = start.UtcTicks;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => new(Interlocked.Read(ref _ticks), TimeSpan.Zero);

    /// <summary>Moves on; an earlier time changes nothing.</summary>
    public virtual void MoveTo(DateTimeOffset time)
    {
        if (time.UtcTicks > Interlocked.Read(ref _ticks))
            Interlocked.Exchange(ref _ticks, time.UtcTicks);
    }
}

/// <summary>The machine's clock, for a platform that lives in real time: it goes by itself.</summary>
public sealed class RunningClock() : TwinClock(default)
{
    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => System.GetUtcNow();

    /// <inheritdoc/>
    public override void MoveTo(DateTimeOffset time)
    {
        // it is waited for
    }
}
