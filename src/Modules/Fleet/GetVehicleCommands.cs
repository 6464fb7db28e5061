using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Bus;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Fleet;

/// <summary>A vehicle fetches the commands that wait for it, oldest first; with <c>seconds</c> it is answered as soon as there is one.</summary>
internal static class GetVehicleCommands
{
    public const int SecondsMax = 30;

    public sealed record CommandView(VehicleCommandId Id, VehicleCommandKind Kind, DateTimeOffset RequestedAt, DateTimeOffset Deadline, int? SpeedLimitKph = null);

    public sealed record CommandsView(IReadOnlyList<CommandView> Commands);

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/vehicles/{id}/commands", Handle).WithName("GetVehicleCommands")
        .RequirePermission("device.report").LimitPerMinute("vehicle-commands", 600)
        .Produces<CommandsView>().ProducesProblem(403);

    private static async Task<IResult> Handle(
        VehicleId id, int? seconds, Caller caller, Database<FleetModule> database, Signals signals, CancellationToken ct)
    {
        if (seconds is < 0 or > SecondsMax)
            return Problem.Invalid("request.invalid_field", $"Wait 0 to {SecondsMax} seconds.", "seconds").ToResult();
        if (caller.Kind != CallerKind.Device || caller.Subject != id.Value)
            return Problem.Forbidden("fleet.not_this_vehicle", "A vehicle asks for itself only.").ToResult();
        var vehicle = await EventStreams.WaitUntilAsync(database, signals, VehicleStream.Type, id.Value, TimeSpan.FromSeconds(seconds ?? 0),
            now => now.Pending().Any(), ct);
        return TypedResults.Ok(new CommandsView(
            [.. vehicle.Pending().Select(command => new CommandView(command.Id, command.Kind, command.RequestedAt, command.Deadline, command.SpeedLimitKph))]));
    }
}
