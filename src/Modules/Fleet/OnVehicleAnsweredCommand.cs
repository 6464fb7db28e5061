using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mobility.Contracts;
using Mobility.Platform.Modules;

namespace Mobility.Fleet;

/// <summary>A vehicle answered a command over MQTT: the same as over HTTP, judged by the same rule. What the rule refuses is logged.</summary>
internal static partial class OnVehicleAnsweredCommand
{
    public static async Task Handle(VehicleAnsweredCommandV1 e, Reaction reaction, CancellationToken ct)
    {
        var vehicle = (await reaction.Work.LoadAsync(VehicleStream.Type, e.Vehicle.Value, ct)).State;
        var body = new AnswerCommand.AnswerBody(e.Done ? AnswerCommand.AnswerKind.Done : AnswerCommand.AnswerKind.Refused, e.At, e.Reason, e.Position, e.Sequence);
        var again = CommandNews.NewResending(reaction.Work, reaction.Services.GetRequiredService<IOptions<FleetOptions>>().Value);
        var decision = AnswerCommand.Decide(vehicle, e.Command, body, again);
        if (decision.Problem is { } problem)
        {
            FleetMetrics.RefusedReports.Add(1, new KeyValuePair<string, object?>("code", problem.Code));
            LogRefused(reaction.Services.GetRequiredService<ILogger<FleetModule>>(), e.Vehicle, e.Command, problem.Code);
            return;
        }
        await CommandNews.AppendAsync(reaction.Work, e.Vehicle, decision.Events, ct);
    }

    [LoggerMessage(EventId = 3004, Level = LogLevel.Warning, Message = "The answer of {Vehicle} to {Command} was refused: {Code}")]
    private static partial void LogRefused(ILogger log, VehicleId vehicle, VehicleCommandId command, string code);
}
