using Mobility.Platform.Modules;

namespace Mobility.Booking;

/// <summary>The laws of this module as queries; a row is a violation.</summary>
internal static class BookingAudits
{
    /// <summary>Deadlines and charges come a moment after they are due: this late is not yet wrong.</summary>
    private const string Tolerance = "interval '60 seconds'";

    public static readonly IReadOnlyList<AuditCheck> All =
    [
        new("holds_do_not_overlap", "No two holds of a vehicle overlap, and none of a rider except within one group.", """
            SELECT a.booking_id || ' and ' || b.booking_id || CASE WHEN a.vehicle_id = b.vehicle_id THEN ' hold one vehicle' ELSE ' hold for one rider' END
            FROM holds a JOIN holds b ON a.booking_id < b.booking_id AND a.period && b.period
                AND (a.vehicle_id = b.vehicle_id OR a.rider_id = b.rider_id AND a.group_id <> b.group_id)
            ORDER BY 1 LIMIT 100
            """),
        new("rides_do_not_overlap", "By the recorded history no vehicle carried two rides at once.", """
            SELECT booking_id || ' began before the ride before it had ended' FROM (
                SELECT booking_id, started_at, max(coalesce(ended_at, 'infinity')) OVER (
                    PARTITION BY vehicle_id ORDER BY started_at, booking_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS ended_before
                FROM bookings WHERE started_at IS NOT NULL) rides
            WHERE started_at < ended_before ORDER BY booking_id LIMIT 100
            """),
        new("riders_ride_once", "By the recorded history no rider rode twice at once outside of a group.", """
            SELECT a.booking_id || ' and ' || b.booking_id || ' were ridden at once'
            FROM bookings a JOIN bookings b ON b.rider_id = a.rider_id AND b.group_id <> a.group_id
                AND (b.started_at, b.booking_id) > (a.started_at, a.booking_id) AND b.started_at < coalesce(a.ended_at, 'infinity')
            ORDER BY 1 LIMIT 100
            """),
        new("open_bookings_are_held", "A booking has a hold exactly until it ended or was released.", """
            SELECT coalesce(b.booking_id, h.booking_id) || ' is ' || coalesce(b.phase, 'unknown')
                || CASE WHEN h.booking_id IS NULL THEN ' without a hold' ELSE ' with a hold' END
            FROM (SELECT * FROM bookings WHERE freed_at IS NULL) b FULL JOIN holds h ON h.booking_id = b.booking_id
            WHERE b.booking_id IS NULL OR h.booking_id IS NULL ORDER BY 1 LIMIT 100
            """),
        new("no_hold_past_its_expiry", "No hold outlives its deadline.", $"""
            SELECT h.booking_id || ' is ' || b.phase || ' past its time'
            FROM holds h JOIN bookings b ON b.booking_id = h.booking_id
            WHERE b.phase = 'held' AND b.reserved_at + interval '5 minutes' + {Tolerance} < @now
               OR b.phase = 'confirmed' AND b.window_end IS NULL AND b.reserved_at + interval '32 minutes' + {Tolerance} < @now
               OR upper(h.period) + interval '2 minutes' + {Tolerance} < @now
            ORDER BY 1 LIMIT 100
            """),
        new("ended_bookings_are_charged", "Every ended ride and every forfeited booking has its charge, and no other booking has one.", $"""
            SELECT booking_id || ' is ' || phase || CASE WHEN charged IS NULL THEN ' without a charge' ELSE ' with a charge' END
            FROM bookings
            WHERE charged IS NULL AND (phase IN ('ended', 'settled') OR fee_due) AND freed_at + {Tolerance} < @now
               OR charged IS NOT NULL AND phase NOT IN ('ended', 'settled') AND NOT fee_due
            ORDER BY 1 LIMIT 100
            """),
    ];
}
