using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Fleet;

/// <summary>
/// A vehicle says that it unlocked or locked. Its own clock and odometer are what a ride is billed by, so they are checked. An unlock that nobody asked for is
/// recorded and told without a booking; one that comes after its command was given up names the command and its booking, so that Booking, which has compensated,
/// tells the vehicle to lock again. Both are alarms, and neither starts a ride here. A lock is accepted however late: it ends one.
/// </summary>
internal static partial class ReportLock
{
    public const long OdometerMetersMax = 10_000_000_000;

    public sealed record Body(
        ReportKind Kind, DateTimeOffset At, GeoPoint Position, int StateOfChargePercent, long OdometerMeters, VehicleCommandId? Command = null, long? Sequence = null,
        string? Token = null);

    public enum ReportKind
    {
        Unlocked,
        Locked,
    }

    public sealed record ReportView(VehicleId Vehicle, ReportKind Kind, VehicleCommandId? Command, BookingId? Booking, DateTimeOffset At);

    /// <param name="vehicle">The vehicle.</param>
    /// <param name="report">What it says.</param>
    /// <param name="options">How far clocks may be off.</param>
    /// <param name="now">The clock.</param>
    /// <param name="token">The token it names, when we signed it for this vehicle; null otherwise.</param>
    public static Decision<VehicleEvent> Decide(Vehicle vehicle, Body report, FleetOptions options, DateTimeOffset now, ReadToken? token = null)
    {
        var kind = report.Kind == ReportKind.Unlocked ? VehicleCommandKind.Unlock : VehicleCommandKind.Lock;
        if (vehicle.Phase is Phase.None)
            return Decision<VehicleEvent>.Refuse(ProblemKind.NotFound, "fleet.no_such_vehicle", "There is no such vehicle.");
        var command = vehicle.Find(report.Command);
        if (command is not null && command.Kind != kind)
            return Decision<VehicleEvent>.Refuse(Problem.Unprocessable("fleet.command_mismatch", "The command asked for something else.", "command"));
        if (command?.Status == CommandStatus.Obeyed || (report.Sequence is { } sequence && vehicle.Sequences.Contains(sequence)))
            return Decision<VehicleEvent>.Accept(); // said before
        if (report.At > now + options.ClockAheadMax || report.At < now - options.ReportAgeMax)
            return Decision<VehicleEvent>.Refuse(ClockProblem("The vehicle's clock is wrong, or the report is too old."));
        if (kind == VehicleCommandKind.Unlock && report.At < command?.RequestedAt - options.ClockAheadMax)
            return Decision<VehicleEvent>.Refuse(ClockProblem("The vehicle says that it unlocked before it was asked to."));
        var opened = kind == VehicleCommandKind.Unlock && command is null && token is not null && Opens(vehicle, token, report.At, options) ? token : null;
        return Decision<VehicleEvent>.Accept(new LockReported(kind, report.Command, command?.Booking ?? opened?.Booking, report.At, report.Position,
            report.StateOfChargePercent, report.OdometerMeters, report.Sequence, Newest: report.At >= vehicle.MeasuredAt, now, opened?.Nonce));
    }

    /// <summary>The vehicle judged the token without us; so that a ride hangs on it, it must have been good by our own rules too, and not used before.</summary>
    private static bool Opens(Vehicle vehicle, ReadToken token, DateTimeOffset at, FleetOptions options) =>
        at >= token.IssuedAt - options.ClockAheadMax && at <= token.ExpiresAt + options.ClockAheadMax && !vehicle.UsedNonces.Contains(token.Nonce)
        && (vehicle.Occupant is null || vehicle.Occupant.Booking == token.Booking);

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/vehicles/{id}/reports", Handle).WithName("ReportLock")
        .TakesIdempotencyKey().RequirePermission("device.report").LimitPerMinute("vehicle-reports", 120)
        .Produces<ReportView>().ProducesProblem(400).ProducesProblem(403).ProducesProblem(404).ProducesProblem(409).ProducesProblem(422);

    private static async Task<IResult> Handle(
        VehicleId id, Body body, HttpContext http, Caller caller, CommandRunner<FleetModule> runner, UnlockTokens tokens, IOptions<FleetOptions> options,
        ILogger<FleetModule> log, CancellationToken ct)
    {
        if (caller.Kind != CallerKind.Device || caller.Subject != id.Value)
            return Problem.Forbidden("fleet.not_this_vehicle", "A vehicle reports for itself only.").ToResult();
        var fields = new Fields()
            .Must(body.StateOfChargePercent is >= 0 and <= 100, "stateOfChargePercent", "Send 0 to 100.")
            .Must(body.OdometerMeters is >= 0 and <= OdometerMetersMax, "odometerMeters", $"Send 0 to {OdometerMetersMax}.")
            .Must(body.Sequence is null or >= 0, "sequence", "Send 0 or more.")
            .Must(body.Token is null or { Length: <= UnlockTokens.LengthMax }, "token", $"Send at most {UnlockTokens.LengthMax} characters.");
        if (fields.Problem is { } problem)
            return problem.ToResult();
        var read = await tokens.ReadAsync(body.Token, id, ct);
        return await runner.RunIdempotentAsync(http, caller, body, async (work, token) =>
        {
            var vehicle = (await work.LoadAsync(VehicleStream.Type, id.Value, token)).State;
            var decision = Decide(vehicle, body, options.Value, work.Now, read);
            if (decision.Problem is { } refused)
                return refused;
            await RecordAsync(work, id, vehicle, body, decision, options.Value, log, token);
            return Outcome.Ok(new ReportView(id, body.Kind, body.Command, vehicle.Find(body.Command)?.Booking ?? read?.Booking, body.At));
        }, ct);
    }

    /// <summary>What follows from an accepted report, whichever wire it came over.</summary>
    public static async Task RecordAsync(
        Work work, VehicleId id, Vehicle vehicle, Body body, Decision<VehicleEvent> decision, FleetOptions options, ILogger log, CancellationToken ct)
    {
        var command = vehicle.Find(body.Command);
        foreach (var report in decision.Events.OfType<LockReported>())
        {
            var after = await VehicleNews.AppendAsync(work, id, [report], ct);
            if (command is { Status: CommandStatus.Pending })
                work.Unschedule<CommandTimeout>(command.Id.Value);
            Announce(work, id, report);
            if (report is { Kind: VehicleCommandKind.Unlock, Nonce: null } && command is not { Status: CommandStatus.Pending })
                work.OnCommitted(() => Alarm(id, log));
            // A lock closes at a standstill only: so a vehicle of which nobody hears more than its lock can be disabled too.
            if (report is { Kind: VehicleCommandKind.Lock, Newest: true } && report.MeasuredAt >= work.Now - DisableVehicle.RecentWithin && after.Disabling is { } waits)
                await CommandNews.AppendAsync(work, id, DisableVehicle.OnStandstill(after, waits.Command, report.MeasuredAt, options, work.Now).Events, ct);
        }
    }

    private static void Announce(Work work, VehicleId vehicle, LockReported report)
    {
        if (report.Kind == VehicleCommandKind.Lock)
            work.Publish(vehicle.Value, new VehicleLockedV1(vehicle, report.Command, report.Booking, report.MeasuredAt, report.Position,
                report.StateOfChargePercent, report.OdometerMeters));
        else
            work.Publish(vehicle.Value, new VehicleUnlockedV1(vehicle, report.Command, report.Booking, report.MeasuredAt, report.Position,
                report.StateOfChargePercent, report.OdometerMeters));
    }

    private static void Alarm(VehicleId vehicle, ILogger log)
    {
        FleetMetrics.UnexpectedUnlocks.Add(1);
        LogUnexpectedUnlock(log, vehicle);
    }

    public static Problem ClockProblem(string detail) => Problem.Unprocessable("fleet.clock_out_of_range", detail, "at");

    [LoggerMessage(EventId = 3002, Level = LogLevel.Warning, Message = "{Vehicle} unlocked without a command or token that still stood.")]
    private static partial void LogUnexpectedUnlock(ILogger log, VehicleId vehicle);
}
