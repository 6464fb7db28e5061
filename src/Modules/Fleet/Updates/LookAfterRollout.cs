using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;

namespace Mobility.Fleet.Updates;

/// <summary>A rollout is looked at: regularly while it runs, and when a vehicle said something.</summary>
internal sealed record RolloutDue(RolloutId Rollout) : IScheduledMessage;

/// <summary>
/// The process manager of a rollout: judges the open wave, then tells the next vehicles, a bounded number at a time. What it has not done is due again, also after
/// a crash; what is told twice does no harm.
/// </summary>
internal static class LookAfterRollout
{
    /// <summary>Vehicles that one transaction tells.</summary>
    public const int ToldMax = 1_000;

    public static readonly TimeSpan Every = TimeSpan.FromSeconds(30);

    public static async Task Handle(RolloutDue message, Reaction reaction, CancellationToken ct)
    {
        var work = reaction.Work;
        var database = reaction.Services.GetRequiredService<Database<FleetModule>>();
        var manifests = reaction.Services.GetRequiredService<UpdateManifests>();
        var rollout = (await work.LoadAsync(RolloutStream.Type, message.Rollout.Value, ct)).State;
        var judged = Rollout.Judge(rollout, await RolloutVehicles.CountAsync(database, rollout, reaction.Now, ct), reaction.Now).Events;
        if (judged.Count > 0)
            rollout = work.Append(RolloutStream.Type, message.Rollout.Value, judged);
        var isMore = rollout.Phase == RolloutPhase.Stopped
            ? await RecallAsync(work, database, manifests, rollout, ct)
            : await OfferAsync(work, database, manifests, rollout, ct);
        if (isMore || rollout.Phase == RolloutPhase.Running)
            work.Schedule(reaction.Now + (isMore ? TimeSpan.Zero : Every), message.Rollout.Value, message);
    }

    private static async Task<bool> OfferAsync(Work work, Database<FleetModule> database, UpdateManifests manifests, Rollout rollout, CancellationToken ct)
    {
        var vehicles = await RolloutVehicles.ToOfferAsync(database, rollout, ToldMax, ct);
        if (vehicles.Count == 0)
            return false;
        var release = await Release.FindAsync(database, rollout.Version, ct) ?? throw new InvalidOperationException($"The release {rollout.Version} disappeared.");
        Tell(work, rollout, vehicles, ["chosen"], "offered", await manifests.OfferAsync(release, ct));
        return vehicles.Count == ToldMax;
    }

    private static async Task<bool> RecallAsync(Work work, Database<FleetModule> database, UpdateManifests manifests, Rollout rollout, CancellationToken ct)
    {
        var vehicles = await RolloutVehicles.ToRecallAsync(database, rollout, ToldMax, ct);
        if (vehicles.Count == 0)
            return false;
        Tell(work, rollout, vehicles, ["offered", "applied"], "recalled", await manifests.RecallAsync(rollout.Version, ct));
        return vehicles.Count == ToldMax;
    }

    private static void Tell(Work work, Rollout rollout, IReadOnlyList<Guid> vehicles, string[] from, string to, VehicleUpdate update)
    {
        // A vehicle that said meanwhile that it failed or returned stays so; being told once more does it no harm.
        work.Execute("""
            UPDATE rollout_vehicles SET state = $3, offered_at = coalesce(offered_at, $4) WHERE rollout = $1 AND vehicle = ANY($2) AND state = ANY($5)
            """, rollout.Id.Value, vehicles.ToArray(), to, work.Now, from);
        foreach (var vehicle in vehicles)
            work.Publish(vehicle, new UpdateOfferedV1(new VehicleId(vehicle), update, work.Now));
    }
}
