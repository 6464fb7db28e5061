using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Fleet;

/// <summary>The fleet as staff see it, in the order of the ids, page by page.</summary>
internal static class ListFleet
{
    public const int LimitMax = 200;
    public const int LimitDefault = 50;

    /// <param name="Vehicles">At most the limit.</param>
    /// <param name="NextCursor">Send it as cursor for the next page; absent on the last.</param>
    public sealed record FleetPage(IReadOnlyList<FleetVehicleView> Vehicles, VehicleId? NextCursor);

    public sealed record FleetVehicleView(
        VehicleId Id, string Label, string? Plate, CityId City, VehicleTypeId Type, VehicleKind Kind, VehicleMode Mode, Phase Phase, VehicleState State,
        GeoPoint Position, int StateOfChargePercent, int RangeMeters, long OdometerMeters, string? BatteryPack, bool Rentable)
    {
        public static FleetVehicleView Of(VehicleTable.Row row) => new(
            new VehicleId(row.Id), row.Label, row.Plate, new CityId(row.City), new VehicleTypeId(row.Type), Words<VehicleKind>.Parse(row.Kind),
            Words<VehicleMode>.Parse(row.Mode), Words<Phase>.Parse(row.Phase), Words<VehicleState>.Parse(row.State), new GeoPoint(row.Lat, row.Lon), row.Soc,
            row.RangeMeters, row.OdometerMeters, row.BatteryPack, row.Rentable);
    }

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/fleet/vehicles", Handle).WithName("ListFleet")
        .RequirePermission("fleet.read")
        .Produces<FleetPage>().ProducesProblem(400);

    private static async Task<IResult> Handle(string? city, string? state, VehicleId? cursor, int? limit, Database<FleetModule> database, CancellationToken ct)
    {
        CityId wantedCity = default;
        var fields = new Fields()
            .Must(city is null || TextId.TryParse(city, out wantedCity), "city", "Send the id of a city.")
            .Must(state is null || Words<VehicleState>.TryParse(state, out _), "state", $"Send one of: {Words<VehicleState>.All}.")
            .Must(limit is null or (>= 1 and <= LimitMax), "limit", $"Send 1 to {LimitMax}.");
        if (fields.Problem is { } problem)
            return problem.ToResult();
        var take = limit ?? LimitDefault;
        var rows = await database.QueryAsync<VehicleTable.Row>($"""
            SELECT {VehicleTable.Columns} FROM vehicles
            WHERE {(city is null ? "" : "city = @City AND")} (@State::text IS NULL OR state = @State) AND id > coalesce(@After::uuid, '00000000-0000-0000-0000-000000000000')
            ORDER BY id LIMIT @Take
            """, new { City = city, State = state, After = cursor?.Value, Take = take + 1 }, ct);
        return TypedResults.Ok(new FleetPage(
            [.. rows.Take(take).Select(FleetVehicleView.Of)], rows.Count > take ? new VehicleId(rows[take - 1].Id) : null));
    }
}
