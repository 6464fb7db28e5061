using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;

namespace Mobility.Fleet;

/// <summary>A crew picks a vehicle up and drops it elsewhere (MDS rebalance_pick_up and provider_drop_off), often with a fresh battery.</summary>
internal static class RelocateVehicle
{
    public sealed record Body(GeoPoint Position, int? StateOfChargePercent = null);

    public static Decision<VehicleEvent> Decide(Vehicle vehicle, Body to, DateTimeOffset now)
    {
        if (vehicle.Phase == Phase.None)
            return Decision<VehicleEvent>.Refuse(GetVehicleById.NotFound);
        if (vehicle.Phase != Phase.Active || vehicle.Occupant is not null)
            return Decision<VehicleEvent>.Refuse(VehicleMoves.IllegalTransition(vehicle, "relocate"));
        var steps = VehicleMoves.Decide(vehicle, Move.Relocate, null, null, now);
        return steps.Problem is null ? Decision<VehicleEvent>.Accept([.. steps.Events, new VehiclePlaced(to.Position, to.StateOfChargePercent, now)]) : steps;
    }

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/fleet/vehicles/{id}/relocate", Handle).WithName("RelocateVehicle")
        .RequirePermission("fleet.manage")
        .Produces<StaffMove.MovedView>().ProducesProblem(400).ProducesProblem(404).ProducesProblem(409);

    private static Task<IResult> Handle(VehicleId id, Body body, HttpContext http, Caller caller, CommandRunner<FleetModule> runner, CancellationToken ct)
    {
        var fields = new Fields().Must(body.StateOfChargePercent is null or (>= 0 and <= 100), "stateOfChargePercent", "Send 0 to 100.");
        return fields.Problem is { } problem
            ? Task.FromResult(problem.ToResult())
            : StaffMove.RunAsync(id, http, caller, runner, (vehicle, now) => Decide(vehicle, body, now), ct);
    }
}
