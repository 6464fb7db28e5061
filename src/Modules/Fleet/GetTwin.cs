using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Fleet;

/// <summary>Staff see what we want of a vehicle, what it says it is, and where the two differ.</summary>
internal static class GetTwin
{
    public sealed record DesiredView(bool Disabled, int? SpeedLimitKph);

    /// <param name="Disabled">Whether it opens for nobody.</param>
    /// <param name="SpeedLimitKph">The limit that it was told; absent when there is none.</param>
    /// <param name="AgentVersion">Of the program on its board.</param>
    /// <param name="FirmwareVersion">Of the image that it was last updated with.</param>
    /// <param name="MeasuredAt">By the vehicle's own clock.</param>
    public sealed record ReportedView(bool Disabled, int? SpeedLimitKph, string? AgentVersion, long? FirmwareVersion, DateTimeOffset MeasuredAt);

    /// <summary>Position, charge and distance as Fleet was told last.</summary>
    public sealed record LastView(GeoPoint Position, int StateOfChargePercent, long OdometerMeters, DateTimeOffset MeasuredAt);

    /// <param name="Command">The command that goes out when it is allowed.</param>
    /// <param name="Stage">What it waits for.</param>
    /// <param name="Until">It lapses then.</param>
    public sealed record DisablingView(VehicleCommandId Command, DisableStage Stage, DateTimeOffset Until);

    /// <param name="Vehicle">The vehicle.</param>
    /// <param name="Desired">What we want.</param>
    /// <param name="Reported">What it said last; absent before the first time.</param>
    /// <param name="Differs">Names of what differs.</param>
    /// <param name="Last">Values of its last report.</param>
    /// <param name="Disabling">A request to disable it that waits.</param>
    /// <param name="Pending">Commands that wait for its answer.</param>
    public sealed record TwinView(
        VehicleId Vehicle, DesiredView Desired, ReportedView? Reported, IReadOnlyList<string> Differs, LastView Last, DisablingView? Disabling,
        IReadOnlyList<VehicleCommandId> Pending);

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/fleet/vehicles/{id}/twin", Handle).WithName("GetTwin")
        .RequirePermission("fleet.read")
        .Produces<TwinView>().ProducesProblem(404);

    private static async Task<IResult> Handle(VehicleId id, Database<FleetModule> database, CancellationToken ct)
    {
        var (vehicle, version) = await EventStreams.LoadAsync(database, VehicleStream.Type, id.Value, ct);
        return version == 0 ? GetVehicleById.NotFound.ToResult() : TypedResults.Ok(Of(id, vehicle));
    }

    private static TwinView Of(VehicleId id, Vehicle vehicle) => new(
        id,
        new DesiredView(vehicle.Desired.IsDisabled, vehicle.Desired.SpeedLimitKph),
        vehicle.Reported is { } said ? new ReportedView(said.IsDisabled, said.SpeedLimitKph, said.AgentVersion, said.FirmwareVersion, said.MeasuredAt) : null,
        TwinRules.Differences(vehicle.Desired, vehicle.Reported),
        new LastView(vehicle.Position, vehicle.StateOfChargePercent, vehicle.OdometerMeters, vehicle.MeasuredAt),
        vehicle.Disabling is { } waits ? new DisablingView(waits.Command, waits.Stage, waits.Until) : null,
        [.. vehicle.Pending().Select(command => command.Id)]);
}
