using Mobility.Booking;
using Mobility.Contracts;
using static Mobility.Tests.Bookings.Examples;

namespace Mobility.Tests.Bookings;

/// <summary>Vans and cars: windows, grace, no-show, overtime; and what a quote may be booked for.</summary>
public sealed class WindowTests
{
    private static readonly BookingState Confirmed =
        Fold(Van).Then(new ConfirmationRequested(At(1)), new BookingConfirmed(Payment, Eur(700), At(1)));

    private static readonly BookingState Riding =
        Confirmed.Then(new WindowOpened(At(60)), new UnlockRequested(Command("unlock"), At(65)), new RideStarted(At(65), Place, 90, 0, false, TimeSpan.Zero));

    private static readonly OnDeadline.Surroundings Nobody = new(null, true);

    [Fact, Trait("Req", "BKG-3")]
    public void A_window_waits_for_its_begin_then_for_the_grace_then_the_rider_has_not_come()
    {
        Deadlines.NextOf(Confirmed).ShouldBe(At(60));
        var opened = Confirmed.Then(OnDeadline.Decide(Confirmed, Nobody, NewCommand, At(60)));
        opened.WindowOpenedAt.ShouldBe(At(60));
        Deadlines.NextOf(opened).ShouldBe(At(90));
        var released = OnDeadline.Decide(opened, Nobody, NewCommand, At(90)).Events.ShouldHaveSingleItem().ShouldBeOfType<BookingReleased>();
        released.ShouldBe(new BookingReleased(ReleaseReason.NoShow, Occupied: true, FeeDue: true, null, At(90)));
    }

    [Fact, Trait("Req", "BKG-3")]
    public void A_rider_whose_vehicle_is_not_back_pays_no_fee()
    {
        var opened = Confirmed.Then(new WindowOpened(At(60)));
        OnDeadline.Decide(opened, new OnDeadline.Surroundings(null, VehicleIsBack: false), NewCommand, At(90)).Events
            .ShouldHaveSingleItem().ShouldBe(new BookingReleased(ReleaseReason.VehicleFault, true, false, null, At(90)));
    }

    [Fact]
    public void A_tariff_without_a_fee_forfeits_nothing()
    {
        var free = Fold(Van with { Tariff = Plan with { NoShowFee = 0 } })
            .Then(new ConfirmationRequested(At(1)), new BookingConfirmed(Payment, Eur(700), At(1)), new WindowOpened(At(60)));
        OnDeadline.Decide(free, Nobody, NewCommand, At(90)).Events.ShouldHaveSingleItem().ShouldBeOfType<BookingReleased>().FeeDue.ShouldBeFalse();
    }

    [Fact]
    public void A_grace_longer_than_the_window_ends_with_it() =>
        Deadlines.GraceEnd(Fold(Van with { WindowEnd = At(75), Until = At(75) })).ShouldBe(At(75));

    [Fact, Trait("Req", "BKG-3")]
    public void A_window_cannot_be_unlocked_before_it_begins()
    {
        Names(UnlockVehicle.Decide(Confirmed, NewCommand, At(59))).ShouldBe("!booking.too_early");
        Names(UnlockVehicle.Decide(Confirmed, NewCommand, At(60))).ShouldBe("WindowOpened+UnlockRequested");
        Names(UnlockVehicle.Decide(Confirmed.Then(new WindowOpened(At(60))), NewCommand, At(61))).ShouldBe("UnlockRequested");
        Names(UnlockVehicle.Decide(Confirmed.Then(new WindowOpened(At(60))), NewCommand, At(90))).ShouldBe("!booking.expired");
    }

    [Fact, Trait("Req", "BKG-3")]
    public void An_authorization_after_the_begin_opens_the_window_too()
    {
        var late = Fold(Van).Then(new ConfirmationRequested(At(1)));
        Names(OnPaymentAuthorized.Decide(late, Payment, Eur(700), At(2))).ShouldBe("BookingConfirmed");
        Names(OnPaymentAuthorized.Decide(late, Payment, Eur(700), At(60))).ShouldBe("BookingConfirmed+WindowOpened");
    }

    [Fact]
    public void Overtime_is_granted_until_the_next_booking_and_no_longer()
    {
        Deadlines.NextOf(Riding).ShouldBe(At(180));
        var over = Riding.Then(OnDeadline.Decide(Riding, new OnDeadline.Surroundings(At(240), true), NewCommand, At(180)));
        over.HeldUntil.ShouldBe(At(240));
        over.WindowEnd.ShouldBe(At(180)); // what is beyond it costs overtime
        Names(OnDeadline.Decide(over, new OnDeadline.Surroundings(At(240), true), NewCommand, At(240))).ShouldBe("EndRequested");
        Names(OnDeadline.Decide(Riding, new OnDeadline.Surroundings(At(180), true), NewCommand, At(180))).ShouldBe("EndRequested");
        OnDeadline.Decide(Riding, Nobody, NewCommand, At(180)).Events.ShouldHaveSingleItem()
            .ShouldBe(new OvertimeGranted(At(180) + Deadlines.OvertimeMax, At(180)));
    }

    [Theory]
    [InlineData(240, "WindowExtended")]
    [InlineData(180, "-")]
    [InlineData(170, "!booking.window_invalid")]
    [InlineData(60 + 7 * 24 * 60 + 1, "!booking.window_invalid")]
    public void A_window_can_be_extended_to_a_later_end(int minute, string outcome)
    {
        Names(ExtendBooking.Decide(Fold(Van), At(minute), At(2))).ShouldBe(outcome);
        Names(ExtendBooking.Decide(Riding, At(minute), At(100))).ShouldBe(outcome);
    }

    [Fact]
    public void A_ride_ends_no_later_than_it_must_however_late_the_lock()
    {
        var ending = Riding.Then(OnDeadline.Decide(Riding, new OnDeadline.Surroundings(At(180), true), NewCommand, At(181)));
        var ended = OnVehicleLocked.Decide(ending, Locked(NewCommand, 182, 9_000), At(182)).Events.ShouldHaveSingleItem().ShouldBeOfType<RideEnded>();
        ended.Usage.EndedAt.ShouldBe(At(180));
        ended.Usage.DistanceMeters.ShouldBe(9_000);
        ending.Then(ended).Flags.ShouldBe([RideFlag.EndedByDeadline]);
    }

    [Theory, Trait("Req", "BKG-2"), Trait("Req", "BKG-3")]
    [InlineData(VehicleKind.Scooter, null, null, null)]
    [InlineData(VehicleKind.Scooter, 30, null, null)]
    [InlineData(VehicleKind.EBike, 31, null, "booking.window_invalid")]
    [InlineData(VehicleKind.Scooter, null, 60, "booking.window_invalid")]
    [InlineData(VehicleKind.Car, null, null, "booking.window_needed")]
    [InlineData(VehicleKind.Car, 60, null, "booking.window_needed")]
    [InlineData(VehicleKind.Van, 0, 15, null)]
    [InlineData(VehicleKind.Van, -5, 30, null)]
    [InlineData(VehicleKind.Van, -5, 14, "booking.window_invalid")]
    [InlineData(VehicleKind.Van, -16, 120, "booking.window_invalid")]
    [InlineData(VehicleKind.Van, 60, 74, "booking.window_invalid")]
    [InlineData(VehicleKind.Van, 7 * 24 * 60, 8 * 24 * 60, null)]
    [InlineData(VehicleKind.Van, 7 * 24 * 60 + 1, 8 * 24 * 60, "booking.window_invalid")]
    [InlineData(VehicleKind.Van, 60, 60 + 7 * 24 * 60 + 1, "booking.window_invalid")]
    public void A_quote_is_booked_for_a_sensible_time_only(VehicleKind kind, int? from, int? until, string? refusal)
    {
        var quote = QuoteOf(kind, from, until);
        var (wish, problem) = ReserveVehicle.Plan(quote, Rider, Begin);
        problem?.Code.ShouldBe(refusal);
        (wish is null).ShouldBe(refusal is not null);
    }

    [Fact, Trait("Req", "BKG-8")]
    public void A_quote_is_booked_by_its_owner_while_it_is_valid()
    {
        var quote = QuoteOf(VehicleKind.Scooter, null, null);
        ReserveVehicle.Plan(quote, Id("somebody"), Begin).Problem!.Code.ShouldBe("booking.quote_not_found");
        ReserveVehicle.Plan(quote, Rider, quote.ExpiresAt).Problem!.Code.ShouldBe("booking.quote_expired");
        var wish = ReserveVehicle.Plan(quote, Rider, Begin).Wish!;
        var command = new ReserveVehicle.Command(TheBooking, TheBooking, Rider, quote, wish, new ReserveVehicle.Overlaps(null, null), Begin);
        ReserveVehicle.Decide(command).Events.ShouldHaveSingleItem().ShouldBe(Scooter);
    }

    [Fact, Trait("Req", "BKG-2")]
    public void A_scooter_ride_gives_way_to_the_next_booking()
    {
        var quote = QuoteOf(VehicleKind.Scooter, null, null);
        var wish = ReserveVehicle.Plan(quote, Rider, Begin).Wish!;
        string Outcome(int? ofVehicle, int? ofRider, out BookingState state)
        {
            var overlaps = new ReserveVehicle.Overlaps(ofVehicle is { } v ? At(v) : null, ofRider is { } r ? At(r) : null);
            var decision = ReserveVehicle.Decide(new ReserveVehicle.Command(TheBooking, TheBooking, Rider, quote, wish, overlaps, Begin));
            state = decision.Problem is null ? Fold(decision.Events) : BookingState.None;
            return Names(decision);
        }

        Outcome(null, 120, out var capped).ShouldBe("VehicleReserved");
        capped.MustEndBy.ShouldBe(At(120));
        Outcome(null, 10, out _).ShouldBe("!booking.rider_busy");
        Outcome(-20, null, out _).ShouldBe("!booking.vehicle_taken");
        Outcome(-20, -20, out _).ShouldBe("!booking.vehicle_taken");
    }

    private static AccountId Id(string name) => Mobility.Platform.Id.Named<AccountId>("test", name);

    private static QuoteSnapshot QuoteOf(VehicleKind kind, int? from, int? until) => new(Quote, Rider, Town, Vehicle,
        new VehicleTypeId(kind is VehicleKind.Scooter or VehicleKind.EBike ? "scooter" : "van"), kind, Plan, from is { } f ? At(f) : null,
        until is { } u ? At(u) : null, Eur(400), Eur(700), Place, At(5));
}
