using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Fleet;

/// <summary>Vehicles that a rider may take now, nearest first (requirement BKG-1).</summary>
internal static class FindNearbyVehicles
{
    public const int RadiusMetersMax = 5_000;
    public const int RadiusMetersDefault = 1_000;
    public const int LimitMax = 50;
    public const int LimitDefault = 20;

    /// <summary>Most searches find enough next door; only the others look at the hundreds of cells of the whole circle.</summary>
    private const int FirstRadiusMeters = 400;

    public sealed record NearbyView(IReadOnlyList<NearbyVehicle> Vehicles);

    public sealed record NearbyVehicle(
        VehicleId Id, string Label, CityId City, VehicleTypeId Type, VehicleKind Kind, GeoPoint Position, int StateOfChargePercent, int RangeMeters, int DistanceMeters);

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/vehicles/nearby", Handle).WithName("FindNearbyVehicles")
        .RequirePermission("vehicles.read").LimitPerMinute("nearby", 120)
        .Produces<NearbyView>().ProducesProblem(400);

    private static async Task<IResult> Handle(
        double? lat, double? lon, int? radius, string? kind, int? minStateOfCharge, int? limit, Database<FleetModule> database, CancellationToken ct)
    {
        if (lat is null || lon is null)
            return (Problem.Invalid("fleet.location_required", "Say where: lat and lon. GET /v1/cities lists the cities.", lat is null ? "lat" : "lon") with
            {
                Extensions = new Dictionary<string, object?> { ["cities"] = "/v1/cities" },
            }).ToResult();
        var placed = GeoPoint.TryCreate(lat.Value, lon.Value, out var center);
        VehicleKind wanted = default;
        var fields = new Fields()
            .Must(placed, "lat", "lat is -90 to 90 and lon -180 to 180.")
            .Must(radius is null or (>= 1 and <= RadiusMetersMax), "radius", $"Send 1 to {RadiusMetersMax} meters.")
            .Must(kind is null || Words<VehicleKind>.TryParse(kind, out wanted), "kind", $"Send one of: {Words<VehicleKind>.All}.")
            .Must(minStateOfCharge is null or (>= 0 and <= 100), "minStateOfCharge", "Send 0 to 100.")
            .Must(limit is null or (>= 1 and <= LimitMax), "limit", $"Send 1 to {LimitMax}.");
        if (fields.Problem is { } problem)
            return problem.ToResult();
        var found = await FindAsync(database, center, radius ?? RadiusMetersDefault, kind is null ? null : wanted, minStateOfCharge ?? 0, limit ?? LimitDefault, ct);
        return TypedResults.Ok(new NearbyView([.. found.Select(v => new NearbyVehicle(
            v.Id, v.Label, v.City, v.Type, v.Kind, v.Position, v.StateOfChargePercent, v.RangeMeters, (int)Math.Round(v.Position.DistanceMetersTo(center))))]));
    }

    /// <summary>The same for other modules.</summary>
    public static Task<IReadOnlyList<VehicleSummary>> Answer(FindRentable question, IServiceProvider services, CancellationToken ct) => FindAsync(
        services.GetRequiredService<Database<FleetModule>>(), question.Position, Math.Clamp(question.RadiusMeters, 1, RadiusMetersMax), question.Kind, 0,
        Math.Clamp(question.Limit, 1, LimitMax), ct);

    private static async Task<IReadOnlyList<VehicleSummary>> FindAsync(
        Database<FleetModule> database, GeoPoint center, int radiusMeters, VehicleKind? kind, int minStateOfCharge, int limit, CancellationToken ct)
    {
        if (radiusMeters > FirstRadiusMeters)
        {
            var near = await FindWithinAsync(database, center, FirstRadiusMeters, kind, minStateOfCharge, limit, ct);
            if (near.Count == limit)
                return near;
        }
        return await FindWithinAsync(database, center, radiusMeters, kind, minStateOfCharge, limit, ct);
    }

    private static async Task<IReadOnlyList<VehicleSummary>> FindWithinAsync(
        Database<FleetModule> database, GeoPoint center, int radiusMeters, VehicleKind? kind, int minStateOfCharge, int limit, CancellationToken ct)
    {
        var rows = await database.QueryAsync<VehicleTable.Row>(Sql, new
        {
            Cells = GridCell.KeysAround(center, radiusMeters),
            Kind = kind is { } wanted ? Words<VehicleKind>.Of(wanted) : null,
            MinSoc = minStateOfCharge,
            Lat = center.LatitudeDegrees,
            Lon = center.LongitudeDegrees,
            Shrink = Math.Cos(double.DegreesToRadians(center.LatitudeDegrees)),
            Limit = limit,
        }, ct);
        return [.. rows.Select(row => row.ToSummary()).Where(v => v.Position.DistanceMetersTo(center) <= radiusMeters)
            .OrderBy(v => v.Position.DistanceMetersTo(center)).ThenBy(v => v.Id.Value)];
    }

    /// <summary>On the few kilometers of a search the plane is near enough to the sphere to choose the nearest; the distances that are shown are those on the sphere.</summary>
    private const string Sql = $"""
        SELECT {VehicleTable.Columns} FROM vehicles
        WHERE rentable AND cell = ANY(@Cells) AND (@Kind::text IS NULL OR kind = @Kind) AND soc >= @MinSoc
        ORDER BY (lat - @Lat) ^ 2 + (least(abs(lon - @Lon), 360 - abs(lon - @Lon)) * @Shrink) ^ 2, id LIMIT @Limit
        """;
}
