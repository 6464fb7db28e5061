using FsCheck;
using FsCheck.Fluent;
using Mobility.Booking;
using Mobility.Contracts;
using Mobility.Platform;
using static Mobility.Tests.Bookings.Examples;

namespace Mobility.Tests.Bookings;

/// <summary>Random commands and news in random order on a scooter or a van: whatever happens, these hold.</summary>
public sealed class RandomRunTests
{
    private const int CommandsPerRunMax = 60;

    /// <summary>One thing that happens: which, how many seconds later, and how far the vehicle's clock is off.</summary>
    public sealed record Happening(int What, int SecondsLater, int ClockOffSeconds, bool OtherCommand);

    private static readonly Arbitrary<(bool IsVan, Happening[] Run)> Runs = (
        from isVan in Gen.Elements(true, false)
        from run in (
            from what in Gen.Choose(0, 14)
            from later in Gen.Frequency((6, Gen.Choose(0, 120)), (2, Gen.Choose(120, 3_000)), (1, Gen.Choose(3_000, 40_000)))
            from off in Gen.Frequency((6, Gen.Constant(0)), (1, Gen.Choose(-100_000, 100_000)))
            from other in Gen.Frequency((6, Gen.Constant(false)), (1, Gen.Constant(true)))
            select new Happening(what, later, off, other)).ArrayOf(CommandsPerRunMax)
        select (isVan, run)).ToArbitrary();

    [Fact, Trait("Req", "BKG-6"), Trait("Req", "EVT-9")]
    public void Whatever_happens_a_booking_stays_lawful_and_comes_to_an_end() =>
        Prop.ForAll(Runs, run => Live(run.IsVan, run.Run)).Check(Config.QuickThrowOnFailure.WithMaxTest(2_000));

    private static void Live(bool isVan, Happening[] run)
    {
        var now = Begin;
        var state = Fold(isVan ? Van : Scooter);
        var (ends, commands) = (0, 0);
        void Happen(Decision<BookingEvent> decision)
        {
            foreach (var e in decision.Events)
            {
                var before = state;
                state = BookingState.Evolve(state, e);
                ends += e is RideEnded or BookingReleased ? 1 : 0;
                MustBeLawful(before, state, e, ends);
            }
        }

        foreach (var happening in run)
        {
            now += TimeSpan.FromSeconds(happening.SecondsLater);
            Elapse();
            Happen(Decide(state, happening, Command($"c{commands++}"), now));
        }
        for (var i = 0; i < 20 && Deadlines.NextOf(state) is { } due; i++)
        {
            now = BookingState.Max(now, due);
            Elapse();
        }
        state.Phase.ShouldBeOneOf(Phase.Ended, Phase.Settled, Phase.Released); // no booking hangs when everybody falls silent
        ends.ShouldBe(1);

        void Elapse()
        {
            for (var i = 0; i < 5 && Deadlines.NextOf(state) is { } due && due <= now; i++)
                Happen(OnDeadline.Decide(state, new OnDeadline.Surroundings(null, true), Command($"d{commands++}"), now));
        }
    }

    private static void MustBeLawful(BookingState before, BookingState after, BookingEvent e, int ends)
    {
        ends.ShouldBeLessThanOrEqualTo(1); // one end only: the hold is deleted once
        if (e is BookingReleased)
            before.Start.ShouldBeNull("a ride is never released");
        if (e is RideStarted)
            before.Start.ShouldBeNull("a ride begins once");
        if (e is BookingSettled)
            before.Settlement.ShouldBeNull();
        if (e is ChargeKnown)
            before.Charge.ShouldBeNull();
        (Deadlines.NextOf(after) is null).ShouldBe(after.Phase is Phase.Ended or Phase.Settled or Phase.Released, "every phase that waits has a deadline");
        if (after.Start is not { } start)
            return;
        var usage = after.Usage ?? after.UsageUntil(after.LastMove, after.OdometerMeters);
        var times = new List<DateTimeOffset> { start.At };
        times.AddRange(usage.Pauses.SelectMany(p => new[] { p.From, p.Until }));
        times.Add(usage.EndedAt!.Value);
        times.Zip(times.Skip(1)).ShouldAllBe(pair => pair.First <= pair.Second, "a ride's times only go forward");
        usage.DistanceMeters.ShouldBeGreaterThanOrEqualTo(0);
        if (e is RideEnded)
            usage.EndedAt.Value.ShouldBeLessThanOrEqualTo(BookingState.Max(after.MustEndBy, before.LastMove), "billed no later than the ride must end");
    }

    private static Decision<BookingEvent> Decide(BookingState state, Happening h, VehicleCommandId command, DateTimeOffset now)
    {
        var told = now + TimeSpan.FromSeconds(h.ClockOffSeconds);
        var asked = h.OtherCommand ? Command("other") : state.Command;
        return h.What switch
        {
            0 => ConfirmBooking.Decide(state, now),
            1 => OnPaymentAuthorized.Decide(state, Payment, Eur(700), now),
            2 => UnlockVehicle.Decide(state, command, now),
            3 => OnVehicleUnlocked.Decide(state, Unlocked(asked, 0) with { At = told }, command, now),
            4 => PauseRide.Decide(state, command, now),
            5 => OnVehicleLocked.Decide(state, Locked(asked, 0, h.SecondsLater) with { At = told }, now),
            6 => ResumeRide.Decide(state, command, now),
            7 => h.OtherCommand ? EndRide.Decide(state, EndCause.Rider, command, now) : Decision<BookingEvent>.Accept(),
            8 => h.OtherCommand ? CancelBooking.Decide(state, now) : Decision<BookingEvent>.Accept(),
            9 => OnVehicleCommandFailed.Decide(state, asked ?? command, "timeout", now),
            10 => h.OtherCommand ? ForceEndBooking.Decide(state, command, now) : OnPaymentActionRequired.Decide(state, Payment, "https://bank.example"),
            11 => h.OtherCommand ? OnPaymentDeclined.Decide(state, "card_declined", now) : Decision<BookingEvent>.Accept(),
            12 => OnRideCharged.Decide(state, Price),
            13 => OnPaymentSettled.Decide(state, SettledNews),
            _ => ExtendBooking.Decide(state, now + TimeSpan.FromHours(3), now),
        };
    }
}
