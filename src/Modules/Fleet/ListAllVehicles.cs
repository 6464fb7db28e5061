using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform.Events;

namespace Mobility.Fleet;

/// <summary>Answers a process that keeps all vehicles in memory and begins.</summary>
internal static class ListAllVehicles
{
    public const int LimitMax = 2_000;

    public static async Task<IReadOnlyList<VehicleNow>> Answer(ListVehiclesNow question, IServiceProvider services, CancellationToken ct)
    {
        var rows = await services.GetRequiredService<Database<FleetModule>>().QueryAsync<Row>(Sql,
            new { After = question.After?.Value ?? Guid.Empty, Limit = Math.Clamp(question.Limit, 1, LimitMax) }, ct);
        return [.. rows.Select(row => new VehicleNow(
            new VehicleId(row.Id), row.Label, new CityId(row.City), new VehicleTypeId(row.Type), Words<VehicleKind>.Parse(row.Kind),
            Words<VehicleState>.Parse(row.State), VehicleNews.IsOffered(Words<Phase>.Parse(row.Phase), Words<VehicleState>.Parse(row.State), row.Disabled), row.Version,
            new GeoPoint(row.Lat, row.Lon), row.Soc, new DateTimeOffset(row.MeasuredAt), row.MaxRangeMeters, row.MinSoc))];
    }

    private sealed record Row(
        Guid Id, string Label, string City, string Type, string Kind, string Phase, string State, bool Disabled, int Version, double Lat, double Lon, int Soc, DateTime MeasuredAt,
        int MaxRangeMeters, int MinSoc);

    private const string Sql = """
        SELECT id, label, city, type, kind, phase, state, desired_disabled OR reported_disabled AS disabled, (SELECT max(version) FROM events WHERE stream_id = v.id) AS version, lat, lon, soc, measured_at,
            max_range_meters, min_soc
        FROM vehicles v WHERE id > @After ORDER BY id LIMIT @Limit
        """;
}
