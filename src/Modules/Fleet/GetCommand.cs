using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Fleet;

/// <summary>Staff look at one command: how far it is, and who did what when. Read from the vehicle's stream, so that commands cost no table of their own.</summary>
internal static class GetCommand
{
    private const int StepsMax = 50;

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/fleet/vehicles/{id}/commands/{command}", Handle).WithName("GetCommand")
        .RequirePermission("fleet.read")
        .Produces<CommandStateView>().ProducesProblem(404);

    public static async Task<IReadOnlyList<VehicleEvent>> EventsAsync(Database<FleetModule> database, VehicleId id, VehicleCommandId command, CancellationToken ct)
    {
        var rows = await database.QueryAsync<Row>("""
            SELECT type, data::text AS data FROM events WHERE stream_id = @Id AND data->>'command' = @Command ORDER BY version LIMIT @StepsMax
            """, new { Id = id.Value, Command = command.ToString(), StepsMax }, ct);
        return [.. rows.Select(row => VehicleStream.Type.Events.Read(row.Type, row.Data))];
    }

    private static async Task<IResult> Handle(VehicleId id, VehicleCommandId command, Database<FleetModule> database, CancellationToken ct) =>
        CommandStateView.Of(id, command, await EventsAsync(database, id, command, ct)) is { } view ? TypedResults.Ok(view) : AnswerCommand.NotFound.ToResult();

    private sealed record Row(string Type, string Data);
}
