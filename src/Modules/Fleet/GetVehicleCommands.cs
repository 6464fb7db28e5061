using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Fleet;

/// <summary>A vehicle fetches the commands that wait for it, oldest first.</summary>
internal static class GetVehicleCommands
{
    public sealed record CommandView(VehicleCommandId Id, VehicleCommandKind Kind, DateTimeOffset RequestedAt, DateTimeOffset Deadline);

    public sealed record CommandsView(IReadOnlyList<CommandView> Commands);

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/vehicles/{id}/commands", Handle).WithName("GetVehicleCommands")
        .RequirePermission("device.report").LimitPerMinute("vehicle-commands", 600)
        .Produces<CommandsView>().ProducesProblem(403);

    private static async Task<IResult> Handle(VehicleId id, Caller caller, Database<FleetModule> database, CancellationToken ct)
    {
        if (caller.Kind != CallerKind.Device || caller.Subject != id.Value)
            return Problem.Forbidden("fleet.not_this_vehicle", "A vehicle asks for itself only.").ToResult();
        var vehicle = (await EventStreams.LoadAsync(database, VehicleStream.Type, id.Value, ct)).State;
        return TypedResults.Ok(new CommandsView([.. vehicle.Commands.Where(command => command.Status == CommandStatus.Pending)
            .Select(command => new CommandView(command.Id, command.Kind, command.RequestedAt, command.Deadline))]));
    }
}
