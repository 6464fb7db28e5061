using Mobility.Platform.Modules;
using Mobility.Telemetry.Live;
using Npgsql;

namespace Mobility.Host;

/// <summary>
/// Laws that no module can see alone, because each sees only its own tables. The audit reads across them as the database's owner; nothing else does.
/// What happened in the last moments may still be on its way from one module to the next and is not judged.
/// </summary>
internal static class JointLaws
{
    private static readonly TimeSpan OnItsWay = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan OneMoment = TimeSpan.FromSeconds(2);

    private static readonly IReadOnlyList<AuditCheck> Checks =
    [
        new("every_end_has_one_charge", "Every ended ride and every forfeited booking has exactly one charge, and the booking knows its amount.", """
            SELECT 'booking ' || b.booking_id || ': booked ' || coalesce(b.charged::text, 'nothing') || ', charged ' || coalesce(c.total::text, 'nothing')
            FROM booking.bookings b LEFT JOIN pricing.charges c ON c.booking = b.booking_id
            WHERE (b.phase IN ('ended', 'settled') OR b.fee_due) AND b.freed_at < @before AND b.charged IS DISTINCT FROM c.total
            ORDER BY b.booking_id LIMIT 100
            """),
        new("no_charge_without_end", "Nothing is charged but ended rides and forfeited bookings.", """
            SELECT 'booking ' || c.booking || ': charged ' || c.total FROM pricing.charges c LEFT JOIN booking.bookings b ON b.booking_id = c.booking
            WHERE b.booking_id IS NULL OR NOT (b.phase IN ('ended', 'settled') OR b.fee_due)
            ORDER BY c.booking LIMIT 100
            """),
        new("every_settled_ride_has_one_invoice", "Every settled booking has exactly one invoice over its charge; no invoice is about anything else.", """
            SELECT 'booking ' || coalesce(b.booking_id, i.booking_id) || ': charge ' || coalesce(c.total::text, 'none') || ', invoice ' || coalesce(i.total::text, 'none')
            FROM booking.bookings b FULL JOIN payments.invoices i ON i.booking_id = b.booking_id
            LEFT JOIN pricing.charges c ON c.booking = coalesce(b.booking_id, i.booking_id)
            WHERE (b.invoice_number IS NOT NULL OR i.booking_id IS NOT NULL) AND (i.issued_at IS NULL OR i.issued_at < @before) AND i.total IS DISTINCT FROM c.total
            ORDER BY 1 LIMIT 100
            """),
        new("charges_are_invoiced", "Every charge is invoiced, or its collection is deferred and will be tried again.", """
            SELECT 'booking ' || c.booking || ': charged ' || c.total || ' at ' || c.at FROM pricing.charges c
            WHERE c.at < @before AND NOT EXISTS (SELECT FROM payments.invoices i WHERE i.booking_id = c.booking)
              AND NOT EXISTS (SELECT FROM payments.scheduled)
            ORDER BY c.booking LIMIT 100
            """),
        new("vehicles_in_use_are_held", "A vehicle that is reserved or ridden is held by a booking.", """
            SELECT 'vehicle ' || v.id || ' (' || v.label || '): ' || v.state FROM fleet.vehicles v
            WHERE v.state IN ('reserved', 'on_trip', 'stopped') AND v.updated_at < @before
              AND NOT EXISTS (SELECT FROM booking.holds h WHERE h.vehicle_id = v.id)
            ORDER BY v.id LIMIT 100
            """),
        new("rides_never_overlap", "By the times that were really ridden, no vehicle carried two riders at once.", """
            SELECT 'vehicle ' || vehicle_id || ': booking ' || booking_id || ' begins before ' || before || ' ends'
            FROM (SELECT vehicle_id, booking_id, started_at, lag(booking_id) OVER w AS before, lag(ended_at) OVER w AS ended_before
                  FROM booking.bookings WHERE started_at IS NOT NULL AND ended_at IS NOT NULL WINDOW w AS (PARTITION BY vehicle_id ORDER BY started_at, ended_at)) rides
            WHERE started_at < ended_before ORDER BY booking_id LIMIT 100
            """),
    ];

    private static readonly string[] Modules = ["booking", "pricing", "payments", "fleet"];

    /// <summary>Runs the checks where all of the modules they are about run; a process with some of them cannot judge.</summary>
    public static async IAsyncEnumerable<AuditResult> RunAsync(
        MobilityApp app, string connectionString, DateTimeOffset now, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        if (!Modules.All(name => app.Modules.Any(m => m.Module == name)))
            yield break;
        // A process that stops follows nobody any more.
        if (app.Web.Services.GetService<LiveFleetFeed>() is { IsReady: true } live && !app.Web.Lifetime.ApplicationStopping.IsCancellationRequested)
            yield return new AuditResult("joint.live_fleet", "The live fleet of this process equals the streams and the last reports.", await DifferencesAsync(live, ct));
        await using var source = NpgsqlDataSource.Create(connectionString);
        foreach (var check in Checks)
        {
            var violations = new List<string>();
            await using var command = source.CreateCommand(check.Sql);
            command.CommandTimeout = 600;
            command.Parameters.AddWithValue("before", (now - OnItsWay).ToUniversalTime());
            await using var reader = await command.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
                violations.Add(reader.GetString(0));
            yield return new AuditResult($"joint.{check.Name}", check.Law, violations);
        }
    }

    /// <summary>What is on its way shows too; what is still there a moment later is wrong.</summary>
    private static async Task<IReadOnlyList<string>> DifferencesAsync(LiveFleetFeed live, CancellationToken ct)
    {
        var first = await live.CompareAsync(ct);
        if (first.Count == 0)
            return first;
        await Task.Delay(OneMoment, ct);
        return [.. (await live.CompareAsync(ct)).Intersect(first)];
    }
}
