using Mobility.Contracts;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;

namespace Mobility.Fleet;

/// <summary>Every step that a vehicle ever made is one that MDS allows in its mode.</summary>
internal static class FleetAudit
{
    private const int KindsOfStepMax = 1_000;

    public static readonly AuditCheck StepsFollowMds = new("fleet_steps_follow_mds", "Every recorded step of a vehicle is one of MDS 2.0.", "") { Run = RunAsync };

    /// <summary>Fleet gives a command up at its deadline; a minute later it must have happened.</summary>
    public static readonly AuditCheck CommandsEnd = new("fleet_commands_end", "Every command ends acknowledged or given up, so that whoever asked can compensate.", $"""
        SELECT c.data->>'command' || ' of ' || c.stream_id FROM events c
        WHERE c.type = 'command_requested.v1' AND (c.data->>'deadline')::timestamptz < @now - interval '1 minute'
            AND NOT EXISTS (SELECT FROM events e WHERE e.stream_id = c.stream_id AND e.version > c.version AND e.type IN ('lock_reported.v1', 'command_done.v1', 'command_given_up.v1')
                AND e.data->>'command' = c.data->>'command')
        LIMIT {AuditCheck.ViolationsMax}
        """);

    /// <summary>What waits for a second person or for a standstill lapses in time; a minute later it must have happened.</summary>
    public static readonly AuditCheck DisablesEnd = new("fleet_disables_end", "Every request to disable goes on or lapses in its time.", $"""
        SELECT w.data->>'command' || ' of ' || w.stream_id FROM events w
        WHERE w.type IN ('disable_asked.v1', 'standstill_awaited.v1') AND (w.data->>CASE w.type WHEN 'disable_asked.v1' THEN 'approveUntil' ELSE 'until' END)::timestamptz
                < @now - interval '1 minute'
            AND NOT EXISTS (SELECT FROM events e WHERE e.stream_id = w.stream_id AND e.version > w.version AND e.data->>'command' = w.data->>'command'
                AND e.type IN ('disable_ended.v1', CASE w.type WHEN 'disable_asked.v1' THEN 'disable_approved.v1' ELSE 'standstill_seen.v1' END))
        LIMIT {AuditCheck.ViolationsMax}
        """);

    /// <summary>Nobody alone takes a car or a van from whoever may sit in it.</summary>
    public static readonly AuditCheck DisablesHaveTwo = new("fleet_disables_have_two", "No car or van is to be disabled because of one person.", $"""
        SELECT a.data->>'command' || ' of ' || a.stream_id FROM events a JOIN vehicles v ON v.id = a.stream_id
        LEFT JOIN events p ON p.stream_id = a.stream_id AND p.type = 'disable_approved.v1' AND p.data->>'command' = a.data->>'command'
        WHERE a.type = 'disable_asked.v1' AND v.kind IN ('car', 'van') AND (p.data->>'by' = a.data->>'by' OR (p.version IS NULL AND EXISTS (
            SELECT FROM events s WHERE s.stream_id = a.stream_id AND s.type = 'standstill_awaited.v1' AND s.data->>'command' = a.data->>'command')))
        LIMIT {AuditCheck.ViolationsMax}
        """);

    private sealed record Step(string Mode, string From, string Event, string To, Guid Example);

    private static async Task<IReadOnlyList<string>> RunAsync(ModuleDatabase database, DateTimeOffset now, CancellationToken ct)
    {
        _ = now;
        var steps = await database.QueryAsync<Step>("""
            SELECT v.mode, e.data->>'from' AS "from", e.data->>'event' AS event, e.data->>'to' AS "to", min(e.stream_id::text)::uuid AS example
            FROM events e JOIN vehicles v ON v.id = e.stream_id WHERE e.type = 'state_changed.v1'
            GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4 LIMIT @KindsOfStepMax
            """, new { KindsOfStepMax }, ct);
        return [.. steps.Where(IsIllegal).Take(AuditCheck.ViolationsMax).Select(s => $"{new VehicleId(s.Example)}: {s.Mode} {s.From} {s.Event} {s.To}")];
    }

    private static bool IsIllegal(Step step) =>
        !Words<VehicleMode>.TryParse(step.Mode, out var mode) || !Words<VehicleState>.TryParse(step.From, out var from)
        || !Words<MdsEvent>.TryParse(step.Event, out var e) || !Words<VehicleState>.TryParse(step.To, out var to)
        || !VehicleStateMachine.Targets(mode, from, e).Contains(to);
}
