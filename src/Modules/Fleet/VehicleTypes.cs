using Mobility.Contracts;
using Mobility.Platform.Events;

namespace Mobility.Fleet;

/// <summary>The vehicle types of the cities, as their packs say.</summary>
internal static class VehicleTypes
{
    public sealed record Known(VehicleKind Kind, VehicleMode Mode, int MaxRangeMeters, int MinimumStateOfChargePercent);

    private sealed record Row(string Kind, string Mode, int MaxRangeMeters, int MinSoc);

    public static async Task<Known?> FindAsync(Database<FleetModule> database, CityId city, VehicleTypeId type, CancellationToken ct) =>
        await database.QuerySingleOrDefaultAsync<Row>(
            "SELECT kind, mode, max_range_meters, min_soc FROM vehicle_types WHERE city = @City AND id = @Type", new { City = city.Value, Type = type.Value }, ct) is { } row
            ? new Known(Words<VehicleKind>.Parse(row.Kind), Words<VehicleMode>.Parse(row.Mode), row.MaxRangeMeters, row.MinSoc)
            : null;

    public static void Store(Work work, CityId city, VehicleType type) => work.Execute("""
        INSERT INTO vehicle_types (city, id, name, kind, mode, max_range_meters, min_soc) VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (city, id) DO UPDATE SET name = excluded.name, kind = excluded.kind, mode = excluded.mode, max_range_meters = excluded.max_range_meters,
            min_soc = excluded.min_soc
        """, city.Value, type.Id.Value, type.Name, Words<VehicleKind>.Of(type.Kind), Words<VehicleMode>.Of(type.Mode), type.MaxRangeMeters,
        type.MinimumStateOfChargePercent);
}
