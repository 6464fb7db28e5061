using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;

namespace Mobility.Fleet.Updates;

/// <summary>A vehicle says what came of an update. What it says of a release that no rollout brought it is its own affair.</summary>
internal static class OnVehicleReportedUpdate
{
    /// <summary>The vehicle's place in the rollout that it speaks of.</summary>
    public sealed record Row(Guid Rollout, long Version, string State);

    /// <summary>The vehicle's next state in the rollout; null: nothing new.</summary>
    public static string? Next(string state, UpdateOutcome outcome) => (state, outcome) switch
    {
        ("offered", UpdateOutcome.Applied) => "applied",
        ("offered" or "applied", UpdateOutcome.RolledBack) => "failed",
        ("offered", UpdateOutcome.Refused) => "failed",
        ("recalled", UpdateOutcome.RolledBack) => "returned",
        _ => null,
    };

    public static async Task Handle(VehicleReportedUpdateV1 e, Reaction reaction, CancellationToken ct)
    {
        var work = reaction.Work;
        var database = reaction.Services.GetRequiredService<Database<FleetModule>>();
        // One that could not read the manifest cannot name its version: it speaks of the newest that it was offered.
        if (await database.QuerySingleOrDefaultAsync<Row>("""
                SELECT v.rollout, r.version, v.state FROM rollout_vehicles v JOIN update_rollouts r ON r.id = v.rollout
                WHERE v.vehicle = @vehicle AND v.state <> 'chosen' AND (@Version::bigint IS NULL OR r.version = @Version) ORDER BY r.started_at DESC, r.id LIMIT 1
                """, new { vehicle = e.Vehicle.Value, e.Version }, ct) is not { } row)
            return;
        if (row.State == "recalled" && e.Outcome == UpdateOutcome.Applied)
        {
            // It was on its way when the rollout was stopped.
            work.Publish(e.Vehicle.Value, new UpdateOfferedV1(
                e.Vehicle, await reaction.Services.GetRequiredService<UpdateManifests>().RecallAsync(row.Version, ct), reaction.Now));
            return;
        }
        if (Next(row.State, e.Outcome) is not { } next)
            return;
        work.ExecuteOrRetry("""
            UPDATE rollout_vehicles SET state = $3, reason = coalesce($4, reason), applied_at = CASE WHEN $3 = 'applied' THEN $5 ELSE applied_at END
            WHERE rollout = $1 AND vehicle = $2 AND state = $6 RETURNING 1
            """, row.Rollout, e.Vehicle.Value, next, e.Reason, reaction.Now, row.State);
        var rollout = new RolloutId(row.Rollout);
        if (e.Outcome == UpdateOutcome.Applied)
            work.Publish(e.Vehicle.Value, new UpdateAppliedV1(e.Vehicle, row.Version, rollout, e.At));
        else if (e.Outcome == UpdateOutcome.RolledBack)
            work.Publish(e.Vehicle.Value, new UpdateRolledBackV1(e.Vehicle, row.Version, rollout, e.Reason ?? "unknown", e.At));
        if (next == "failed")
            work.Schedule(reaction.Now, row.Rollout, new RolloutDue(rollout)); // a bad release does not wait for the next look
    }
}

/// <summary>A vehicle fell silent after it was offered a release, or is heard again.</summary>
internal static class OnVehicleSilent
{
    public static Task HandleRaised(VehicleAlertRaisedV1 e, Reaction reaction, CancellationToken ct) => Note(e.Vehicle, e.Kind, true, reaction, ct);

    public static Task HandleCleared(VehicleAlertClearedV1 e, Reaction reaction, CancellationToken ct) => Note(e.Vehicle, e.Kind, false, reaction, ct);

    private static Task Note(VehicleId vehicle, VehicleAlertKind kind, bool isSilent, Reaction reaction, CancellationToken ct)
    {
        _ = ct;
        if (kind == VehicleAlertKind.Silent)
            reaction.Work.Execute("UPDATE rollout_vehicles SET silent = $2 WHERE vehicle = $1 AND state IN ('offered', 'applied') AND silent <> $2", vehicle.Value, isSilent);
        return Task.CompletedTask;
    }
}

/// <summary>What a vehicle is to run; asked by whoever holds its wire when it comes.</summary>
internal static class AnswerVehicleUpdate
{
    private sealed record Row(string State, long Version);

    public static async Task<VehicleUpdate?> Answer(GetVehicleUpdate question, IServiceProvider services, CancellationToken ct)
    {
        var (database, manifests) = (services.GetRequiredService<Database<FleetModule>>(), services.GetRequiredService<UpdateManifests>());
        var row = await database.QuerySingleOrDefaultAsync<Row>("""
            SELECT v.state, r.version FROM rollout_vehicles v JOIN update_rollouts r ON r.id = v.rollout WHERE v.vehicle = @vehicle AND v.state <> 'chosen'
            ORDER BY r.version DESC, r.started_at DESC LIMIT 1
            """, new { vehicle = question.Vehicle.Value }, ct);
        return row switch
        {
            { State: "recalled" } => await manifests.RecallAsync(row.Version, ct),
            { State: "offered" } => await manifests.OfferAsync((await Release.FindAsync(database, row.Version, ct))!, ct),
            _ => null,
        };
    }
}
