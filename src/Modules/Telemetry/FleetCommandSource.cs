using Mobility.Contracts;
using Mobility.Telemetry.Mqtt;

namespace Mobility.Telemetry;

/// <summary>Until Fleet answers what waits for a vehicle, nothing does.</summary>
internal sealed class NoCommandSource : ICommandSource
{
    public Task<IReadOnlyList<PendingCommand>> PendingOfAsync(VehicleId vehicle, CancellationToken ct) => Task.FromResult<IReadOnlyList<PendingCommand>>([]);
}
