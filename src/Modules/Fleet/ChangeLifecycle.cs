using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;

namespace Mobility.Fleet;

/// <summary>Staff bring a vehicle on the street, take it out of service, bring it back, or retire it for good (requirement FLT-1).</summary>
internal static class ChangeLifecycle
{
    public const int ReasonLengthMax = 200;

    /// <param name="Reason">For people who look at the vehicle's history.</param>
    public sealed record Body(string? Reason = null);

    public static Decision<VehicleEvent> Decide(Vehicle vehicle, Move move, string reason, DateTimeOffset now)
    {
        if (vehicle.Phase == Phase.None)
            return Decision<VehicleEvent>.Refuse(GetVehicleById.NotFound);
        VehicleEvent? milestone = (move, vehicle.Phase) switch
        {
            (Move.Activate, Phase.Registered) => new VehicleActivated(now),
            (Move.Deactivate, Phase.Active) => new VehicleDeactivated(reason, now),
            (Move.Reactivate, Phase.OutOfService) => new VehicleReactivated(now),
            (Move.Retire, Phase.Registered or Phase.Active or Phase.OutOfService) => new VehicleRetired(reason, now),
            _ => null,
        };
        if (milestone is null || vehicle.Occupant is not null)
            return Decision<VehicleEvent>.Refuse(VehicleMoves.IllegalTransition(vehicle, Words<Move>.Of(move)));
        var steps = VehicleMoves.Decide(vehicle, move, null, null, now);
        return steps.Problem is null ? Decision<VehicleEvent>.Accept([milestone, .. steps.Events]) : steps;
    }

    public static void Map(IEndpointRouteBuilder app)
    {
        foreach (var move in new[] { Move.Activate, Move.Deactivate, Move.Reactivate, Move.Retire })
            app.MapPost($"/v1/fleet/vehicles/{{id}}/{Words<Move>.Of(move)}",
                    (VehicleId id, Body body, HttpContext http, Caller caller, CommandRunner<FleetModule> runner, CancellationToken ct) => Handle(move, id, body, http, caller, runner, ct))
                .WithName($"{move}Vehicle").RequirePermission("fleet.manage")
                .Produces<StaffMove.MovedView>().ProducesProblem(400).ProducesProblem(404).ProducesProblem(409);
    }

    private static Task<IResult> Handle(Move move, VehicleId id, Body body, HttpContext http, Caller caller, CommandRunner<FleetModule> runner, CancellationToken ct)
    {
        var fields = new Fields().Must(body.Reason is null || body.Reason.Length <= ReasonLengthMax, "reason", $"Send at most {ReasonLengthMax} characters.");
        return fields.Problem is { } problem
            ? Task.FromResult(problem.ToResult())
            : StaffMove.RunAsync(id, http, caller, runner, (vehicle, now) => Decide(vehicle, move, body.Reason ?? "", now), ct);
    }
}

/// <summary>The plumbing of what staff do to one vehicle.</summary>
internal static class StaffMove
{
    public sealed record MovedView(VehicleId Id, Phase Phase, VehicleState State);

    public static Task<IResult> RunAsync(
        VehicleId id, HttpContext http, Caller caller, CommandRunner<FleetModule> runner, Func<Vehicle, DateTimeOffset, Decision<VehicleEvent>> decide,
        CancellationToken ct) => runner.RunAsync(http, caller, async (work, token) =>
        {
            var vehicle = (await work.LoadAsync(VehicleStream.Type, id.Value, token)).State;
            var decision = decide(vehicle, work.Now);
            if (decision.Problem is { } problem)
                return problem;
            vehicle = await VehicleNews.AppendAsync(work, id, decision.Events, token);
            return Outcome.Ok(new MovedView(id, vehicle.Phase, vehicle.State));
        }, ct);
}
