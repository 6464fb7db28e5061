using Mobility.Contracts;
using Mobility.Fleet;

namespace Mobility.Tests.Fleet;

/// <summary>The triples of MDS 2.0 (vehicle_state_transitions.csv) for our two modes, kept here so that the rule is proven without the standard's file.</summary>
internal static class MdsTriples
{
    public readonly record struct Triple(VehicleMode Mode, VehicleState From, MdsEvent Event, VehicleState To);

    public static readonly IReadOnlyList<Triple> Known = Read(Text);

    /// <summary>Reads lines of mode,from_state,event_type,to_state and leaves out the modes that we do not run.</summary>
    public static IReadOnlyList<Triple> Read(string csv) =>
    [
        .. csv.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(','))
            .Where(row => row[0] is "micromobility" or "car-share")
            .Select(row => new Triple(row[0] == "car-share" ? VehicleMode.CarShare : VehicleMode.Micromobility,
                Words<VehicleState>.Parse(row[1]), Words<MdsEvent>.Parse(row[2]), Words<VehicleState>.Parse(row[3]))),
    ];

    private const string Text = """
        car-share,available,comms_lost,non_contactable
        car-share,available,reservation_start,reserved
        car-share,available,service_end,non_operational
        car-share,available,trip_leave_jurisdiction,elsewhere
        car-share,elsewhere,comms_lost,non_contactable
        car-share,elsewhere,trip_enter_jurisdiction,available
        car-share,elsewhere,trip_enter_jurisdiction,non_operational
        car-share,elsewhere,trip_enter_jurisdiction,on_trip
        car-share,elsewhere,trip_enter_jurisdiction,reserved
        car-share,non_contactable,comms_restored,available
        car-share,non_contactable,comms_restored,elsewhere
        car-share,non_contactable,comms_restored,non_operational
        car-share,non_contactable,comms_restored,on_trip
        car-share,non_contactable,comms_restored,removed
        car-share,non_contactable,comms_restored,reserved
        car-share,non_contactable,comms_restored,stopped
        car-share,non_operational,comms_lost,non_contactable
        car-share,non_operational,decommissioned,removed
        car-share,non_operational,maintenance,removed
        car-share,non_operational,maintenance_pick_up,removed
        car-share,non_operational,service_start,available
        car-share,non_operational,trip_leave_jurisdiction,elsewhere
        car-share,on_trip,comms_lost,non_contactable
        car-share,on_trip,trip_leave_jurisdiction,elsewhere
        car-share,on_trip,trip_stop,stopped
        car-share,removed,comms_lost,non_contactable
        car-share,removed,maintenance_end,non_operational
        car-share,removed,recommissioned,non_operational
        car-share,reserved,comms_lost,non_contactable
        car-share,reserved,customer_cancellation,available
        car-share,reserved,driver_cancellation,available
        car-share,reserved,provider_cancellation,available
        car-share,reserved,reservation_stop,stopped
        car-share,reserved,trip_leave_jurisdiction,elsewhere
        car-share,stopped,charging_end,stopped
        car-share,stopped,charging_start,stopped
        car-share,stopped,comms_lost,non_contactable
        car-share,stopped,customer_cancellation,available
        car-share,stopped,driver_cancellation,available
        car-share,stopped,fueling_end,stopped
        car-share,stopped,fueling_start,stopped
        car-share,stopped,provider_cancellation,available
        car-share,stopped,remote_end,stopped
        car-share,stopped,remote_start,stopped
        car-share,stopped,trip_end,available
        car-share,stopped,trip_resume,on_trip
        car-share,stopped,trip_start,on_trip
        micromobility,available,agency_pick_up,removed
        micromobility,available,battery_low,non_operational
        micromobility,available,comms_lost,non_contactable
        micromobility,available,compliance_pick_up,removed
        micromobility,available,decommissioned,removed
        micromobility,available,maintenance,non_operational
        micromobility,available,maintenance_pick_up,removed
        micromobility,available,off_hours,non_operational
        micromobility,available,rebalance_pick_up,removed
        micromobility,available,reservation_start,reserved
        micromobility,available,system_suspend,non_operational
        micromobility,available,trip_start,on_trip
        micromobility,available,unspecified,non_contactable
        micromobility,available,unspecified,non_operational
        micromobility,available,unspecified,removed
        micromobility,elsewhere,agency_pick_up,removed
        micromobility,elsewhere,comms_lost,non_contactable
        micromobility,elsewhere,compliance_pick_up,removed
        micromobility,elsewhere,decommissioned,removed
        micromobility,elsewhere,maintenance_pick_up,removed
        micromobility,elsewhere,rebalance_pick_up,removed
        micromobility,elsewhere,trip_enter_jurisdiction,on_trip
        micromobility,elsewhere,unspecified,non_contactable
        micromobility,elsewhere,unspecified,removed
        micromobility,missing,agency_drop_off,available
        micromobility,missing,agency_pick_up,removed
        micromobility,missing,decommissioned,removed
        micromobility,missing,located,available
        micromobility,missing,located,elsewhere
        micromobility,missing,located,non_operational
        micromobility,missing,located,on_trip
        micromobility,missing,located,removed
        micromobility,missing,located,reserved
        micromobility,missing,provider_drop_off,available
        micromobility,missing,unspecified,available
        micromobility,missing,unspecified,elsewhere
        micromobility,missing,unspecified,non_operational
        micromobility,missing,unspecified,on_trip
        micromobility,missing,unspecified,removed
        micromobility,missing,unspecified,reserved
        micromobility,non_contactable,agency_drop_off,available
        micromobility,non_contactable,agency_pick_up,removed
        micromobility,non_contactable,comms_restored,available
        micromobility,non_contactable,comms_restored,elsewhere
        micromobility,non_contactable,comms_restored,non_operational
        micromobility,non_contactable,comms_restored,on_trip
        micromobility,non_contactable,comms_restored,removed
        micromobility,non_contactable,comms_restored,reserved
        micromobility,non_contactable,decommissioned,removed
        micromobility,non_contactable,not_located,missing
        micromobility,non_contactable,provider_drop_off,available
        micromobility,non_contactable,unspecified,available
        micromobility,non_contactable,unspecified,elsewhere
        micromobility,non_contactable,unspecified,missing
        micromobility,non_contactable,unspecified,non_operational
        micromobility,non_contactable,unspecified,on_trip
        micromobility,non_contactable,unspecified,removed
        micromobility,non_contactable,unspecified,reserved
        micromobility,non_operational,agency_pick_up,removed
        micromobility,non_operational,battery_charged,available
        micromobility,non_operational,comms_lost,non_contactable
        micromobility,non_operational,compliance_pick_up,removed
        micromobility,non_operational,decommissioned,removed
        micromobility,non_operational,maintenance,available
        micromobility,non_operational,maintenance_pick_up,removed
        micromobility,non_operational,on_hours,available
        micromobility,non_operational,rebalance_pick_up,removed
        micromobility,non_operational,system_resume,available
        micromobility,non_operational,unspecified,available
        micromobility,non_operational,unspecified,non_contactable
        micromobility,non_operational,unspecified,removed
        micromobility,on_trip,changed_geographies,on_trip
        micromobility,on_trip,comms_lost,non_contactable
        micromobility,on_trip,trip_cancel,available
        micromobility,on_trip,trip_end,available
        micromobility,on_trip,trip_leave_jurisdiction,elsewhere
        micromobility,on_trip,unspecified,non_contactable
        micromobility,removed,agency_drop_off,available
        micromobility,removed,comms_lost,non_contactable
        micromobility,removed,provider_drop_off,available
        micromobility,removed,unspecified,non_contactable
        micromobility,reserved,comms_lost,non_contactable
        micromobility,reserved,reservation_cancel,available
        micromobility,reserved,trip_start,on_trip
        micromobility,reserved,unspecified,non_contactable
        """;
}
