using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Modules;

namespace Mobility.Booking;

/// <summary>The charge is invoiced and paid: the booking is complete.</summary>
internal static class OnPaymentSettled
{
    public static Decision<BookingEvent> Decide(BookingState state, PaymentSettledV1 e) => state switch
    {
        { Settlement: not null } => Decision<BookingEvent>.Accept(),
        { Phase: Phase.Ended } or { Phase: Phase.Released, Release.FeeDue: true } =>
            Decision<BookingEvent>.Accept(new BookingSettled(e.Payment, e.Invoice, e.InvoiceNumber, e.Total, e.Captured)),
        _ => Decision<BookingEvent>.Accept(),
    };

    public static async Task Handle(PaymentSettledV1 e, Reaction r, CancellationToken ct)
    {
        var (state, _) = await r.Work.LoadAsync(BookingStream.Type, e.Booking.Value, ct);
        r.Work.Record(e.Booking, state, Decide(state, e).Events);
    }
}
