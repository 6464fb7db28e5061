using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;

namespace Mobility.Fleet;

/// <summary>
/// A vehicle says what became of a command: that it did what was asked, unless that was to unlock or to lock, which the lock itself reports; or that it refused,
/// whatever was asked. A refusal ends the waiting at once, so that whoever asked compensates now and not at the deadline. A deed is recorded however late.
/// </summary>
internal static class AnswerCommand
{
    public const int ReasonLengthMax = 40;

    public static readonly Problem NotFound = Problem.NotFound("fleet.no_such_command", "The vehicle has no such command, or it is long over.");

    /// <param name="Answer">Done or refused.</param>
    /// <param name="At">When, by the vehicle's own clock.</param>
    /// <param name="Reason">Why it refused: a lower_snake word.</param>
    /// <param name="Position">Where it was.</param>
    /// <param name="Sequence">Of the vehicle's events, where it counts them.</param>
    public sealed record AnswerBody(AnswerKind Answer, DateTimeOffset At, string? Reason = null, GeoPoint? Position = null, long? Sequence = null);

    public enum AnswerKind
    {
        Done,
        Refused,
    }

    public sealed record AnswerView(VehicleCommandId Command, AnswerKind Answer);

    public static Decision<VehicleEvent> Decide(Vehicle vehicle, VehicleCommandId id, AnswerBody said, Resending again)
    {
        if (vehicle.Phase is Phase.None)
            return Decision<VehicleEvent>.Refuse(GetVehicleById.NotFound);
        if (vehicle.Find(id) is not { } command)
            return Decision<VehicleEvent>.Refuse(NotFound);
        if (said.Answer == AnswerKind.Done && command.Kind is VehicleCommandKind.Unlock or VehicleCommandKind.Lock)
            return Decision<VehicleEvent>.Refuse(Problem.Unprocessable("fleet.command_mismatch", "Unlock and lock are answered by a report of the lock.", "answer"));
        if (command.Status == CommandStatus.Obeyed || (said.Answer == AnswerKind.Refused && command.Status == CommandStatus.GivenUp))
            return Decision<VehicleEvent>.Accept(); // said before
        if (said.At > again.Now + again.Options.ClockAheadMax || said.At < again.Now - again.Options.ReportAgeMax)
            return Decision<VehicleEvent>.Refuse(ReportLock.ClockProblem("The vehicle's clock is wrong, or the answer is too old."));
        return Decision<VehicleEvent>.Accept([.. said.Answer == AnswerKind.Done ? Done(vehicle, command, said, again) : Refused(vehicle, command, said, again)]);
    }

    /// <summary>What it did, it is: the twin knows it without another word of the vehicle.</summary>
    private static IEnumerable<VehicleEvent> Done(Vehicle vehicle, VehicleCommand command, AnswerBody said, Resending again)
    {
        var done = new CommandDone(command.Id, said.At, said.Position, again.Now);
        var was = (vehicle.Reported ?? new ReportedTwin(false, null, null, null, said.At, null)) with { MeasuredAt = said.At, Sequence = said.Sequence };
        ReportedTwin? isNow = command.Kind switch
        {
            VehicleCommandKind.Disable => was with { IsDisabled = true },
            VehicleCommandKind.Enable => was with { IsDisabled = false },
            VehicleCommandKind.SpeedLimit => was with { SpeedLimitKph = command.SpeedLimitKph },
            _ => null,
        };
        return isNow is null ? [done] : [done, .. TwinRules.OnReported(Vehicle.Evolve(vehicle, done), isNow, again)];
    }

    /// <summary>A vehicle that moves off just then is disabled at its next standstill.</summary>
    private static IEnumerable<VehicleEvent> Refused(Vehicle vehicle, VehicleCommand command, AnswerBody said, Resending again)
    {
        var given = new CommandGivenUp(command.Id, said.Reason is { } reason ? $"refused_{reason}" : "refused", again.Now);
        return command.Kind == VehicleCommandKind.Disable && said.Reason == "moving" && vehicle is { Desired.IsDisabled: true, Disabling: null }
            ? [given, DisableVehicle.AwaitStandstill(again.Access, again.Options, again.Now)]
            : [given];
    }

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/vehicles/{id}/commands/{command}/answer", Handle).WithName("AnswerCommand")
        .TakesIdempotencyKey().RequirePermission("device.report").LimitPerMinute("vehicle-answers", 120)
        .Produces<AnswerView>().ProducesProblem(400).ProducesProblem(403).ProducesProblem(404).ProducesProblem(409).ProducesProblem(422);

    private static async Task<IResult> Handle(
        VehicleId id, VehicleCommandId command, AnswerBody body, HttpContext http, Caller caller, CommandRunner<FleetModule> runner, IOptions<FleetOptions> options,
        CancellationToken ct)
    {
        if (caller.Kind != CallerKind.Device || caller.Subject != id.Value)
            return Problem.Forbidden("fleet.not_this_vehicle", "A vehicle answers for itself only.").ToResult();
        var fields = new Fields()
            .Must(body.Reason is null || IsWord(body.Reason), "reason", $"Send a word of 1 to {ReasonLengthMax} of a-z, 0-9 and '_'.")
            .Must(body.Sequence is null or >= 0, "sequence", "Send 0 or more.");
        if (fields.Problem is { } problem)
            return problem.ToResult();
        return await runner.RunIdempotentAsync(http, caller, body, async (work, token) =>
        {
            var vehicle = (await work.LoadAsync(VehicleStream.Type, id.Value, token)).State;
            var decision = Decide(vehicle, command, body, CommandNews.NewResending(work, options.Value));
            if (decision.Problem is { } refused)
                return refused;
            await CommandNews.AppendAsync(work, id, decision.Events, token);
            return Outcome.Ok(new AnswerView(command, body.Answer));
        }, ct);
    }

    private static bool IsWord(string text) =>
        text.Length is > 0 and <= ReasonLengthMax && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_');
}
