using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
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
    public sealed record Body(AnswerKind Answer, DateTimeOffset At, string? Reason = null, GeoPoint? Position = null);

    public enum AnswerKind
    {
        Done,
        Refused,
    }

    public sealed record AnswerView(VehicleCommandId Command, AnswerKind Answer);

    public static Decision<VehicleEvent> Decide(Vehicle vehicle, VehicleCommandId id, Body said, FleetOptions options, DateTimeOffset now)
    {
        if (vehicle.Phase is Phase.None)
            return Decision<VehicleEvent>.Refuse(GetVehicleById.NotFound);
        if (vehicle.Find(id) is not { } command)
            return Decision<VehicleEvent>.Refuse(NotFound);
        if (said.Answer == AnswerKind.Done && command.Kind is VehicleCommandKind.Unlock or VehicleCommandKind.Lock)
            return Decision<VehicleEvent>.Refuse(Problem.Unprocessable("fleet.command_mismatch", "Unlock and lock are answered by a report of the lock.", "answer"));
        if (command.Status == CommandStatus.Obeyed || (said.Answer == AnswerKind.Refused && command.Status == CommandStatus.GivenUp))
            return Decision<VehicleEvent>.Accept(); // said before
        if (said.At > now + options.ClockAheadMax || said.At < now - options.ReportAgeMax)
            return Decision<VehicleEvent>.Refuse(ReportLock.ClockProblem("The vehicle's clock is wrong, or the answer is too old."));
        return Decision<VehicleEvent>.Accept(said.Answer == AnswerKind.Done
            ? new CommandDone(id, said.At, said.Position, now)
            : new CommandGivenUp(id, said.Reason is { } reason ? $"refused_{reason}" : "refused", now));
    }

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/vehicles/{id}/commands/{command}/answer", Handle).WithName("AnswerCommand")
        .RequirePermission("device.report").LimitPerMinute("vehicle-answers", 120)
        .Produces<AnswerView>().ProducesProblem(400).ProducesProblem(403).ProducesProblem(404).ProducesProblem(409).ProducesProblem(422);

    private static async Task<IResult> Handle(
        VehicleId id, VehicleCommandId command, Body body, HttpContext http, Caller caller, CommandRunner<FleetModule> runner, IOptions<FleetOptions> options,
        CancellationToken ct)
    {
        if (caller.Kind != CallerKind.Device || caller.Subject != id.Value)
            return Problem.Forbidden("fleet.not_this_vehicle", "A vehicle answers for itself only.").ToResult();
        var fields = new Fields().Must(body.Reason is null || IsWord(body.Reason), "reason", $"Send a word of 1 to {ReasonLengthMax} of a-z, 0-9 and '_'.");
        if (fields.Problem is { } problem)
            return problem.ToResult();
        return await runner.RunIdempotentAsync(http, caller, body, async (work, token) =>
        {
            var vehicle = (await work.LoadAsync(VehicleStream.Type, id.Value, token)).State;
            var decision = Decide(vehicle, command, body, options.Value, work.Now);
            if (decision.Problem is { } refused)
                return refused;
            await CommandNews.AppendAsync(work, id, decision.Events, token);
            return Outcome.Ok(new AnswerView(command, body.Answer));
        }, ct);
    }

    private static bool IsWord(string text) =>
        text.Length is > 0 and <= ReasonLengthMax && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_');
}
