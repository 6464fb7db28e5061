using System.Collections.Immutable;
using Mobility.Contracts;
using Mobility.Platform;
using static Mobility.Fleet.MdsEvent;

namespace Mobility.Fleet;

/// <summary>What happens to a vehicle in our words; each is one or more steps of the MDS machine.</summary>
internal enum Move
{
    Activate,
    Deactivate,
    Reactivate,
    Retire,
    Relocate,
    Keep,
    Start,
    Stop,
    Resume,
    End,
    CancelByCustomer,
    CancelByProvider,
}

/// <summary>Moves as data: the first path that is legal from where the vehicle is, is taken. Messages may overtake each other, so a start knows how to catch up.</summary>
internal static class VehicleMoves
{
    private static readonly ImmutableArray<MdsEvent> Nothing = [];

    public static Decision<VehicleEvent> Decide(Vehicle vehicle, Move move, BookingId? booking, DateTimeOffset? since, DateTimeOffset now)
    {
        foreach (var path in Paths(vehicle, move))
            if (VehicleStateMachine.Walk(vehicle.Mode, vehicle.State, path) is { } steps)
                return Decision<VehicleEvent>.Accept([.. steps.Select(step => new StateChanged(step.From, step.Event, step.To, booking, since, now))]);
        return Decision<VehicleEvent>.Refuse(IllegalTransition(vehicle, Words<Move>.Of(move)));
    }

    public static Problem IllegalTransition(Vehicle vehicle, string what) => Problem.Conflict("fleet.illegal_transition",
        $"A vehicle in the state {Words<VehicleState>.Of(vehicle.State)} ({Words<Phase>.Of(vehicle.Phase)}) does not allow: {what}.");

    private static ImmutableArray<ImmutableArray<MdsEvent>> Paths(Vehicle vehicle, Move move) => (vehicle.Mode, move) switch
    {
        (VehicleMode.Micromobility, Move.Activate) => [[ProviderDropOff]],
        (_, Move.Deactivate) when vehicle.State == VehicleState.NonOperational => [Nothing],
        (VehicleMode.Micromobility, Move.Deactivate) => [[MdsEvent.Maintenance]],
        (VehicleMode.Micromobility, Move.Reactivate) => vehicle.State == VehicleState.NonOperational ? [[MdsEvent.Maintenance]] : [], // the event leads both ways
        (VehicleMode.Micromobility, Move.Retire) => vehicle.State == VehicleState.Removed ? [Nothing] : [[Decommissioned]],
        (VehicleMode.Micromobility, Move.Relocate) => [[RebalancePickUp, ProviderDropOff], [ProviderDropOff]],
        (VehicleMode.Micromobility, Move.Keep) => [[ReservationStart]],
        (VehicleMode.Micromobility, Move.Start) => [[TripStart]],
        (VehicleMode.Micromobility, Move.Stop or Move.Resume) => [Nothing], // MDS: a paused scooter is still on its trip
        (VehicleMode.Micromobility, Move.End) => [[TripEnd], [TripStart, TripEnd]],
        (VehicleMode.Micromobility, Move.CancelByCustomer or Move.CancelByProvider) => [[ReservationCancel], [TripCancel]],
        (VehicleMode.CarShare, Move.Activate) => [[Recommissioned, ServiceStart]],
        (VehicleMode.CarShare, Move.Deactivate) => [[ServiceEnd]],
        (VehicleMode.CarShare, Move.Reactivate) => [[ServiceStart]],
        (VehicleMode.CarShare, Move.Retire) => vehicle.State == VehicleState.Removed ? [Nothing] : [[Decommissioned], [ServiceEnd, Decommissioned]],
        (VehicleMode.CarShare, Move.Relocate) => [[ServiceEnd, MaintenancePickUp, MaintenanceEnd, ServiceStart], [MaintenanceEnd, ServiceStart]],
        (VehicleMode.CarShare, Move.Keep) => [[ReservationStart]],
        (VehicleMode.CarShare, Move.Start) => vehicle.State == VehicleState.Available
            ? [[ReservationStart, ReservationStop, TripStart]]
            : [[ReservationStop, TripStart], [TripStart]],
        (VehicleMode.CarShare, Move.Stop) => [[TripStop]],
        (VehicleMode.CarShare, Move.Resume) => [[TripResume]],
        (VehicleMode.CarShare, Move.End) => [[TripStop, TripEnd], [TripEnd], [ReservationStop, TripStart, TripStop, TripEnd]],
        (VehicleMode.CarShare, Move.CancelByCustomer) => [[CustomerCancellation], [TripStop, CustomerCancellation]],
        (VehicleMode.CarShare, Move.CancelByProvider) => [[ProviderCancellation], [TripStop, ProviderCancellation]],
        _ => [],
    };
}
