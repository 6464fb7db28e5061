using Mobility.Contracts;
using Mobility.Platform.Modules;

namespace Mobility.Fleet;

/// <summary>A vehicle that is held from now on is kept for its rider; one that is booked for later stays rentable until its window opens.</summary>
internal static class OnBookingReserved
{
    public static Task Handle(BookingReservedV1 e, Reaction reaction, CancellationToken ct) =>
        e.From <= e.At ? FollowBooking.RunAsync(reaction, e.Vehicle, e.Booking, Move.Keep, ct) : Task.CompletedTask;
}
