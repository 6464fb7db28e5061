using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Fleet.Updates;

/// <summary>Staff bring a release to the vehicles of a city, of a type, or to all: to 5 % of them at first. The vehicles are chosen now; one that is registered later gets the next release.</summary>
internal static class StartRollout
{
    /// <summary>Vehicles of one rollout.</summary>
    public const int VehiclesMax = 100_000;

    /// <summary>How long it is remembered which vehicle was how far; who was away for so long gets the next release.</summary>
    public static readonly TimeSpan VehiclesKeptFor = TimeSpan.FromDays(365);

    public static readonly RolloutPlan UsualPlan = new(TimeSpan.FromMinutes(30), TimeSpan.FromHours(24), 90, 5);

    /// <param name="Version">Of the release.</param>
    /// <param name="City">Only its vehicles.</param>
    /// <param name="Type">Only vehicles of this type.</param>
    /// <param name="HealthyFor">How long a vehicle must run it well before it counts; one minute to a week, 30 minutes if absent.</param>
    /// <param name="WaveWithin">How long a wave has; an hour to 30 days, a day if absent.</param>
    /// <param name="HealthyPercent">Share of a wave that must be well; 90 if absent.</param>
    /// <param name="FailedPercent">Share of a wave that may fail; 5 if absent.</param>
    public sealed record Body(
        long Version, CityId? City = null, VehicleTypeId? Type = null, TimeSpan? HealthyFor = null, TimeSpan? WaveWithin = null, int? HealthyPercent = null,
        int? FailedPercent = null);

    public sealed record StartedView(RolloutId Id, int Vehicles);

    public static Decision<RolloutEvent> Decide(Rollout rollout, RolloutStarted start)
    {
        if (start.Vehicles == 0)
            return Decision<RolloutEvent>.Refuse(ProblemKind.Unprocessable, "fleet.no_vehicles", "No vehicle is of this city and type.");
        return Decision<RolloutEvent>.Accept(start, Rollout.Next(Rollout.Evolve(rollout, start), start.At));
    }

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/fleet/rollouts", Handle).WithName("StartRollout")
        .RequirePermission("fleet.manage").Produces<StartedView>(201).ProducesProblem(400).ProducesProblem(409).ProducesProblem(422);

    private static async Task<IResult> Handle(
        Body body, HttpContext http, Caller caller, CommandRunner<FleetModule> runner, Database<FleetModule> database, TimeProvider clock, CancellationToken ct)
    {
        var plan = new RolloutPlan(body.HealthyFor ?? UsualPlan.HealthyFor, body.WaveWithin ?? UsualPlan.WaveWithin, body.HealthyPercent ?? UsualPlan.HealthyPercent,
            body.FailedPercent ?? UsualPlan.FailedPercent);
        var fields = new Fields()
            .Must(plan.HealthyFor >= TimeSpan.FromMinutes(1) && plan.HealthyFor <= TimeSpan.FromDays(7), "healthyFor", "Send 00:01:00 to 7.00:00:00.")
            .Must(plan.WaveWithin >= TimeSpan.FromHours(1) && plan.WaveWithin <= TimeSpan.FromDays(30), "waveWithin", "Send 01:00:00 to 30.00:00:00.")
            .Must(plan.HealthyPercent is >= 1 and <= 100, "healthyPercent", "Send 1 to 100.")
            .Must(plan.FailedPercent is >= 0 and <= 100, "failedPercent", "Send 0 to 100.");
        if (fields.Problem is { } problem)
            return problem.ToResult();
        if (await Release.FindAsync(database, body.Version, ct) is null)
            return Problem.Unprocessable("fleet.no_such_update", "No release of this version is published.", "version").ToResult();
        if (await database.QuerySingleOrDefaultAsync<bool>("SELECT EXISTS (SELECT FROM update_rollouts WHERE version = @Version AND phase = 'stopped')", new { body.Version }, ct))
            return Problem.Conflict("fleet.update_withdrawn", "A rollout of this release was stopped; vehicles that left it never take it again. Publish a higher version.").ToResult();
        var vehicles = await database.QueryAsync<Guid>("""
            SELECT id FROM vehicles WHERE phase <> 'retired' AND (@City::text IS NULL OR city = @City) AND (@Type::text IS NULL OR type = @Type) ORDER BY id LIMIT @limit
            """, new { City = body.City?.Value, Type = body.Type?.Value, limit = VehiclesMax + 1 }, ct);
        if (vehicles.Count > VehiclesMax)
            return Problem.Unprocessable("fleet.too_many_vehicles", $"A rollout has at most {VehiclesMax} vehicles; name a city or a type.", "city").ToResult();
        var id = Id.New<RolloutId>(clock);
        return await runner.RunAsync(http, caller, (work, _) =>
        {
            var rollout = work.StartNew(RolloutStream.Type, id.Value).State;
            var decision = Decide(rollout, new RolloutStarted(id, body.Version, body.City, body.Type, plan, vehicles.Count, work.Now));
            if (decision.Problem is { } refused)
                return Task.FromResult(Outcome.Refuse(refused));
            work.OnLaw("update_rollouts_running", () => Problem.Conflict("fleet.rollout_running", "Another rollout is under way; wait for its end or stop it."));
            work.Append(RolloutStream.Type, id.Value, decision.Events);
            work.Execute("DELETE FROM rollout_vehicles v USING update_rollouts r WHERE r.id = v.rollout AND r.ended_at < $1", work.Now - VehiclesKeptFor);
            RolloutVehicles.Choose(work, id, RolloutVehicles.InOrder(body.Version, vehicles));
            work.Schedule(work.Now, id.Value, new RolloutDue(id));
            return Task.FromResult(Outcome.Created(new StartedView(id, vehicles.Count)));
        }, ct);
    }
}

/// <summary>Staff stop a rollout, and who has its release returns to the version before.</summary>
internal static class StopRollout
{
    public static Decision<RolloutEvent> Decide(Rollout rollout, DateTimeOffset now) => rollout.Phase switch
    {
        RolloutPhase.None => Decision<RolloutEvent>.Refuse(GetRollout.NotFound),
        RolloutPhase.Stopped => Decision<RolloutEvent>.Accept(),
        _ => Decision<RolloutEvent>.Accept(new RolloutStopped("by_staff", 0, now)), // also one that is completed: what is found out later is taken back too
    };

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/fleet/rollouts/{id}/stop", Handle).WithName("StopRollout")
        .RequirePermission("fleet.manage").Produces(204).ProducesProblem(404).ProducesProblem(409);

    private static Task<IResult> Handle(RolloutId id, HttpContext http, Caller caller, CommandRunner<FleetModule> runner, CancellationToken ct) =>
        runner.RunAsync(http, caller, async (work, token) =>
        {
            var decision = Decide((await work.LoadAsync(RolloutStream.Type, id.Value, token)).State, work.Now);
            if (decision.Problem is { } refused)
                return refused;
            work.Append(RolloutStream.Type, id.Value, decision.Events);
            work.Schedule(work.Now, id.Value, new RolloutDue(id));
            return Outcome.Done();
        }, ct);
}
