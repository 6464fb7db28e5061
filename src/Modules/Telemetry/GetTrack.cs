using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Telemetry;

/// <summary>The path of a vehicle in a time range, which is the path of a ride when the range is the ride's.</summary>
internal static class GetTrack
{
    public const int PointsMax = 5_000;
    public static readonly TimeSpan RangeMax = TimeSpan.FromHours(24);

    public sealed record PointView(
        DateTimeOffset At, long Sequence, GeoPoint Position, float? AccuracyMeters, float? HeadingDegrees, float? SpeedMetersPerSecond, short? StateOfChargePercent,
        bool? Locked, long? OdometerMeters, IReadOnlyList<string>? Zones);

    /// <param name="Next">Where to go on when there is more; null at the end.</param>
    public sealed record View(VehicleId Vehicle, IReadOnlyList<PointView> Points, DateTimeOffset? Next);

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/vehicles/{id}/track", Handle).WithName("GetTrack")
        .RequirePermission("fleet.read").Produces<View>().ProducesProblem(400);

    private static async Task<IResult> Handle(
        VehicleId id, DateTimeOffset from, DateTimeOffset to, Database<TelemetryModule> database, CancellationToken ct)
    {
        var fields = new Fields().Must(from < to, "to", "Send a time after from.").Must(to - from <= RangeMax, "to", $"Send at most {RangeMax.TotalHours:0} hours.");
        if (fields.Problem is { } problem)
            return problem.ToResult();
        var rows = await database.QueryAsync<Row>("""
            SELECT at, sequence, lat, lon, accuracy, heading, speed, charge, locked, odometer, zones FROM history
            WHERE vehicle = @vehicle AND at >= @from AND at < @to ORDER BY at, sequence LIMIT @limit
            """, new { vehicle = id.Value, from, to, limit = PointsMax + 1 }, ct);
        var points = rows.Take(PointsMax).Select(r => new PointView(
            r.At, r.Sequence, new GeoPoint(r.Lat, r.Lon), r.Accuracy, r.Heading, r.Speed, r.Charge, r.Locked, r.Odometer, r.Zones)).ToArray();
        return TypedResults.Ok(new View(id, points, rows.Count > PointsMax ? rows[PointsMax].At : null));
    }

    private sealed record Row
    {
        public required DateTimeOffset At { get; init; }
        public required long Sequence { get; init; }
        public required double Lat { get; init; }
        public required double Lon { get; init; }
        public float? Accuracy { get; init; }
        public float? Heading { get; init; }
        public float? Speed { get; init; }
        public short? Charge { get; init; }
        public bool? Locked { get; init; }
        public long? Odometer { get; init; }
        public string[]? Zones { get; init; }
    }
}
