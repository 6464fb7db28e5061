using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Modules;

namespace Mobility.Booking;

/// <summary>The vehicle did not do what it was asked: our fault, so the rider is compensated by the ride's own facts (law 3).</summary>
internal static class OnVehicleCommandFailed
{
    public static Decision<BookingEvent> Decide(BookingState state, VehicleCommandId command, string reason, DateTimeOffset now)
    {
        if (command != state.Command)
            return Decision<BookingEvent>.Accept();
        return state.Phase switch
        {
            Phase.Unlocking =>
                Decision<BookingEvent>.Accept(new BookingReleased(ReleaseReason.VehicleFault, state.IsOccupying, FeeDue: false, reason, now)),
            Phase.Pausing => Decision<BookingEvent>.Accept(new PauseFailed(reason, now)),
            Phase.Resuming => Decision<BookingEvent>.Accept(new ResumeFailed(reason, now)),
            Phase.Ending => Decision<BookingEvent>.Accept(EndRide.EndedUnanswered(state, now)),
            _ => Decision<BookingEvent>.Accept(),
        };
    }

    public static async Task Handle(VehicleCommandFailedV1 e, Reaction r, CancellationToken ct)
    {
        if (e.Booking is not { } booking)
            return; // staff asked
        var (state, _) = await r.Work.LoadAsync(BookingStream.Type, booking.Value, ct);
        r.Work.Record(booking, state, Decide(state, e.Command, e.Reason, r.Now).Events);
    }
}
