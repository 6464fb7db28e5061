using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Modules;

namespace Mobility.Booking;

/// <summary>The money is reserved: the booking stands. If it was released meanwhile, Payments gives the money back on that release.</summary>
internal static class OnPaymentAuthorized
{
    public static Decision<BookingEvent> Decide(BookingState state, PaymentId payment, Money authorized, DateTimeOffset now)
    {
        if (state.Phase != Phase.Confirming)
            return Decision<BookingEvent>.Accept();
        var confirmed = new BookingConfirmed(payment, authorized, now);
        return state.IsWindow && !state.IsOccupying && now >= state.Facts.From
            ? Decision<BookingEvent>.Accept(confirmed, new WindowOpened(now))
            : Decision<BookingEvent>.Accept(confirmed);
    }

    public static async Task Handle(PaymentAuthorizedV1 e, Reaction r, CancellationToken ct)
    {
        var (state, _) = await r.Work.LoadAsync(BookingStream.Type, e.Booking.Value, ct);
        r.Work.Record(e.Booking, state, Decide(state, e.Payment, e.Amount, r.Now).Events);
    }
}
