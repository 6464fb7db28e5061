using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform.Events;

namespace Mobility.Fleet;

/// <summary>
/// Vehicles that a rider may take now, nearest first, from the database as it is: for a module that decides by the answer. Riders look around in the live
/// fleet (Telemetry, <c>GET /v1/vehicles/nearby</c>), which follows a moment behind.
/// </summary>
internal static class FindNearbyVehicles
{
    public const int RadiusMetersMax = 5_000;
    public const int LimitMax = 50;

    /// <summary>Most searches find enough next door; only the others look at the hundreds of cells of the whole circle.</summary>
    private const int FirstRadiusMeters = 400;

    /// <summary>Answers.</summary>
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
