using System.Text.Json;
using Mobility.Contracts;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Pricing;

/// <summary>Takes tariffs and opening rules from a city pack. A tariff that changed becomes a new version; what was quoted and booked keeps its own copy.</summary>
internal sealed class PricingPackLoader(CommandRunner<PricingModule> runner, CityPriceCache cache) : IPackLoader
{
    public string Section => "tariffs and opening rules";

    public async Task LoadAsync(CityPack pack, CancellationToken ct)
    {
        var work = runner.NewWork("pricing.pack");
        var city = pack.City.Id.Value;
        work.Execute("INSERT INTO cities (id, time_zone) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET time_zone = excluded.time_zone", city, pack.City.TimeZone);
        foreach (var tariff in pack.Tariffs)
            work.Execute("""
                INSERT INTO tariffs (city, id, version, valid_from, tariff)
                SELECT $1, $2, coalesce(max(version), 0) + 1, $4, $3 FROM tariffs WHERE city = $1 AND id = $2
                HAVING (SELECT tariff FROM tariffs WHERE city = $1 AND id = $2 ORDER BY version DESC LIMIT 1) IS DISTINCT FROM $3
                """, city, tariff.Id.Value, Json.Of(tariff), work.Now);
        foreach (var type in pack.VehicleTypes)
            work.Execute("""
                INSERT INTO vehicle_types (city, id, kind, default_tariff) VALUES ($1, $2, $3, $4)
                ON CONFLICT (city, id) DO UPDATE SET kind = excluded.kind, default_tariff = excluded.default_tariff
                """, city, type.Id.Value, Word(type.Kind), type.DefaultTariffId.Value);
        foreach (var rule in pack.OpeningRules)
            work.Execute("INSERT INTO opening_rules (city, kind, rule) VALUES ($1, $2, $3) ON CONFLICT (city, kind) DO UPDATE SET rule = excluded.rule",
                city, Word(rule.VehicleKind), Json.Of(rule));
        work.Schedule(work.Now + PurgeQuotes.Every, PurgeQuotes.Key, new PurgeQuotesDaily());
        var result = await work.CommitAsync(ct);
        if (result.Outcome != CommitOutcome.Committed)
            throw new InvalidOperationException($"Loading the tariffs ended as {result.Outcome}.");
        cache.Clear();
    }

    private static string Word(VehicleKind kind) => JsonNamingPolicy.SnakeCaseLower.ConvertName(kind.ToString());
}
