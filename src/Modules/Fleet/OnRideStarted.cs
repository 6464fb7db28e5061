using Mobility.Contracts;
using Mobility.Platform.Modules;

namespace Mobility.Fleet;

/// <summary>The ride began.</summary>
internal static class OnRideStarted
{
    public static Task Handle(RideStartedV1 e, Reaction reaction, CancellationToken ct) => FollowBooking.RunAsync(reaction, e.Vehicle, e.Booking, Move.Start, ct);
}
