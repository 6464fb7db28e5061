using Mobility.Contracts;
using Mobility.Platform.Events;

namespace Mobility.Fleet;

/// <summary>Everything that happens to a vehicle is appended here, so that what others must know of it is published in the same transaction.</summary>
internal static class VehicleNews
{
    public static async ValueTask<Vehicle> AppendAsync(Work work, VehicleId id, IReadOnlyList<VehicleEvent> events, CancellationToken ct)
    {
        var (before, version) = await work.LoadAsync(VehicleStream.Type, id.Value, ct); // loaded by the caller already
        var after = work.Append(VehicleStream.Type, id.Value, events);
        if (events.Any(IsNews) || before.IsDisabled() != after.IsDisabled())
            work.Publish(id.Value, new VehicleStateChangedV1(id, after.City, before.State, after.State,
                events.OfType<StateChanged>().LastOrDefault() is { } step ? Words<MdsEvent>.Of(step.Event) : null, work.Now, Of(after, id, version + events.Count)));
        return after;
    }

    public static VehicleNow Of(Vehicle vehicle, VehicleId id, int version) => new(
        id, vehicle.Label, vehicle.City, vehicle.Type, vehicle.Kind, vehicle.State, IsOffered(vehicle.Phase, vehicle.State, vehicle.IsDisabled()), version, vehicle.Position,
        vehicle.StateOfChargePercent, vehicle.MeasuredAt, vehicle.MaxRangeMeters, vehicle.MinimumStateOfChargePercent);

    /// <summary>The same rule as the column <c>rentable</c>, the charge apart.</summary>
    public static bool IsOffered(Phase phase, VehicleState state, bool isDisabled) => phase == Phase.Active && state == VehicleState.Available && !isDisabled;

    private static bool IsNews(VehicleEvent e) => e is not (BookingPassed or CommandRequested or CommandGivenUp or CommandDone or LockReported { Newest: false }
        or TwinUpdated or DisableAsked or DisableApproved or StandstillAwaited or StandstillSeen or DisableEnded);
}
