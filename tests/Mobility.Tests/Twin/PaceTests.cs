using System.Diagnostics;
using Mobility.Twin.Replaying;

namespace Mobility.Tests.Twin;

public sealed class PaceTests
{
    [Fact]
    public async Task The_clock_goes_no_faster_than_it_may_and_does_not_make_up_for_a_delay()
    {
        var (pace, now, began) = (new Pace(100, Tables.At("08:00:00")), Tables.At("07:00:00"), Stopwatch.GetTimestamp());
        await MoveAsync(Tables.At("08:00:00"));
        Stopwatch.GetElapsedTime(began).ShouldBeLessThan(TimeSpan.FromSeconds(10)); // before the first trip nobody waits
        began = Stopwatch.GetTimestamp();
        await MoveAsync(Tables.At("08:00:20"));
        Stopwatch.GetElapsedTime(began).ShouldBeGreaterThan(TimeSpan.FromSeconds(0.18));
        await Task.Delay(300);
        began = Stopwatch.GetTimestamp();
        await MoveAsync(Tables.At("08:01:20"));
        Stopwatch.GetElapsedTime(began).ShouldBeGreaterThan(TimeSpan.FromSeconds(0.25)); // 0.6 s, of which one step of 0.5 s at most has passed before

        async Task MoveAsync(DateTimeOffset time)
        {
            while (now < time)
            {
                var next = await pace.WaitAsync(now, time, CancellationToken.None);
                next.ShouldBeGreaterThan(now);
                if (now >= Tables.At("08:00:00"))
                    (next - now).ShouldBeLessThanOrEqualTo(TimeSpan.FromSeconds(50)); // whoever looks on sees it go
                now = next;
            }
            now.ShouldBe(time);
        }
    }

    [Fact]
    public async Task As_fast_as_it_can_waits_for_nothing() =>
        (await new Pace(double.PositiveInfinity, Tables.At("08:00:00")).WaitAsync(Tables.At("08:00:00"), Tables.At("20:00:00"), CancellationToken.None)).ShouldBe(Tables.At("20:00:00"));

    [Fact]
    public async Task A_wait_of_hours_is_given_up_at_once()
    {
        using var stopping = new CancellationTokenSource(TimeSpan.FromMilliseconds(20));
        await Should.ThrowAsync<OperationCanceledException>(() => new Pace(0.001, Tables.At("08:00:00")).WaitAsync(Tables.At("08:00:00"), Tables.At("20:00:00"), stopping.Token));
    }
}
