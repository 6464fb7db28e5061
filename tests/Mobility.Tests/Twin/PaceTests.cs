using Mobility.Twin.Stage;

namespace Mobility.Tests.Twin;

public sealed class PaceTests
{
    private readonly WaitlessClock _machine = new();

    [Fact]
    public async Task The_clock_goes_no_faster_than_it_may_and_does_not_make_up_for_a_delay()
    {
        var (pace, now) = (new Pace(100, Tables.At("08:00:00"), _machine), Tables.At("07:00:00"));
        (await MoveAsync("08:00:00")).ShouldBe(TimeSpan.Zero); // before the first trip nobody waits
        (await MoveAsync("08:00:20")).ShouldBe(TimeSpan.FromSeconds(0.2));
        _machine.Pass(TimeSpan.FromSeconds(0.3));
        (await MoveAsync("08:01:20")).ShouldBe(TimeSpan.FromSeconds(0.3)); // of its 0.6 s as many have passed before
        _machine.Pass(TimeSpan.FromHours(1));
        (await MoveAsync("08:03:00")).ShouldBe(TimeSpan.FromSeconds(0.5)); // of its 1 s no more than one step is made up for

        async Task<TimeSpan> MoveAsync(string to)
        {
            var (time, before) = (Tables.At(to), _machine.Elapsed);
            while (now < time)
            {
                var next = await pace.WaitAsync(now, time, CancellationToken.None);
                next.ShouldBeGreaterThan(now);
                if (now >= Tables.At("08:00:00"))
                    (next - now).ShouldBeLessThanOrEqualTo(TimeSpan.FromSeconds(50)); // whoever looks on sees it go
                now = next;
            }
            now.ShouldBe(time);
            return _machine.Elapsed - before;
        }
    }

    [Fact]
    public async Task As_fast_as_it_can_waits_for_nothing()
    {
        var pace = new Pace(double.PositiveInfinity, Tables.At("08:00:00"), _machine);
        (await pace.WaitAsync(Tables.At("08:00:00"), Tables.At("20:00:00"), CancellationToken.None)).ShouldBe(Tables.At("20:00:00"));
        _machine.Elapsed.ShouldBe(TimeSpan.Zero);
    }

    [Fact]
    public async Task A_wait_of_hours_is_given_up_at_once()
    {
        using var stopping = new CancellationTokenSource(TimeSpan.FromMilliseconds(20));
        var pace = new Pace(0.001, Tables.At("08:00:00"), TimeProvider.System);
        await Should.ThrowAsync<OperationCanceledException>(() => pace.WaitAsync(Tables.At("08:00:00"), Tables.At("20:00:00"), stopping.Token));
    }

    /// <summary>A machine on which every wait is over at once, and has taken exactly as long as was asked for.</summary>
    private sealed class WaitlessClock : TimeProvider
    {
        public TimeSpan Elapsed { get; private set; }

        public void Pass(TimeSpan time) => Elapsed += time;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Elapsed.Ticks;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Pass(dueTime);
            return base.CreateTimer(callback, state, TimeSpan.Zero, period);
        }
    }
}
