using Mobility.Booking;
using Mobility.Contracts;
using static Mobility.Tests.Bookings.Examples;

namespace Mobility.Tests.Bookings;

/// <summary>News of other modules that come late, twice or in another order: each ends right.</summary>
public sealed class LateNewsTests
{
    [Fact, Trait("Req", "EVT-9")]
    public void Money_that_is_authorized_after_the_release_changes_nothing()
    {
        foreach (var reason in Enum.GetValues<ReleaseReason>())
        {
            var released = In(Phase.Confirming).Then(new BookingReleased(reason, true, false, null, At(5)));
            Names(OnPaymentAuthorized.Decide(released, Payment, Eur(700), At(6))).ShouldBe("-");
            Names(OnPaymentDeclined.Decide(released, "card_declined", At(6))).ShouldBe("-");
        }
    }

    [Fact]
    public void Charge_and_settlement_end_the_same_in_either_order()
    {
        var ended = In(Phase.Ended);
        var usual = ended.Then(OnRideCharged.Decide(ended, Price));
        usual = usual.Then(OnPaymentSettled.Decide(usual, SettledNews));
        var reversed = ended.Then(OnPaymentSettled.Decide(ended, SettledNews));
        reversed = reversed.Then(OnRideCharged.Decide(reversed, Price));
        reversed.ShouldBe(usual);
        usual.Phase.ShouldBe(Phase.Settled);
        Names(OnRideCharged.Decide(usual, Price)).ShouldBe("-");
        Names(OnPaymentSettled.Decide(usual, SettledNews)).ShouldBe("-");
    }

    [Fact, Trait("Req", "BKG-3")]
    public void The_fee_of_a_no_show_is_noted_on_the_released_booking()
    {
        var released = In(Phase.Confirmed).Then(new BookingReleased(ReleaseReason.NoShow, true, FeeDue: true, null, At(30)));
        var charged = released.Then(OnRideCharged.Decide(released, Price));
        charged = charged.Then(OnPaymentSettled.Decide(charged, SettledNews));
        (charged.Phase, charged.Charge, charged.Settlement).ShouldBe((Phase.Released, Price, Settlement));
    }

    [Fact]
    public void A_vehicle_that_opens_after_the_release_is_told_to_lock()
    {
        var released = In(Phase.Unlocking).Then(OnVehicleCommandFailed.Decide(In(Phase.Unlocking), Command("unlock"), "timeout", At(11)));
        released.Release!.Reason.ShouldBe(ReleaseReason.VehicleFault);
        var after = released.Then(OnVehicleUnlocked.Decide(released, Unlocked(Command("unlock"), 12), NewCommand, At(12)));
        after.Flags.ShouldContain(RideFlag.StrayUnlock);
        after.Phase.ShouldBe(Phase.Released);
        Names(OnVehicleUnlocked.Decide(In(Phase.Released), Unlocked(null, 12), NewCommand, At(12))).ShouldBe("-");
    }

    [Fact]
    public void A_pause_that_was_given_up_but_happened_is_a_pause()
    {
        var riding = In(Phase.Pausing).Then(OnVehicleCommandFailed.Decide(In(Phase.Pausing), Command("pause"), "timeout", At(20)));
        riding.Phase.ShouldBe(Phase.Riding);
        Names(OnVehicleLocked.Decide(riding, Locked(Command("pause"), 19), At(21))).ShouldBe("RidePaused");
        Names(OnVehicleLocked.Decide(In(Phase.Riding), Locked(Command("elsewhere"), 19), At(21))).ShouldBe("-");
    }

    [Fact]
    public void An_old_failure_does_not_touch_what_happened_since()
    {
        Names(OnVehicleCommandFailed.Decide(In(Phase.Riding), Command("unlock"), "timeout", At(12))).ShouldBe("-");
        Names(OnVehicleCommandFailed.Decide(In(Phase.Ending), Command("pause"), "timeout", At(31))).ShouldBe("-");
    }

    [Fact]
    public void A_rider_who_ends_while_the_pause_is_locking_needs_one_lock_only()
    {
        var decision = EndRide.Decide(In(Phase.Pausing), EndCause.Rider, NewCommand, At(21));
        decision.Events.ShouldHaveSingleItem().ShouldBe(new EndRequested(null, EndCause.Rider, At(21)));
        var ending = In(Phase.Pausing).Then(decision);
        var ended = ending.Then(OnVehicleLocked.Decide(ending, Locked(Command("pause"), 20), At(22)));
        (ended.Phase, ended.Usage!.EndedAt, ended.Usage.DistanceMeters).ShouldBe((Phase.Ended, At(20), 4_000));
        ended.Usage.Pauses.ShouldBeEmpty();
    }

    [Fact]
    public void A_rider_who_ends_while_going_on_is_not_billed_for_riding_in_the_pause()
    {
        var ending = In(Phase.Resuming).Then(EndRide.Decide(In(Phase.Resuming), EndCause.Rider, NewCommand, At(26)));
        var unanswered = ending.Then(OnVehicleCommandFailed.Decide(ending, NewCommand, "timeout", At(27)));
        unanswered.Usage!.Pauses.ShouldBe([new RidePause(At(20), At(26))]);
        var opened = ending.Then(OnVehicleUnlocked.Decide(ending, Unlocked(Command("resume"), 25.5), NewCommand, At(26)));
        opened.Phase.ShouldBe(Phase.Ending);
        var ended = opened.Then(OnVehicleLocked.Decide(opened, Locked(NewCommand, 27), At(27)));
        ended.Usage!.Pauses.ShouldBe([new RidePause(At(20), At(25.5))]);
        ended.Usage.EndedAt.ShouldBe(At(27));
    }

    [Fact]
    public void A_silent_lock_ends_the_ride_when_the_rider_asked_and_says_so()
    {
        foreach (var decision in new[]
        {
            OnVehicleCommandFailed.Decide(In(Phase.Ending), Command("end"), "timeout", At(31)),
            OnDeadline.Decide(In(Phase.Ending), new OnDeadline.Surroundings(null, true), NewCommand, At(31)),
            ForceEndBooking.Decide(In(Phase.Ending), NewCommand, At(40)),
        })
        {
            var ended = In(Phase.Ending).Then(decision);
            ended.Usage!.EndedAt.ShouldBe(At(29));
            ended.Flags.ShouldBe([RideFlag.LockUnanswered]);
            Names(OnVehicleLocked.Decide(ended, Locked(Command("end"), 32), At(32))).ShouldBe("-");
        }
    }

    [Fact]
    public void A_vehicle_that_did_not_answer_the_wish_to_go_on_is_locked_at_the_end()
    {
        var paused = In(Phase.Resuming).Then(OnVehicleCommandFailed.Decide(In(Phase.Resuming), Command("resume"), "timeout", At(26)));
        EndRide.Decide(paused, EndCause.Rider, NewCommand, At(27)).Events.ShouldHaveSingleItem().ShouldBe(new EndRequested(NewCommand, EndCause.Rider, At(27)));
    }

    [Theory]
    [InlineData(9.5, 9.5, false)] // its own time counts
    [InlineData(8.5, 9, false)] // a slow clock is not before we asked
    [InlineData(-600, 9, true)]
    [InlineData(12, 11, false)] // a fast one not after we heard
    [InlineData(600, 11, true)]
    public void The_vehicle_s_clock_counts_as_far_as_it_is_possible(double told, double billed, bool flagged)
    {
        var riding = In(Phase.Unlocking).Then(OnVehicleUnlocked.Decide(In(Phase.Unlocking), Unlocked(Command("unlock"), told), NewCommand, At(11)));
        riding.Start!.At.ShouldBe(At(billed));
        riding.Flags.Contains(RideFlag.VehicleClock).ShouldBe(flagged);
    }

    [Theory]
    [InlineData(0, 25)] // a clock that is right
    [InlineData(1.5, 25)] // one that was seen to be ahead when the vehicle opened
    [InlineData(-1.5, 23.5)] // one that is behind costs nobody more
    public void A_clock_that_is_ahead_costs_no_more_when_the_lock_is_heard_of_late(double ahead, double billed)
    {
        var riding = In(Phase.Unlocking).Then(OnVehicleUnlocked.Decide(In(Phase.Unlocking), Unlocked(Command("unlock"), 11 + ahead), NewCommand, At(11)));
        var ending = riding.Then(new EndRequested(Command("end"), EndCause.Rider, At(25)));
        ending.Then(OnVehicleLocked.Decide(ending, Locked(Command("end"), 25 + ahead), At(29))).Usage!.EndedAt.ShouldBe(At(billed));
        var pausing = riding.Then(new PauseRequested(Command("pause"), At(25)));
        pausing.Then(OnVehicleLocked.Decide(pausing, Locked(Command("pause"), 25 + ahead), At(29))).PausedAt.ShouldBe(At(billed));
    }

    [Fact]
    public void A_ride_that_began_with_a_token_begins_without_a_command() =>
        Names(OnVehicleUnlocked.Decide(In(Phase.Confirmed), Unlocked(null, 10), NewCommand, At(11))).ShouldBe("RideStarted");
}
