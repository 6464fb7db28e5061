using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Modules;

namespace Mobility.Booking;

/// <summary>Pricing says what the ride, or the no-show, costs. May arrive after the settlement: the two come from different modules.</summary>
internal static class OnRideCharged
{
    public static Decision<BookingEvent> Decide(BookingState state, Charge charge) => state switch
    {
        { Charge: not null } => Decision<BookingEvent>.Accept(),
        { Phase: Phase.Ended or Phase.Settled } or { Phase: Phase.Released, Release.FeeDue: true } => Decision<BookingEvent>.Accept(new ChargeKnown(charge)),
        _ => Decision<BookingEvent>.Accept(),
    };

    public static async Task Handle(RideChargedV1 e, Reaction r, CancellationToken ct)
    {
        var (state, _) = await r.Work.LoadAsync(BookingStream.Type, e.Booking.Value, ct);
        r.Work.Record(e.Booking, state, Decide(state, e.Charge).Events);
    }
}
