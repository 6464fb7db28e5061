using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;

namespace Mobility.Fleet;

/// <summary>A crew fits a battery pack.</summary>
internal static class InstallBattery
{
    public sealed record Body(string Pack, int StateOfChargePercent);

    public static Decision<VehicleEvent> Decide(Vehicle vehicle, Body battery, DateTimeOffset now)
    {
        if (vehicle.Phase == Phase.None)
            return Decision<VehicleEvent>.Refuse(GetVehicleById.NotFound);
        return vehicle.Phase == Phase.Retired || vehicle.State is VehicleState.Reserved or VehicleState.OnTrip or VehicleState.Stopped
            ? Decision<VehicleEvent>.Refuse(VehicleMoves.IllegalTransition(vehicle, "battery"))
            : Decision<VehicleEvent>.Accept(new BatteryInstalled(battery.Pack, battery.StateOfChargePercent, now));
    }

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/fleet/vehicles/{id}/battery", Handle).WithName("InstallBattery")
        .RequirePermission("fleet.manage")
        .Produces<StaffMove.MovedView>().ProducesProblem(400).ProducesProblem(404).ProducesProblem(409);

    private static Task<IResult> Handle(VehicleId id, Body body, HttpContext http, Caller caller, CommandRunner<FleetModule> runner, CancellationToken ct)
    {
        var fields = new Fields()
            .Must(TextId.IsValid(body.Pack), "pack", "Send 1 to 64 characters of a-z, 0-9, '-', '_' and '.', first a letter or digit.")
            .Must(body.StateOfChargePercent is >= 0 and <= 100, "stateOfChargePercent", "Send 0 to 100.");
        return fields.Problem is { } problem
            ? Task.FromResult(problem.ToResult())
            : StaffMove.RunAsync(id, http, caller, runner, (vehicle, now) => Decide(vehicle, body, now), ct);
    }
}
