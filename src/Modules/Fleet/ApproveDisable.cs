using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Fleet;

/// <summary>The second person agrees that a car or a van is disabled (requirement INC-3). Who asked cannot agree with himself.</summary>
internal static class ApproveDisable
{
    /// <param name="Reason">For people who look at the vehicle's history.</param>
    public sealed record ApprovalBody(string? Reason = null);

    public static Decision<VehicleEvent> Decide(
        Vehicle vehicle, VehicleCommandId command, AccountId by, string? why, FleetOptions options, DateTimeOffset now)
    {
        if (vehicle.Phase is Phase.None)
            return Decision<VehicleEvent>.Refuse(GetVehicleById.NotFound);
        if (vehicle.Disabling is not { Stage: DisableStage.AwaitingApproval } waits || waits.Command != command || now >= waits.Until)
            return Decision<VehicleEvent>.Refuse(Problem.Conflict("fleet.nothing_to_approve", "This command does not wait for anybody's approval, or not any more."));
        if (waits.AskedBy == by)
            return Decision<VehicleEvent>.Refuse(Problem.Forbidden("fleet.second_person_needed", "Another person than the one who asked must approve."));
        return Decision<VehicleEvent>.Accept(
            [new DisableApproved(command, by, why, now), .. DisableVehicle.Decided(vehicle, command, by, waits.Why, options, now)]);
    }

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/fleet/vehicles/{id}/commands/{command}/approve", Handle).WithName("ApproveDisable")
        .TakesIdempotencyKey().RequirePermission("fleet.disable")
        .Produces<CommandStateView>(202).ProducesProblem(400).ProducesProblem(403).ProducesProblem(404).ProducesProblem(409).ProducesProblem(422);

    private static async Task<IResult> Handle(
        VehicleId id, VehicleCommandId command, ApprovalBody body, HttpContext http, Caller caller, CommandRunner<FleetModule> runner, Database<FleetModule> database,
        IOptions<FleetOptions> options, CancellationToken ct)
    {
        var fields = new Fields().Must(body.Reason is null or { Length: <= IssueCommand.ReasonLengthMax }, "reason", $"Send at most {IssueCommand.ReasonLengthMax} characters.");
        if (fields.Problem is { } problem)
            return problem.ToResult();
        return await runner.RunIdempotentAsync(http, caller, body, async (work, token) =>
        {
            var vehicle = (await work.LoadAsync(VehicleStream.Type, id.Value, token)).State;
            var decision = Decide(vehicle, command, new AccountId(caller.Subject), body.Reason, options.Value, work.Now);
            if (decision.Problem is { } refused)
                return refused;
            var before = await GetCommand.EventsAsync(database, id, command, token);
            await CommandNews.AppendAsync(work, id, decision.Events, token);
            return Outcome.Accepted(CommandStateView.Of(id, command, [.. before, .. decision.Events])!);
        }, ct);
    }
}
