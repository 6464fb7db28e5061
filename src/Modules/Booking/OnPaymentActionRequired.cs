using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Modules;

namespace Mobility.Booking;

/// <summary>The rider's bank wants to see the rider (3-D Secure); the booking shows where. The hold's deadline stays.</summary>
internal static class OnPaymentActionRequired
{
    public static Decision<BookingEvent> Decide(BookingState state, PaymentId payment, string url) =>
        state.Phase == Phase.Confirming && state.ActionUrl != url
            ? Decision<BookingEvent>.Accept(new PaymentActionAsked(payment, url))
            : Decision<BookingEvent>.Accept();

    public static async Task Handle(PaymentActionRequiredV1 e, Reaction r, CancellationToken ct)
    {
        var (state, _) = await r.Work.LoadAsync(BookingStream.Type, e.Booking.Value, ct);
        r.Work.Record(e.Booking, state, Decide(state, e.Payment, e.Url).Events);
    }
}
