using Mobility.Contracts;
using Mobility.Platform.Modules;

namespace Mobility.Fleet;

/// <summary>A vehicle that was kept is free again.</summary>
internal static class OnBookingReleased
{
    public static Task Handle(BookingReleasedV1 e, Reaction reaction, CancellationToken ct) => e.Occupied
        ? FollowBooking.RunAsync(reaction, e.Vehicle, e.Booking, e.Reason == ReleaseReason.Cancelled ? Move.CancelByCustomer : Move.CancelByProvider, ct)
        : Task.CompletedTask;
}
