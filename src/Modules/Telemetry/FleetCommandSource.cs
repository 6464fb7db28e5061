using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Telemetry.Mqtt;

namespace Mobility.Telemetry;

/// <summary>Commands wait in Fleet's streams.</summary>
internal sealed class FleetCommandSource(IAsk ask) : ICommandSource
{
    public async Task<IReadOnlyList<PendingCommand>> PendingOfAsync(VehicleId vehicle, CancellationToken ct) =>
        [.. (await ask.AskAsync(new GetPendingCommands(vehicle), ct)).Select(Of)];

    public static PendingCommand Of(VehicleCommandIssuedV1 c) => new(c.Command, c.Kind, c.RequestedAt, c.Deadline, c.SpeedLimitKph);
}
