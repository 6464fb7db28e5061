using Mobility.Contracts;
using Mobility.Platform;

namespace Mobility.Telemetry;

/// <summary>What vehicles are to run is Fleet's to know.</summary>
internal sealed class UpdateSource(IAsk ask)
{
    public Task<VehicleUpdate?> OfAsync(VehicleId vehicle, CancellationToken ct) => ask.AskAsync(new GetVehicleUpdate(vehicle), ct);
}
