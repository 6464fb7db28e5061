using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Platform.Events;

namespace Mobility.Fleet;

/// <summary>
/// The way of a command to a vehicle: it is told with the very transaction that records it. Whoever holds the vehicle's wire (the MQTT door of Telemetry) sends
/// it; a vehicle without that wire fetches it over HTTP (GET /v1/vehicles/{id}/commands). Either way the vehicle answers by what it reports.
/// </summary>
internal static class VehicleGateway
{
    public static void Send(Work work, VehicleId vehicle, VehicleCommand command) => work.Publish(vehicle.Value, Issued(vehicle, command));

    /// <summary>What waits for a vehicle that has just come to its wire.</summary>
    public static async Task<IReadOnlyList<VehicleCommandIssuedV1>> Answer(GetPendingCommands question, IServiceProvider services, CancellationToken ct)
    {
        var database = services.GetRequiredService<Database<FleetModule>>();
        var vehicle = (await EventStreams.LoadAsync(database, VehicleStream.Type, question.Vehicle.Value, ct)).State;
        return [.. vehicle.Pending().Select(command => Issued(question.Vehicle, command))];
    }

    private static VehicleCommandIssuedV1 Issued(VehicleId vehicle, VehicleCommand command) =>
        new(vehicle, command.Id, command.Kind, command.RequestedAt, command.Deadline, command.SpeedLimitKph);
}
