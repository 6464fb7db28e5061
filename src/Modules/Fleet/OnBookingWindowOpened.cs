using Mobility.Contracts;
using Mobility.Platform.Modules;

namespace Mobility.Fleet;

/// <summary>A booked window begins: the vehicle is kept for its rider.</summary>
internal static class OnBookingWindowOpened
{
    public static Task Handle(BookingWindowOpenedV1 e, Reaction reaction, CancellationToken ct) =>
        FollowBooking.RunAsync(reaction, e.Vehicle, e.Booking, Move.Keep, ct);
}
