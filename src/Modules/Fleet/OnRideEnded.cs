using Mobility.Contracts;
using Mobility.Platform.Modules;

namespace Mobility.Fleet;

/// <summary>The ride is over and the vehicle free. Where it stands it has reported itself; only a ride that was ended without a report says so here.</summary>
internal static class OnRideEnded
{
    public static async Task Handle(RideEndedV1 e, Reaction reaction, CancellationToken ct)
    {
        await FollowBooking.RunAsync(reaction, e.Vehicle, e.Booking, Move.End, ct);
        var (vehicle, version) = await reaction.Work.LoadAsync(VehicleStream.Type, e.Vehicle.Value, ct);
        if (version > 0 && e.Usage.EndedAt > vehicle.MeasuredAt)
            await VehicleNews.AppendAsync(reaction.Work, e.Vehicle, [new VehiclePlaced(e.Position, null, e.Usage.EndedAt.Value)], ct);
    }
}
