using Mobility.Contracts;
using Mobility.Platform.Modules;

namespace Mobility.Telemetry.Alerts;

/// <summary>What lasts is an open alert exactly as long as the watch says so.</summary>
internal static class WatchAudit
{
    public static readonly AuditCheck AlertsMatch = new("alerts_match_watch", "An alert that lasts is open exactly while the vehicle's watch says so.", $"""
        SELECT coalesce(w.vehicle, a.vehicle)::text || ': ' || coalesce(w.kind, a.kind) FROM (
            SELECT vehicle, kind FROM vehicle_watch, LATERAL (VALUES ('{VehicleAlertKind.LowBattery}', low_battery), ('{VehicleAlertKind.OutsideArea}', outside),
                ('{VehicleAlertKind.Silent}', silent)) AS k(kind, holds) WHERE holds) w
        FULL JOIN (SELECT vehicle, kind FROM alerts WHERE cleared_at IS NULL) a ON a.vehicle = w.vehicle AND a.kind = w.kind
        WHERE w.vehicle IS NULL OR a.vehicle IS NULL LIMIT {AuditCheck.ViolationsMax}
        """);
}
