using Mobility.Booking;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Events;

namespace Mobility.Tests.Bookings;

/// <summary>One scooter and one van of a small city, and bookings of them in every phase.</summary>
internal static class Examples
{
    public static readonly DateTimeOffset Begin = new(2026, 6, 1, 8, 0, 0, TimeSpan.Zero);
    public static readonly CityId Town = new("tiny");
    public static readonly BookingId TheBooking = Id.Named<BookingId>("test", "booking");
    public static readonly AccountId Rider = Id.Named<AccountId>("test", "rider");
    public static readonly VehicleId Vehicle = Id.Named<VehicleId>("test", "vehicle");
    public static readonly QuoteId Quote = Id.Named<QuoteId>("test", "quote");
    public static readonly PaymentId Payment = Id.Named<PaymentId>("test", "payment");
    public static readonly InvoiceId Invoice = Id.Named<InvoiceId>("test", "invoice");
    public static readonly VehicleCommandId NewCommand = Command("new");
    public static readonly GeoPoint Place = new(50, 10);

    public static readonly Tariff Plan = new()
    {
        Id = new TariffId("plan"),
        Name = "Plan",
        Description = "A plan.",
        Currency = Currency.Eur,
        VehicleTypeIds = [new VehicleTypeId("van")],
        UnlockFee = 100,
        PerMinute = [new PriceStep(0, 20, 1, null)],
        PerKilometer = [],
        NoShowFee = 2000,
        LateArrivalGrace = TimeSpan.FromMinutes(30),
        VatBasisPoints = 1900,
    };

    public static readonly Charge Price = new([new ChargeLine("unlock", "Unlock", 1, "piece", Eur(100))], Eur(100), Eur(84), Eur(16), 1900);

    public static readonly VehicleReserved Scooter = new(
        TheBooking, Rider, TheBooking, Vehicle, Town, new VehicleTypeId("scooter"), VehicleKind.Scooter, Quote, Plan,
        Eur(400), Eur(700), Place, Begin, Begin + TimeSpan.FromHours(12.5), null, Begin);

    /// <summary>A window of two hours that begins in one.</summary>
    public static readonly VehicleReserved Van = Scooter with
    {
        Type = new VehicleTypeId("van"),
        Kind = VehicleKind.Van,
        From = At(60),
        Until = At(180),
        WindowEnd = At(180),
    };

    public static Money Eur(long cents) => new(cents, Currency.Eur);

    public static VehicleCommandId Command(string name) => Id.Named<VehicleCommandId>("test", name);

    public static DateTimeOffset At(double minutes) => Begin + TimeSpan.FromMinutes(minutes);

    public static BookingState Fold(params IEnumerable<BookingEvent> events) => events.Aggregate(BookingState.None, BookingState.Evolve);

    public static BookingState Then(this BookingState state, params IEnumerable<BookingEvent> events) => events.Aggregate(state, BookingState.Evolve);

    public static BookingState Then(this BookingState state, Decision<BookingEvent> decision) =>
        decision.Problem is { } problem ? throw new InvalidOperationException(problem.Code) : state.Then(decision.Events);

    /// <summary>A scooter's booking that has come to a phase: confirmed at minute 1, unlocked at 10, paused at 20, ended at 30.</summary>
    public static BookingState In(Phase phase) => phase switch
    {
        Phase.None => BookingState.None,
        Phase.Held => Fold(Scooter),
        Phase.Confirming => In(Phase.Held).Then(new ConfirmationRequested(At(1))),
        Phase.Confirmed => In(Phase.Confirming).Then(new BookingConfirmed(Payment, Eur(700), At(1))),
        Phase.Unlocking => In(Phase.Confirmed).Then(new UnlockRequested(Command("unlock"), At(9))),
        Phase.Riding => In(Phase.Unlocking).Then(new RideStarted(At(10), Place, 80, 1_000, false, TimeSpan.Zero)),
        Phase.Pausing => In(Phase.Riding).Then(new PauseRequested(Command("pause"), At(19))),
        Phase.Paused => In(Phase.Pausing).Then(new RidePaused(At(20), Place, 75, 3_000)),
        Phase.Resuming => In(Phase.Paused).Then(new ResumeRequested(Command("resume"), At(25))),
        Phase.Ending => In(Phase.Riding).Then(new EndRequested(Command("end"), EndCause.Rider, At(29))),
        Phase.Ended => In(Phase.Ending).Then(EndRide.EndedAt(In(Phase.Ending), At(30), 5_000, Place, 70, null, At(30))),
        Phase.Settled => In(Phase.Ended).Then(new ChargeKnown(Price), Settlement),
        Phase.Released => In(Phase.Confirmed).Then(new BookingReleased(ReleaseReason.Cancelled, true, false, null, At(5))),
        _ => throw new ArgumentOutOfRangeException(nameof(phase)),
    };

    public static readonly BookingSettled Settlement = new(Payment, Invoice, "INV-1", Eur(100), Eur(100));

    public static readonly PaymentSettledV1 SettledNews = new(TheBooking, Rider, Payment, Invoice, "INV-1", Eur(100), Eur(100));

    public static VehicleUnlockedV1 Unlocked(VehicleCommandId? command, double minute, long odometer = 1_000) =>
        new(Vehicle, command, TheBooking, At(minute), Place, 80, odometer);

    public static VehicleLockedV1 Locked(VehicleCommandId? command, double minute, long odometer = 5_000) =>
        new(Vehicle, command, TheBooking, At(minute), Place, 70, odometer);

    public static string Names(Decision<BookingEvent> decision) => decision.Problem is { } problem ? $"!{problem.Code}"
        : decision.Events.Count == 0 ? "-"
        : string.Join('+', decision.Events.Select(e => e.GetType().Name));

    public static EventCatalog<BookingEvent> Catalog => BookingStream.Type.Events;
}
