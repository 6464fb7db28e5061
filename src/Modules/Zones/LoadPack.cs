using System.Text.Json;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Zones;

/// <summary>Takes the city, its zones and its bays of a pack. What changed gets a new version; what is gone ends; what is the same stays untouched.</summary>
internal sealed class LoadPack(CommandRunner<ZonesModule> commands) : IPackLoader
{
    public string Section => "zones and bays";

    public async Task LoadAsync(CityPack pack, CancellationToken ct)
    {
        var work = commands.NewWork("pack-loader");
        var city = pack.City;
        work.Serialize($"zones.load_pack {city.Id}"); // two processes that load the same pack at once do it one after the other
        work.Execute(UpsertCity, city.Id.Value, city.Name, city.TimeZone, city.Currency.Code, city.Language,
            city.Center.LatitudeDegrees, city.Center.LongitudeDegrees, city.VatBasisPoints, Stored(pack.GlobalRules));
        var zones = Stored(pack.Zones.Select((zone, index) => new ZoneRow(
            zone.Id.Value, index, zone.Name, zone.Kind, zone.Area.ToCoordinates(), zone.Rules)));
        work.Execute(EndZones, city.Id.Value, work.Now, zones);
        work.Execute(BeginZones, city.Id.Value, work.Now, zones);
        var bays = Stored(pack.Bays.Select(bay => new BayRow(bay.Id.Value, bay.Name, bay.Kind, bay.Position.LatitudeDegrees, bay.Position.LongitudeDegrees,
            GridCell.Of(bay.Position).Key, bay.Capacity, bay.VehicleKinds)));
        work.Execute(EndBays, city.Id.Value, work.Now, bays);
        work.Execute(BeginBays, city.Id.Value, work.Now, bays);
        work.Execute(Revise, city.Id.Value);
        var result = await work.CommitAsync(ct);
        if (result.Outcome != CommitOutcome.Committed)
            throw new InvalidOperationException($"The zones of {city.Id} were not stored: {result.Outcome}.");
    }

    private static Json Stored<T>(T value) => new(JsonSerializer.Serialize(value, RowJson));

    // Members become columns, so they are named like columns.
    internal static readonly JsonSerializerOptions RowJson = new(MobilityJson.Stored) { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private sealed record ZoneRow(
        string Id, int Precedence, string Name, ZoneKind Kind, IReadOnlyList<IReadOnlyList<IReadOnlyList<IReadOnlyList<double>>>> Area,
        IReadOnlyList<ZoneRule> Rules);

    private sealed record BayRow(
        string Id, string Name, BayKind Kind, double Lat, double Lon, long Cell, int Capacity, IReadOnlyList<VehicleKind> VehicleKinds);

    private const string UpsertCity = """
        INSERT INTO cities (id, version, name, time_zone, currency, language, center_lat, center_lon, vat_basis_points, global_rules, revision)
        VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8, $9, 0)
        ON CONFLICT (id) DO UPDATE SET version = cities.version + 1, name = excluded.name, time_zone = excluded.time_zone, currency = excluded.currency,
            language = excluded.language, center_lat = excluded.center_lat, center_lon = excluded.center_lon,
            vat_basis_points = excluded.vat_basis_points, global_rules = excluded.global_rules
        WHERE (cities.name, cities.time_zone, cities.currency, cities.language, cities.center_lat, cities.center_lon, cities.vat_basis_points,
                cities.global_rules)
            IS DISTINCT FROM (excluded.name, excluded.time_zone, excluded.currency, excluded.language, excluded.center_lat, excluded.center_lon,
                excluded.vat_basis_points, excluded.global_rules)
        """;

    private const string EndZones = """
        UPDATE zones z SET valid_until = $2
        WHERE z.city = $1 AND z.valid_until IS NULL AND NOT EXISTS (
            SELECT 1 FROM jsonb_to_recordset($3::jsonb) AS p (id text, precedence integer, name text, kind text, area jsonb, rules jsonb)
            WHERE p.id = z.id
              AND (p.precedence, p.name, p.kind, p.area, p.rules) IS NOT DISTINCT FROM (z.precedence, z.name, z.kind, z.area, z.rules))
        """;

    private const string BeginZones = """
        INSERT INTO zones (city, id, version, precedence, name, kind, area, rules, valid_from)
        SELECT $1, p.id, 1 + coalesce((SELECT max(v.version) FROM zones v WHERE v.city = $1 AND v.id = p.id), 0),
            p.precedence, p.name, p.kind, p.area, p.rules, $2
        FROM jsonb_to_recordset($3::jsonb) AS p (id text, precedence integer, name text, kind text, area jsonb, rules jsonb)
        WHERE NOT EXISTS (SELECT 1 FROM zones z WHERE z.city = $1 AND z.id = p.id AND z.valid_until IS NULL)
        """;

    private const string EndBays = """
        UPDATE bays b SET valid_until = $2
        WHERE b.city = $1 AND b.valid_until IS NULL AND NOT EXISTS (
            SELECT 1 FROM jsonb_to_recordset($3::jsonb) AS p
                (id text, name text, kind text, lat double precision, lon double precision, cell bigint, capacity integer, vehicle_kinds jsonb)
            WHERE p.id = b.id AND (p.name, p.kind, p.lat, p.lon, p.cell, p.capacity, p.vehicle_kinds)
                IS NOT DISTINCT FROM (b.name, b.kind, b.lat, b.lon, b.cell, b.capacity, b.vehicle_kinds))
        """;

    private const string BeginBays = """
        INSERT INTO bays (city, id, version, name, kind, lat, lon, cell, capacity, vehicle_kinds, valid_from)
        SELECT $1, p.id, 1 + coalesce((SELECT max(v.version) FROM bays v WHERE v.city = $1 AND v.id = p.id), 0),
            p.name, p.kind, p.lat, p.lon, p.cell, p.capacity, p.vehicle_kinds, $2
        FROM jsonb_to_recordset($3::jsonb) AS p
            (id text, name text, kind text, lat double precision, lon double precision, cell bigint, capacity integer, vehicle_kinds jsonb)
        WHERE NOT EXISTS (SELECT 1 FROM bays b WHERE b.city = $1 AND b.id = p.id AND b.valid_until IS NULL)
        """;

    // Versions are only ever added and ended, so their count is a revision that stands still when nothing changed.
    private const string Revise = """
        UPDATE cities c SET revision = c.version
            + (SELECT count(*) + count(z.valid_until) FROM zones z WHERE z.city = $1)
            + (SELECT count(*) + count(b.valid_until) FROM bays b WHERE b.city = $1)
        WHERE c.id = $1
        """;
}
