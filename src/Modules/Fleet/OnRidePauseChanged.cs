using Mobility.Contracts;
using Mobility.Platform.Modules;

namespace Mobility.Fleet;

/// <summary>The rider paused or went on; MDS tells the two apart for cars only.</summary>
internal static class OnRidePauseChanged
{
    public static Task Handle(RidePauseChangedV1 e, Reaction reaction, CancellationToken ct) =>
        FollowBooking.RunAsync(reaction, e.Vehicle, e.Booking, e.Paused ? Move.Stop : Move.Resume, ct);
}
