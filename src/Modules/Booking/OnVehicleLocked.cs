using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Modules;

namespace Mobility.Booking;

/// <summary>The vehicle locked: the ride pauses or ends at the vehicle's own time (law 3), with the distance of its odometer.</summary>
internal static class OnVehicleLocked
{
    public static Decision<BookingEvent> Decide(BookingState state, VehicleLockedV1 e, DateTimeOffset now, bool outside = false) => state.Phase switch
    {
        // Whatever made it lock after the end was asked for: it is locked.
        Phase.Ending when e.Command is null || e.Command == state.Command || state.Corrected(e.At) >= state.EndAskedAt => Decision<BookingEvent>.Accept(EndRide.EndedAt(
            state, state.TimeOf(e.At, now), e.OdometerMeters, e.Position, e.StateOfChargePercent, outside ? RideFlag.ParkedOutside : null, now)),
        Phase.Pausing when e.Command is null || e.Command == state.Command => Paused(state, e, now),
        Phase.Riding when e.Command is not null && e.Command == state.Command => Paused(state, e, now), // late: the command had been given up
        _ => Decision<BookingEvent>.Accept(),
    };

    private static Decision<BookingEvent> Paused(BookingState state, VehicleLockedV1 e, DateTimeOffset now) => Decision<BookingEvent>.Accept(new RidePaused(
        state.TimeOf(e.At, now), e.Position, e.StateOfChargePercent, e.OdometerMeters));

    public static async Task Handle(VehicleLockedV1 e, Reaction r, CancellationToken ct)
    {
        if (e.Booking is not { } booking)
            return;
        var (state, _) = await r.Work.LoadAsync(BookingStream.Type, booking.Value, ct);
        var outside = state.Phase == Phase.Ending && await r.Services.GetRequiredService<ZoneRules>().WhyNotEndAsync(state.Facts, e.Position, ct) is not null;
        r.Work.Record(booking, state, Decide(state, e, r.Now, outside).Events);
    }
}
