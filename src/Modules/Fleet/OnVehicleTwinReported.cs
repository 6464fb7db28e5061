using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mobility.Contracts;
using Mobility.Platform.Modules;

namespace Mobility.Fleet;

/// <summary>A vehicle said over MQTT how it is: the same as over HTTP, judged by the same rule. What the rule refuses is logged.</summary>
internal static partial class OnVehicleTwinReported
{
    public static async Task Handle(VehicleTwinReportedV1 e, Reaction reaction, CancellationToken ct)
    {
        var vehicle = (await reaction.Work.LoadAsync(VehicleStream.Type, e.Vehicle.Value, ct)).State;
        var again = CommandNews.NewResending(reaction.Work, reaction.Services.GetRequiredService<IOptions<FleetOptions>>().Value);
        var decision = ReportTwin.Decide(vehicle, new ReportTwin.TwinBody(e.At, e.Disabled, e.SpeedLimitKph, e.AgentVersion, e.FirmwareVersion, e.Sequence), again);
        if (decision.Problem is { } problem)
        {
            FleetMetrics.RefusedReports.Add(1, new KeyValuePair<string, object?>("code", problem.Code));
            LogRefused(reaction.Services.GetRequiredService<ILogger<FleetModule>>(), e.Vehicle, problem.Code);
            return;
        }
        await CommandNews.AppendAsync(reaction.Work, e.Vehicle, decision.Events, ct);
    }

    [LoggerMessage(EventId = 3005, Level = LogLevel.Warning, Message = "What {Vehicle} says of itself was refused: {Code}")]
    private static partial void LogRefused(ILogger log, VehicleId vehicle, string code);
}
