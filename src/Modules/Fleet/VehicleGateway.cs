using Mobility.Contracts;
using Mobility.Platform.Events;

namespace Mobility.Fleet;

/// <summary>
/// The way of a command to a vehicle. A port, because the wire (MQTT) is a module of its own that comes later; an implementation that calls out schedules a
/// message in the work, so that the call is made after the command is stored and again after a crash.
/// </summary>
internal interface IVehicleGateway
{
    void Send(Work work, VehicleId vehicle, VehicleCommand command);
}

/// <summary>Sends nothing: the vehicle fetches its commands over HTTP (GET /v1/vehicles/{id}/commands) and reports what it did.</summary>
internal sealed class ReportedByDeviceGateway : IVehicleGateway
{
    public void Send(Work work, VehicleId vehicle, VehicleCommand command)
    {
    }
}
