using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;

namespace Mobility.Fleet;

/// <summary>
/// Staff tell a vehicle to say where it is, to be heard, to go no faster than a speed, or to be unusable and usable again (<see cref="DisableVehicle"/>,
/// <see cref="EnableVehicle"/>). To unlock and to lock are a booking's commands.
/// </summary>
internal static class IssueCommand
{
    public const int SpeedLimitKphMax = 130;
    public const int ReasonLengthMax = 200;

    /// <param name="Kind">What is asked.</param>
    /// <param name="SpeedLimitKph">For a speed limit: km/h, or nothing to lift it.</param>
    /// <param name="Reason">For people who look at the vehicle's history.</param>
    public sealed record CommandBody(VehicleCommandKind Kind, int? SpeedLimitKph = null, string? Reason = null);

    /// <param name="Id">Names the command.</param>
    /// <param name="Asked">What is asked.</param>
    /// <param name="By">Who asks.</param>
    /// <param name="Now">The clock.</param>
    /// <param name="Deadline">Until when the vehicle may obey.</param>
    public sealed record Command(VehicleCommandId Id, CommandBody Asked, AccountId By, DateTimeOffset Now, DateTimeOffset Deadline);

    public static Decision<VehicleEvent> Decide(Vehicle vehicle, Command c, FleetOptions options)
    {
        if (vehicle.Phase is Phase.None or Phase.Retired)
            return Decision<VehicleEvent>.Refuse(GetVehicleById.NotFound);
        if (c.Asked.Kind == VehicleCommandKind.Disable)
            return DisableVehicle.Decide(vehicle, c, options);
        var decision = c.Asked.Kind switch
        {
            VehicleCommandKind.Enable => EnableVehicle.Decide(vehicle, c),
            VehicleCommandKind.SpeedLimit when vehicle.Desired.SpeedLimitKph != c.Asked.SpeedLimitKph => Decision<VehicleEvent>.Accept(
                [new TwinUpdated(vehicle.Desired with { SpeedLimitKph = c.Asked.SpeedLimitKph }, null, c.By, c.Asked.Reason, c.Now),
                    .. InsteadOf(vehicle, c, VehicleCommandKind.SpeedLimit)]),
            VehicleCommandKind.SpeedLimit => Decision<VehicleEvent>.Accept([.. InsteadOf(vehicle, c, VehicleCommandKind.SpeedLimit)]),
            _ => Decision<VehicleEvent>.Accept(Requested(c)),
        };
        // A rider's command would give way to one more, so staff wait.
        return decision.Events.Aggregate(vehicle, Vehicle.Evolve).Pending().Count() > OnVehicleCommandRequested.PendingMax
            ? Decision<VehicleEvent>.Refuse(Problem.Conflict("fleet.too_many_commands", "The vehicle has as many commands waiting as it may have."))
            : decision;
    }

    /// <summary>The command, and before it the end of those that it takes the place of.</summary>
    public static IEnumerable<VehicleEvent> InsteadOf(Vehicle vehicle, Command c, params VehicleCommandKind[] kinds) =>
        [.. vehicle.Pending().Where(command => kinds.Contains(command.Kind)).Select(command => new CommandGivenUp(command.Id, "superseded", c.Now)), Requested(c)];

    private static CommandRequested Requested(Command c) =>
        new(c.Id, null, c.Asked.Kind, c.Now, c.Deadline, c.Asked.SpeedLimitKph, c.By, c.Asked.Reason);

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/fleet/vehicles/{id}/commands", Handle).WithName("IssueCommand")
        .TakesIdempotencyKey().RequirePermission("fleet.command").LimitPerMinute("fleet-commands", 60)
        .Produces<CommandStateView>(202).ProducesProblem(400).ProducesProblem(403).ProducesProblem(404).ProducesProblem(409).ProducesProblem(422);

    private static async Task<IResult> Handle(
        VehicleId id, CommandBody body, HttpContext http, Caller caller, CommandRunner<FleetModule> runner, IOptions<FleetOptions> options, CancellationToken ct)
    {
        var fields = new Fields()
            .Must(body.Kind is not (VehicleCommandKind.Unlock or VehicleCommandKind.Lock), "kind", "Send locate, horn, speed_limit, disable or enable.")
            .Must(body.Kind != VehicleCommandKind.Disable || !string.IsNullOrWhiteSpace(body.Reason), "reason", "Say why the vehicle is to be disabled.")
            .Must(body.SpeedLimitKph is null || body.Kind == VehicleCommandKind.SpeedLimit, "speedLimitKph", "Only a speed limit has one.")
            .Must(body.SpeedLimitKph is null or (>= 1 and <= SpeedLimitKphMax), "speedLimitKph", $"Send 1 to {SpeedLimitKphMax}, or nothing to lift the limit.")
            .Must(body.Reason is null or { Length: <= ReasonLengthMax }, "reason", $"Send at most {ReasonLengthMax} characters.");
        if (fields.Problem is { } problem)
            return problem.ToResult();
        if (body.Kind is VehicleCommandKind.Disable or VehicleCommandKind.Enable && !caller.May("fleet.disable"))
            return Problem.Forbidden("auth.forbidden", "This needs the permission fleet.disable.").ToResult();
        return await runner.RunIdempotentAsync(http, caller, body, async (work, token) =>
        {
            var vehicle = (await work.LoadAsync(VehicleStream.Type, id.Value, token)).State;
            var command = new Command(Id.New<VehicleCommandId>(work.Clock), body, new AccountId(caller.Subject), work.Now, work.Now + options.Value.CommandTimeout);
            var decision = Decide(vehicle, command, options.Value);
            if (decision.Problem is { } refused)
                return refused;
            await CommandNews.AppendAsync(work, id, decision.Events, token);
            return Outcome.Accepted(CommandStateView.Of(id, command.Id, decision.Events)!);
        }, ct);
    }
}
