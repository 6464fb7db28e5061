using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Fleet;

/// <summary>Staff take a vehicle into the registry; it is not on the street before it is activated.</summary>
internal static class RegisterVehicle
{
    public const int PlateLengthMax = 20;

    public sealed record Body(CityId City, string Label, VehicleTypeId Type, GeoPoint Position, int StateOfChargePercent, string? Plate = null);

    public sealed record RegisteredView(VehicleId Id);

    public static Decision<VehicleEvent> Decide(Vehicle vehicle, VehicleRegistered registration) => vehicle.Phase == Phase.None
        ? Decision<VehicleEvent>.Accept(registration)
        : Decision<VehicleEvent>.Refuse(ProblemKind.Conflict, "fleet.already_registered", "The city has a vehicle of this label.");

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/fleet/vehicles", Handle).WithName("RegisterVehicle")
        .RequirePermission("fleet.manage")
        .Produces<RegisteredView>(201).ProducesProblem(400).ProducesProblem(409).ProducesProblem(422);

    private static async Task<IResult> Handle(
        Body body, HttpContext http, Caller caller, CommandRunner<FleetModule> runner, Database<FleetModule> database, CancellationToken ct)
    {
        var fields = new Fields()
            .Must(TextId.IsValid(body.Label), "label", "Send 1 to 64 characters of a-z, 0-9, '-', '_' and '.', first a letter or digit.")
            .Must(body.Plate is null || (body.Plate.Length <= PlateLengthMax && !body.Plate.Any(char.IsControl)), "plate", $"Send at most {PlateLengthMax} characters.")
            .Must(body.StateOfChargePercent is >= 0 and <= 100, "stateOfChargePercent", "Send 0 to 100.");
        if (fields.Problem is { } problem)
            return problem.ToResult();
        var type = await VehicleTypes.FindAsync(database, body.City, body.Type, ct);
        if (type is null)
            return Problem.Unprocessable("fleet.no_such_type", "The city has no such vehicle type.", "type").ToResult();
        return await runner.RunAsync(http, caller, async (work, token) =>
        {
            var id = VehicleId.Of(body.City, body.Label);
            var vehicle = (await work.LoadAsync(VehicleStream.Type, id.Value, token)).State;
            var decision = Decide(vehicle, new VehicleRegistered(id, body.City, body.Label, body.Plate, body.Type, type.Kind, type.Mode, type.MaxRangeMeters,
                type.MinimumStateOfChargePercent, body.Position, body.StateOfChargePercent, work.Now));
            if (decision.Problem is { } refused)
                return refused;
            await VehicleNews.AppendAsync(work, id, decision.Events, token);
            return Outcome.Created(new RegisteredView(id));
        }, ct);
    }
}
