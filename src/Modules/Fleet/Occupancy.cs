using Mobility.Contracts;
using Mobility.Platform;

namespace Mobility.Fleet;

/// <summary>
/// How a vehicle follows its bookings. Booking's exclusion constraint is the law of who has it; this only follows. Each contract event has a subscription of
/// its own, so that news of one booking, and of two, may arrive in any order: a booking that is over stays over, a step that was missed is caught up, and
/// when a younger booking appears the older one is taken as ended, since Booking would not have sold the vehicle otherwise.
/// </summary>
internal static class Occupancy
{
    /// <summary>What became of the vehicle for a booking.</summary>
    /// <param name="vehicle">As it is.</param>
    /// <param name="booking">The booking that the news is about.</param>
    /// <param name="move">Keep, Start, Stop, Resume, End or one of the cancellations.</param>
    /// <param name="publishedAt">When Booking said so, by the platform's clock.</param>
    /// <param name="now">Recorded with the events.</param>
    public static Decision<VehicleEvent> Decide(Vehicle vehicle, BookingId booking, Move move, DateTimeOffset publishedAt, DateTimeOffset now) =>
        vehicle.PassedBookings.Contains(booking) || vehicle.Phase is Phase.None or Phase.Retired ? Decision<VehicleEvent>.Accept() : move switch
        {
            Move.Keep when vehicle.Occupant?.Booking == booking => Decision<VehicleEvent>.Accept(),
            Move.Start when vehicle.Occupant?.Booking == booking && IsUnderWay(vehicle) => Decision<VehicleEvent>.Accept(),
            Move.Keep or Move.Start => Begin(vehicle, booking, move, publishedAt, now),
            Move.Stop or Move.Resume => vehicle.Occupant?.Booking == booking && IsUnderWay(vehicle) && IsNews(vehicle, move)
                ? VehicleMoves.Decide(vehicle, move, booking, null, now)
                : Decision<VehicleEvent>.Accept(),
            _ when vehicle.Occupant?.Booking == booking => VehicleMoves.Decide(vehicle, move, booking, null, now),
            _ => Decision<VehicleEvent>.Accept(new BookingPassed(booking, now)),
        };

    private static Decision<VehicleEvent> Begin(Vehicle vehicle, BookingId booking, Move move, DateTimeOffset publishedAt, DateTimeOffset now)
    {
        if (vehicle.Occupant is not { } occupant || occupant.Booking == booking)
            return VehicleMoves.Decide(vehicle, move, booking, publishedAt, now);
        if (publishedAt < occupant.Since)
            return Decision<VehicleEvent>.Accept(); // older than the one that has the vehicle
        var ended = VehicleMoves.Decide(vehicle, IsUnderWay(vehicle) ? Move.End : Move.CancelByProvider, occupant.Booking, null, now);
        if (ended.Problem is not null)
            return ended;
        var begun = VehicleMoves.Decide(ended.Events.Aggregate(vehicle, Vehicle.Evolve), move, booking, publishedAt, now);
        return begun.Problem is null ? Decision<VehicleEvent>.Accept([.. ended.Events, .. begun.Events]) : begun;
    }

    private static bool IsUnderWay(Vehicle vehicle) => vehicle.State is VehicleState.OnTrip or VehicleState.Stopped;

    private static bool IsNews(Vehicle vehicle, Move move) => vehicle.State == (move == Move.Stop ? VehicleState.OnTrip : VehicleState.Stopped);
}
