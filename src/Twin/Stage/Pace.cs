namespace Mobility.Twin.Stage;

/// <summary>How fast the clock may go: so many simulated seconds in one second of the machine, and never more to make up for a delay.</summary>
/// <param name="speed">Simulated seconds per second; infinite for as fast as the machine can.</param>
/// <param name="first">Time before it is passed over at once: nobody waits an hour for the first trip.</param>
/// <param name="machine">The machine's clock: what is waited by.</param>
internal sealed class Pace(double speed, DateTimeOffset first, TimeProvider machine)
{
    /// <summary>The clock moves about this often, so that whoever looks on sees it go.</summary>
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(0.5);

    private long? _movedAt;

    /// <summary>Waits, and says how far the clock may be moved then.</summary>
    /// <param name="now">What it says.</param>
    /// <param name="wanted">Where it is to be moved.</param>
    /// <param name="ct">Gives up.</param>
    public async Task<DateTimeOffset> WaitAsync(DateTimeOffset now, DateTimeOffset wanted, CancellationToken ct)
    {
        if (double.IsInfinity(speed) || wanted <= now)
            return wanted;
        if (now < first)
            return wanted < first ? wanted : first;
        var until = wanted - now > Step * speed ? now + Step * speed : wanted;
        _movedAt ??= machine.GetTimestamp();
        var due = (until - now) / speed - machine.GetElapsedTime(_movedAt.Value);
        if (due > TimeSpan.Zero)
            await Task.Delay(due, machine, ct);
        _movedAt = machine.GetTimestamp();
        return until;
    }
}
