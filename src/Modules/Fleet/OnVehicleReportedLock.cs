using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mobility.Contracts;
using Mobility.Platform.Modules;

namespace Mobility.Fleet;

/// <summary>A vehicle said over MQTT that it unlocked or locked: the same report as over HTTP, judged by the same rule. What the rule refuses is logged.</summary>
internal static partial class OnVehicleReportedLock
{
    public static async Task Handle(VehicleReportedLockV1 e, Reaction reaction, CancellationToken ct)
    {
        var vehicle = (await reaction.Work.LoadAsync(VehicleStream.Type, e.Vehicle.Value, ct)).State;
        var body = new ReportLock.Body(e.Unlocked ? ReportLock.ReportKind.Unlocked : ReportLock.ReportKind.Locked, e.At, e.Position, e.StateOfChargePercent,
            e.OdometerMeters, e.Command, e.Sequence, e.Token);
        var token = await reaction.Services.GetRequiredService<UnlockTokens>().ReadAsync(e.Token, e.Vehicle, ct);
        var options = reaction.Services.GetRequiredService<IOptions<FleetOptions>>().Value;
        var decision = ReportLock.Decide(vehicle, body, options, reaction.Now, token);
        var log = reaction.Services.GetRequiredService<ILogger<FleetModule>>();
        if (decision.Problem is { } problem)
        {
            FleetMetrics.RefusedReports.Add(1, new KeyValuePair<string, object?>("code", problem.Code));
            LogRefused(log, e.Vehicle, problem.Code);
            return;
        }
        await ReportLock.RecordAsync(reaction.Work, e.Vehicle, vehicle, body, decision, options, log, ct);
    }

    [LoggerMessage(EventId = 3003, Level = LogLevel.Warning, Message = "A report of {Vehicle} was refused: {Code}")]
    private static partial void LogRefused(ILogger log, VehicleId vehicle, string code);
}
