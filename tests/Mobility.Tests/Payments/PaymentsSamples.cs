using Mobility.Contracts;
using Mobility.Payments;
using Mobility.Platform;

namespace Mobility.Tests.Payments;

/// <summary>The words of these tests: one booking, one rider, euros.</summary>
internal static class PaymentsSamples
{
    public static readonly DateTimeOffset Now = new(2026, 6, 1, 8, 0, 0, TimeSpan.Zero);
    public static readonly BookingId SampleBooking = Id.Named<BookingId>("test", "booking");
    public static readonly AccountId Rider = Id.Named<AccountId>("test", "rider");
    public static readonly VehicleId Vehicle = Id.Named<VehicleId>("test", "vehicle");
    public static readonly CityId SampleCity = new("tiny");
    public static readonly InvoiceId Invoice = Id.Named<InvoiceId>("test", "invoice");

    public static Money Eur(long amount) => new(amount, Currency.Eur);

    public static Charge ChargeOf(long total)
    {
        var vat = total * 19 / 119;
        return new([new ChargeLine("time", "Riding time", 12, "minute", Eur(total))], Eur(total), Eur(total - vat), Eur(vat), 1900);
    }

    public static OnBookingConfirmationRequested.Command Confirm(long amount, string? token, long balance = 0) =>
        new(SampleBooking, Rider, SampleCity, Eur(amount), token, Eur(balance));

    public static BookingReleasedV1 Release(ReleaseReason reason = ReleaseReason.Cancelled, bool feeDue = false) =>
        new(SampleBooking, Rider, Vehicle, SampleCity, reason, Occupied: true, Now) { FeeDue = feeDue };

    public static OnRideCharged.Command ChargeRide(long total, long balance = 0) =>
        new(new RideChargedV1(SampleBooking, Rider, SampleCity, ChargeOf(total), Now), Invoice, "TINY-2026-000001", Eur(balance));

    public static PaymentState Fold(params IEnumerable<PaymentEvent> events) => events.Aggregate(PaymentStream.Type.Initial, PaymentStream.Evolve);

    public static PaymentState Requested(string token = "tok_visa", long amount = 1000) => Fold(new AuthorizationRequested(SampleBooking, Rider, SampleCity, Eur(amount), token));

    public static PaymentState Held(string token = "tok_visa", long amount = 1000) => After(Requested(token, amount), new Authorized("pi_1", Eur(amount)));

    public static PaymentState HeldInWallet(long amount = 1000) => After(Requested("wallet", amount), new Authorized(null, Eur(amount)));

    public static PaymentState After(PaymentState state, params IEnumerable<PaymentEvent> events) => events.Aggregate(state, PaymentStream.Evolve);
}
