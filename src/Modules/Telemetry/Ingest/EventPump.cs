using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Mobility.Contracts;
using Mobility.Platform.Events;
using Mobility.Platform.Http;
using Mobility.Telemetry.Alerts;
using Npgsql;

namespace Mobility.Telemetry.Ingest;

/// <summary>What an event must be to be kept.</summary>
internal static class EventRules
{
    public static string? Check(EventPayload e, DateTimeOffset now)
    {
        if (e.Sequence < 0)
            return "sequence_out_of_range";
        if (!EventPayload.IsWord(e.Kind, EventPayload.KindLengthMax))
            return "kind_out_of_range";
        if (e.StateOfChargePercent is not (null or (>= 0 and <= 100)))
            return "charge_out_of_range";
        if (e.OdometerMeters is not (null or (>= 0 and <= ReportRules.OdometerMetersMax)))
            return "odometer_out_of_range";
        if (e.Command is not null && e.CommandId is null)
            return "command_out_of_range";
        if (e.Token is { Length: > EventPayload.TokenLengthMax })
            return "token_out_of_range";
        if (e.Version is < 0)
            return "version_out_of_range";
        if (e.Reason is { Length: > EventPayload.ReasonLengthMax } || e.Reason?.Contains('\0', StringComparison.Ordinal) is true)
            return "reason_out_of_range";
        if (e.IsLockReport && (e.Position is null || e.StateOfChargePercent is null || e.OdometerMeters is null))
            return "incomplete"; // a ride is billed by it
        if ((e.IsAnswer && e.CommandId is null) || (e.IsTwin && e.Disabled is null))
            return "incomplete";
        if (e.IsTwin && (e.SpeedLimitKph is not (null or (>= 1 and <= EventPayload.SpeedLimitKphMax)) || e.FirmwareVersion < 0
            || e.AgentVersion is { Length: 0 or > EventPayload.AgentVersionLengthMax }))
            return "twin_out_of_range";
        if (e.Kind == "command_refused" && e.Reason is { } why && !EventPayload.IsWord(why, EventPayload.RefusalLengthMax))
            return "reason_out_of_range";
        return ReportRules.ClockFault(e.At, now);
    }
}

/// <summary>
/// Stores the events of vehicles and tells the other modules, in one transaction, and only then the vehicle. Events are few and each matters to somebody, so they
/// go the way of every other fact, through the outbox, and do not wait behind telemetry.
/// </summary>
internal sealed partial class EventPump(
    Database<TelemetryModule> database, CommandRunner<TelemetryModule> runner, ILogger<EventPump> log) : BackgroundService
{
    /// <summary>Events of one transaction.</summary>
    public const int BatchMax = 500;

    /// <summary>Events that wait; more, and the door stops reading.</summary>
    public const int WaitingMax = 5_000;

    private readonly Channel<IngestMessage> _waiting = Channel.CreateBounded<IngestMessage>(
        new BoundedChannelOptions(WaitingMax) { FullMode = BoundedChannelFullMode.Wait, SingleReader = true, AllowSynchronousContinuations = false });

    public ValueTask PutAsync(in IngestMessage message, CancellationToken ct) => _waiting.Writer.WriteAsync(message, ct);

    public bool TryPut(in IngestMessage message) => _waiting.Writer.TryWrite(message);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            var messages = new List<IngestMessage>(BatchMax);
            while (await _waiting.Reader.WaitToReadAsync(stoppingToken))
            {
                messages.Clear();
                while (messages.Count < BatchMax && _waiting.Reader.TryRead(out var message))
                    messages.Add(message);
                await StoreAsync(messages, stoppingToken);
                foreach (var message in messages)
                    if (message.Source is { } source)
                    {
                        source.NoteDurable(message.PacketId);
                        source.FlushNoted();
                    }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // the process stops; what was not acknowledged comes again
        }
    }

    private async Task StoreAsync(List<IngestMessage> messages, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                if (await TryStoreAsync(messages, ct))
                    return; // else another process stored one of them meanwhile: look again
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException && !ct.IsCancellationRequested)
            {
                TelemetryMetrics.FailedBatches.Add(1);
                LogFailed(log, e, messages.Count);
                await Task.Delay(IngestPump.RetryAfter, ct);
            }
        }
    }

    private async Task<bool> TryStoreAsync(List<IngestMessage> messages, CancellationToken ct)
    {
        var known = (await database.QueryAsync<Key>("""
            SELECT e.vehicle, e.sequence FROM unnest(@vehicles, @sequences) AS i(vehicle, sequence)
            JOIN vehicle_events e ON e.vehicle = i.vehicle AND e.sequence = i.sequence ORDER BY e.vehicle, e.sequence LIMIT @BatchMax
            """, new { vehicles = messages.Select(m => m.Vehicle.Value).ToArray(), sequences = messages.Select(m => m.Event!.Sequence).ToArray(), BatchMax }, ct))
            .Select(k => (k.Vehicle, k.Sequence)).ToHashSet();
        var work = runner.NewWork("vehicles");
        work.OnLaw("vehicle_events_pkey", () => Mobility.Platform.Problem.Conflict("platform.busy", "Others change the same thing right now; try again."));
        var stored = 0;
        foreach (var message in messages)
        {
            var e = message.Event!;
            if (!known.Add((message.Vehicle.Value, e.Sequence)))
                continue;
            stored++;
            work.Execute("INSERT INTO vehicle_events (vehicle, sequence, at, received_at, kind, payload) VALUES ($1, $2, $3, $4, $5, $6)",
                message.Vehicle.Value, e.Sequence, e.At, message.ReceivedAt, e.Kind, message.Payload);
            if (e.Alert is { } alert)
                VehicleWatch.Tell(work, message.Vehicle, new VehicleAlertRaisedV1(message.Vehicle, alert, e.At.ToUniversalTime(), e.Position));
            if (e.IsLockReport)
                work.Publish(message.Vehicle.Value, new VehicleReportedLockV1(message.Vehicle, e.Kind == "unlocked", e.CommandId, e.At.ToUniversalTime(), e.Position!.Value,
                    e.StateOfChargePercent!.Value, e.OdometerMeters!.Value, e.Sequence, e.Token));
            if (e.Update is { } outcome)
                work.Publish(message.Vehicle.Value, new VehicleReportedUpdateV1(message.Vehicle, outcome, e.Version, e.Reason, e.At.ToUniversalTime(), e.Sequence));
            if (e.IsTwin)
                work.Publish(message.Vehicle.Value, new VehicleTwinReportedV1(message.Vehicle, e.Disabled!.Value, e.SpeedLimitKph, e.AgentVersion, e.FirmwareVersion,
                    e.At.ToUniversalTime(), e.Sequence));
            if (e.IsAnswer)
                work.Publish(message.Vehicle.Value, new VehicleAnsweredCommandV1(message.Vehicle, e.CommandId!.Value, e.Kind == "command_done", e.Kind == "command_done" ? null : e.Reason,
                    e.At.ToUniversalTime(), e.Position, e.Sequence));
        }
        if ((await work.CommitAsync(ct)).Outcome != CommitOutcome.Committed)
            return false;
        TelemetryMetrics.Accepted.Add(stored, new KeyValuePair<string, object?>("kind", "event"));
        TelemetryMetrics.Duplicates.Add(messages.Count - stored);
        return true;
    }

    private sealed record Key
    {
        public required Guid Vehicle { get; init; }

        public required long Sequence { get; init; }
    }

    [LoggerMessage(EventId = 8021, Level = LogLevel.Warning, Message = "{Count} events of vehicles could not be stored; another try follows.")]
    private static partial void LogFailed(ILogger log, Exception exception, int count);
}
