using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Fleet;

/// <summary>One vehicle as riders and other modules see it.</summary>
internal static class GetVehicleById
{
    public static readonly Problem NotFound = Problem.NotFound("fleet.no_such_vehicle", "There is no such vehicle.");

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/vehicles/{id}", Handle).WithName("GetVehicle")
        .RequirePermission("vehicles.read")
        .Produces<VehicleSummary>().ProducesProblem(404);

    public static Task<VehicleSummary?> Answer(GetVehicle question, IServiceProvider services, CancellationToken ct) =>
        FindAsync(services.GetRequiredService<Database<FleetModule>>(), question.Vehicle, ct);

    private static async Task<IResult> Handle(VehicleId id, Database<FleetModule> database, CancellationToken ct) =>
        await FindAsync(database, id, ct) is { } vehicle ? TypedResults.Ok(vehicle) : NotFound.ToResult();

    private static async Task<VehicleSummary?> FindAsync(Database<FleetModule> database, VehicleId id, CancellationToken ct) =>
        (await database.QuerySingleOrDefaultAsync<VehicleTable.Row>($"SELECT {VehicleTable.Columns} FROM vehicles WHERE id = @Id", new { Id = id.Value }, ct))?.ToSummary();
}
