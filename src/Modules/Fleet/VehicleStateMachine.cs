using System.Collections.Frozen;
using System.Collections.Immutable;
using Mobility.Contracts;
using static Mobility.Contracts.VehicleState;
using static Mobility.Fleet.MdsEvent;

namespace Mobility.Fleet;

/// <summary>The MDS 2.0 event types of the modes micromobility and car-share.</summary>
internal enum MdsEvent
{
    AgencyDropOff, AgencyPickUp, BatteryCharged, BatteryLow, ChangedGeographies, ChargingEnd, ChargingStart, CommsLost, CommsRestored, CompliancePickUp,
    CustomerCancellation, Decommissioned, DriverCancellation, FuelingEnd, FuelingStart, Located, Maintenance, MaintenanceEnd, MaintenancePickUp, NotLocated,
    OffHours, OnHours, ProviderCancellation, ProviderDropOff, RebalancePickUp, Recommissioned, RemoteEnd, RemoteStart, ReservationCancel, ReservationStart,
    ReservationStop, ServiceEnd, ServiceStart, SystemResume, SystemSuspend, TripCancel, TripEnd, TripEnterJurisdiction, TripLeaveJurisdiction, TripResume,
    TripStart, TripStop, Unspecified,
}

/// <summary>One step of a vehicle from a state to a state.</summary>
internal readonly record struct MdsStep(VehicleState From, MdsEvent Event, VehicleState To);

/// <summary>
/// The state machine of MDS 2.0 ("Vehicle States", vehicle_state_transitions.csv) for the two modes that we run, as data. What is not in the table is
/// illegal. Where an event leads to one of several states (a vehicle that answers again is in whatever state it is in), the caller says which.
/// </summary>
internal static class VehicleStateMachine
{
    private static readonly FrozenDictionary<(VehicleMode, VehicleState, MdsEvent), ImmutableArray<VehicleState>> Table =
        Rows(VehicleMode.Micromobility, [
            (Available, ReservationStart, [Reserved]),
            (Available, TripStart, [OnTrip]),
            (Available, BatteryLow, [NonOperational]),
            (Available, MdsEvent.Maintenance, [NonOperational]),
            (Available, OffHours, [NonOperational]),
            (Available, SystemSuspend, [NonOperational]),
            (Available, AgencyPickUp, [Removed]),
            (Available, CompliancePickUp, [Removed]),
            (Available, Decommissioned, [Removed]),
            (Available, MaintenancePickUp, [Removed]),
            (Available, RebalancePickUp, [Removed]),
            (Available, CommsLost, [NonContactable]),
            (Available, Unspecified, [NonContactable, NonOperational, Removed]),
            (Reserved, ReservationCancel, [Available]),
            (Reserved, TripStart, [OnTrip]),
            (Reserved, CommsLost, [NonContactable]),
            (Reserved, Unspecified, [NonContactable]),
            (OnTrip, ChangedGeographies, [OnTrip]),
            (OnTrip, TripCancel, [Available]),
            (OnTrip, TripEnd, [Available]),
            (OnTrip, TripLeaveJurisdiction, [Elsewhere]),
            (OnTrip, CommsLost, [NonContactable]),
            (OnTrip, Unspecified, [NonContactable]),
            (NonOperational, BatteryCharged, [Available]),
            (NonOperational, MdsEvent.Maintenance, [Available]),
            (NonOperational, OnHours, [Available]),
            (NonOperational, SystemResume, [Available]),
            (NonOperational, AgencyPickUp, [Removed]),
            (NonOperational, CompliancePickUp, [Removed]),
            (NonOperational, Decommissioned, [Removed]),
            (NonOperational, MaintenancePickUp, [Removed]),
            (NonOperational, RebalancePickUp, [Removed]),
            (NonOperational, CommsLost, [NonContactable]),
            (NonOperational, Unspecified, [Available, NonContactable, Removed]),
            (Removed, AgencyDropOff, [Available]),
            (Removed, ProviderDropOff, [Available]),
            (Removed, CommsLost, [NonContactable]),
            (Removed, Unspecified, [NonContactable]),
            (Elsewhere, TripEnterJurisdiction, [OnTrip]),
            (Elsewhere, AgencyPickUp, [Removed]),
            (Elsewhere, CompliancePickUp, [Removed]),
            (Elsewhere, Decommissioned, [Removed]),
            (Elsewhere, MaintenancePickUp, [Removed]),
            (Elsewhere, RebalancePickUp, [Removed]),
            (Elsewhere, CommsLost, [NonContactable]),
            (Elsewhere, Unspecified, [NonContactable, Removed]),
            (NonContactable, CommsRestored, [Available, Elsewhere, NonOperational, OnTrip, Removed, Reserved]),
            (NonContactable, AgencyDropOff, [Available]),
            (NonContactable, ProviderDropOff, [Available]),
            (NonContactable, AgencyPickUp, [Removed]),
            (NonContactable, Decommissioned, [Removed]),
            (NonContactable, NotLocated, [Missing]),
            (NonContactable, Unspecified, [Available, Elsewhere, Missing, NonOperational, OnTrip, Removed, Reserved]),
            (Missing, Located, [Available, Elsewhere, NonOperational, OnTrip, Removed, Reserved]),
            (Missing, AgencyDropOff, [Available]),
            (Missing, ProviderDropOff, [Available]),
            (Missing, AgencyPickUp, [Removed]),
            (Missing, Decommissioned, [Removed]),
            (Missing, Unspecified, [Available, Elsewhere, NonOperational, OnTrip, Removed, Reserved]),
        ]).Concat(Rows(VehicleMode.CarShare, [
            (Available, ReservationStart, [Reserved]),
            (Available, ServiceEnd, [NonOperational]),
            (Available, TripLeaveJurisdiction, [Elsewhere]),
            (Available, CommsLost, [NonContactable]),
            (Reserved, ReservationStop, [Stopped]),
            (Reserved, CustomerCancellation, [Available]),
            (Reserved, DriverCancellation, [Available]),
            (Reserved, ProviderCancellation, [Available]),
            (Reserved, TripLeaveJurisdiction, [Elsewhere]),
            (Reserved, CommsLost, [NonContactable]),
            (Stopped, TripStart, [OnTrip]),
            (Stopped, TripResume, [OnTrip]),
            (Stopped, TripEnd, [Available]),
            (Stopped, CustomerCancellation, [Available]),
            (Stopped, DriverCancellation, [Available]),
            (Stopped, ProviderCancellation, [Available]),
            (Stopped, ChargingStart, [Stopped]),
            (Stopped, ChargingEnd, [Stopped]),
            (Stopped, FuelingStart, [Stopped]),
            (Stopped, FuelingEnd, [Stopped]),
            (Stopped, RemoteStart, [Stopped]),
            (Stopped, RemoteEnd, [Stopped]),
            (Stopped, CommsLost, [NonContactable]),
            (OnTrip, TripStop, [Stopped]),
            (OnTrip, TripLeaveJurisdiction, [Elsewhere]),
            (OnTrip, CommsLost, [NonContactable]),
            (NonOperational, ServiceStart, [Available]),
            (NonOperational, Decommissioned, [Removed]),
            (NonOperational, MdsEvent.Maintenance, [Removed]),
            (NonOperational, MaintenancePickUp, [Removed]),
            (NonOperational, TripLeaveJurisdiction, [Elsewhere]),
            (NonOperational, CommsLost, [NonContactable]),
            (Removed, MaintenanceEnd, [NonOperational]),
            (Removed, Recommissioned, [NonOperational]),
            (Removed, CommsLost, [NonContactable]),
            (Elsewhere, TripEnterJurisdiction, [Available, NonOperational, OnTrip, Reserved]),
            (Elsewhere, CommsLost, [NonContactable]),
            (NonContactable, CommsRestored, [Available, Elsewhere, NonOperational, OnTrip, Removed, Reserved, Stopped]),
        ])).ToFrozenDictionary();

    /// <summary>The states that the event may lead to; none when it is illegal in this state.</summary>
    public static ImmutableArray<VehicleState> Targets(VehicleMode mode, VehicleState from, MdsEvent e) => Table.GetValueOrDefault((mode, from, e), []);

    /// <summary>The steps of a path of events, or null when one of them is illegal or leads to more than one state.</summary>
    public static IReadOnlyList<MdsStep>? Walk(VehicleMode mode, VehicleState from, IReadOnlyList<MdsEvent> path)
    {
        var steps = new List<MdsStep>(path.Count);
        foreach (var e in path)
        {
            if (Targets(mode, from, e) is not [var to])
                return null;
            steps.Add(new MdsStep(from, e, to));
            from = to;
        }
        return steps;
    }

    private static IEnumerable<KeyValuePair<(VehicleMode, VehicleState, MdsEvent), ImmutableArray<VehicleState>>> Rows(
        VehicleMode mode, IEnumerable<(VehicleState From, MdsEvent Event, ImmutableArray<VehicleState> To)> rows) =>
        rows.Select(row => KeyValuePair.Create((mode, row.From, row.Event), row.To));
}
