using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Modules;

namespace Mobility.Booking;

/// <summary>The money could not be reserved: the vehicle is free for others.</summary>
internal static class OnPaymentDeclined
{
    public static Decision<BookingEvent> Decide(BookingState state, string code, DateTimeOffset now) =>
        state.Phase == Phase.Confirming
            ? Decision<BookingEvent>.Accept(new BookingReleased(ReleaseReason.PaymentFailed, state.IsOccupying, FeeDue: false, code, now))
            : Decision<BookingEvent>.Accept();

    public static async Task Handle(PaymentDeclinedV1 e, Reaction r, CancellationToken ct)
    {
        var (state, _) = await r.Work.LoadAsync(BookingStream.Type, e.Booking.Value, ct);
        r.Work.Record(e.Booking, state, Decide(state, e.Code, r.Now).Events);
    }
}
