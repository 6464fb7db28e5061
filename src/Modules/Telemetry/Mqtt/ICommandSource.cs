using Mobility.Contracts;

namespace Mobility.Telemetry.Mqtt;

/// <summary>Where the commands that wait for a vehicle are kept: durable, and not here.</summary>
internal interface ICommandSource
{
    /// <summary>What still waits for the vehicle, oldest first.</summary>
    Task<IReadOnlyList<PendingCommand>> PendingOfAsync(VehicleId vehicle, CancellationToken ct);
}
