using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Zones;

/// <summary>Bays of a city around a place, nearest first.</summary>
internal static class FindBays
{
    public const int RadiusMetersDefault = 1_000;
    public const int ListedMax = 200;
    private const int CandidatesMax = 20_000;

    public sealed record BayView(
        BayId Id, string Name, BayKind Kind, GeoPoint Position, int Capacity, IReadOnlyList<VehicleKind> VehicleKinds, int DistanceMeters);

    public sealed record Reply(IReadOnlyList<BayView> Bays);

    public static void Map(IEndpointRouteBuilder app) =>
        app.MapGet("/v1/cities/{city}/bays", Handle).WithName("FindBays").OpenToAll()
            .Produces<Reply>().ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<IResult> Handle(
        string city, double lat, double lon, Database<ZonesModule> database, CityMaps maps, CancellationToken ct, double radius = RadiusMetersDefault)
    {
        if (!GeoPoint.TryCreate(lat, lon, out var center))
            return ZonesProblems.InvalidPosition.ToResult();
        if (!(radius is > 0 and <= GridCell.RadiusMetersMax))
            return Problem.Invalid("zones.invalid_radius", $"Send a radius of more than 0 and at most {GridCell.RadiusMetersMax} meters.", "radius").ToResult();
        if (await maps.FindAsync(city, ct) is null)
            return ZonesProblems.UnknownCity.ToResult();
        return TypedResults.Ok(new Reply([.. (await NearAsync(database, city, center, radius, ct)).Take(ListedMax)]));
    }

    /// <summary>Nearest first.</summary>
    public static async Task<IEnumerable<BayView>> NearAsync(Database<ZonesModule> database, string city, GeoPoint center, double radius, CancellationToken ct)
    {
        var rows = await database.QueryAsync<Row>(Select, new { city, cells = GridCell.KeysAround(center, radius), limit = CandidatesMax }, ct);
        return rows
            .Select(row => (Row: row, Distance: center.DistanceMetersTo(new GeoPoint(row.Lat, row.Lon))))
            .Where(near => near.Distance <= radius)
            .OrderBy(near => near.Distance).ThenBy(near => near.Row.Id, StringComparer.Ordinal)
            .Select(near => ToView(near.Row, near.Distance));
    }

    private static BayView ToView(Row row, double distance) => new(
        new BayId(row.Id), row.Name, Read<BayKind>($"\"{row.Kind}\""), new GeoPoint(row.Lat, row.Lon), row.Capacity,
        Read<IReadOnlyList<VehicleKind>>(row.VehicleKinds), (int)Math.Round(distance));

    private static T Read<T>(string json) => JsonSerializer.Deserialize<T>(json, MobilityJson.Stored)!;

    private sealed record Row(string Id, string Name, string Kind, double Lat, double Lon, int Capacity, string VehicleKinds);

    private const string Select = """
        SELECT id, name, kind, lat, lon, capacity, vehicle_kinds FROM bays
        WHERE city = @city AND cell = ANY (@cells) AND valid_until IS NULL ORDER BY id LIMIT @limit
        """;
}
