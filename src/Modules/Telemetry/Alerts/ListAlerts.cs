using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Telemetry.Alerts;

/// <summary>An operator reads what is or was wrong with vehicles, newest first.</summary>
internal static class ListAlerts
{
    public const int LimitMax = 200;

    public sealed record AlertView(long Id, VehicleId Vehicle, VehicleAlertKind Kind, DateTimeOffset RaisedAt, DateTimeOffset? ClearedAt, GeoPoint? Position);

    /// <param name="Alerts">Newest first.</param>
    /// <param name="Next">Send it as <c>before</c> for older ones; null at the end.</param>
    public sealed record View(IReadOnlyList<AlertView> Alerts, long? Next);

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/telemetry/alerts", Handle).WithName("ListAlerts")
        .RequirePermission("ops.read").Produces<View>().ProducesProblem(400);

    private static async Task<IResult> Handle(
        VehicleId? vehicle, VehicleAlertKind? kind, bool? open, long? before, int? limit, Database<TelemetryModule> database, CancellationToken ct)
    {
        if (new Fields().Must(limit is null or (>= 1 and <= LimitMax), "limit", $"Send 1 to {LimitMax}.").Problem is { } problem)
            return problem.ToResult();
        var take = limit ?? 50;
        // Only what is asked for stands in the statement: the index of open alerts, or that of vehicles, serves what is planned without the values.
        var rows = await database.QueryAsync<Row>($"""
            SELECT id, vehicle, kind, raised_at, cleared_at, lat, lon FROM alerts
            WHERE id < coalesce(@before, 9223372036854775807) AND (@kind::text IS NULL OR kind = @kind)
                {(vehicle is null ? "" : "AND vehicle = @vehicle")} {(open is true ? "AND cleared_at IS NULL" : "")}
            ORDER BY id DESC LIMIT @take
            """, new { before, vehicle = vehicle?.Value, kind = kind?.ToString(), take }, ct);
        return TypedResults.Ok(new View([.. rows.Select(r => r.ToView())], rows.Count == take ? rows[^1].Id : null));
    }

    private sealed record Row
    {
        public required long Id { get; init; }
        public required Guid Vehicle { get; init; }
        public required string Kind { get; init; }
        public required DateTimeOffset RaisedAt { get; init; }
        public DateTimeOffset? ClearedAt { get; init; }
        public double? Lat { get; init; }
        public double? Lon { get; init; }

        public AlertView ToView() => new(Id, new VehicleId(Vehicle), Enum.Parse<VehicleAlertKind>(Kind), RaisedAt, ClearedAt,
            Lat is { } lat && Lon is { } lon ? new GeoPoint(lat, lon) : null);
    }
}
