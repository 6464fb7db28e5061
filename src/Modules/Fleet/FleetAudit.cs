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
