using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;

namespace Mobility.Fleet;

/// <summary>A vehicle that starts or comes back says how it is; what we want otherwise is sent again.</summary>
internal static class ReportTwin
{
    public const int AgentVersionLengthMax = 40;

    /// <param name="At">By the vehicle's own clock.</param>
    /// <param name="Disabled">Whether it opens for nobody.</param>
    /// <param name="SpeedLimitKph">The limit that it was told; absent when there is none.</param>
    /// <param name="AgentVersion">Of the program on its board.</param>
    /// <param name="FirmwareVersion">Of the image that it was last updated with.</param>
    /// <param name="Sequence">Of the vehicle's events, where it counts them.</param>
    public sealed record TwinBody(
        DateTimeOffset At, bool Disabled, int? SpeedLimitKph = null, string? AgentVersion = null, long? FirmwareVersion = null, long? Sequence = null);

    public static Decision<VehicleEvent> Decide(Vehicle vehicle, TwinBody said, Resending again)
    {
        if (vehicle.Phase is Phase.None)
            return Decision<VehicleEvent>.Refuse(GetVehicleById.NotFound);
        if (said.At > again.Now + again.Options.ClockAheadMax || said.At < again.Now - again.Options.ReportAgeMax)
            return Decision<VehicleEvent>.Refuse(ReportLock.ClockProblem("The vehicle's clock is wrong, or the report is too old."));
        return Decision<VehicleEvent>.Accept([.. TwinRules.OnReported(vehicle,
            new ReportedTwin(said.Disabled, said.SpeedLimitKph, said.AgentVersion, said.FirmwareVersion, said.At, said.Sequence), again)]);
    }

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/vehicles/{id}/twin", Handle).WithName("ReportTwin")
        .RequirePermission("device.report").LimitPerMinute("vehicle-twins", 30)
        .Produces(StatusCodes.Status204NoContent).ProducesProblem(400).ProducesProblem(403).ProducesProblem(404).ProducesProblem(409).ProducesProblem(422);

    private static async Task<IResult> Handle(
        VehicleId id, TwinBody body, HttpContext http, Caller caller, CommandRunner<FleetModule> runner, IOptions<FleetOptions> options, CancellationToken ct)
    {
        if (caller.Kind != CallerKind.Device || caller.Subject != id.Value)
            return Problem.Forbidden("fleet.not_this_vehicle", "A vehicle reports for itself only.").ToResult();
        var fields = new Fields()
            .Must(body.SpeedLimitKph is null or (>= 1 and <= IssueCommand.SpeedLimitKphMax), "speedLimitKph", $"Send 1 to {IssueCommand.SpeedLimitKphMax}, or nothing.")
            .Must(body.AgentVersion is null or { Length: > 0 and <= AgentVersionLengthMax }, "agentVersion", $"Send 1 to {AgentVersionLengthMax} characters.")
            .Must(body.FirmwareVersion is null or >= 0, "firmwareVersion", "Send 0 or more.")
            .Must(body.Sequence is null or >= 0, "sequence", "Send 0 or more.");
        if (fields.Problem is { } problem)
            return problem.ToResult();
        return await runner.RunAsync(http, caller, async (work, token) =>
        {
            var vehicle = (await work.LoadAsync(VehicleStream.Type, id.Value, token)).State;
            var decision = Decide(vehicle, body, CommandNews.NewResending(work, options.Value));
            if (decision.Problem is { } refused)
                return refused;
            await CommandNews.AppendAsync(work, id, decision.Events, token);
            return Outcome.Done();
        }, ct);
    }
}
