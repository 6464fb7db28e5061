using System.Collections.Concurrent;
using System.Text.Json;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Events;

namespace Mobility.Pricing;

/// <summary>Everything that an offer in a city needs, as it is in force.</summary>
internal sealed record CityPrices(
    CityId City, TimeZoneInfo TimeZone, IReadOnlyDictionary<VehicleTypeId, TariffId> DefaultTariffs, IReadOnlyDictionary<TariffId, Tariff> Tariffs,
    IReadOnlyDictionary<VehicleKind, OpeningRule> OpeningRules)
{
    /// <summary>The tariff of a vehicle type; null when the city has none for it.</summary>
    public Tariff? TariffFor(VehicleTypeId type) => DefaultTariffs.TryGetValue(type, out var id) ? Tariffs.GetValueOrDefault(id) : null;

    /// <summary>Whether rides of a kind may start at an instant, by the city's clock.</summary>
    public bool IsOpenAt(VehicleKind kind, DateTimeOffset at) =>
        OpeningRules.TryGetValue(kind, out var rule) && rule.IsOpenAt(TimeZoneInfo.ConvertTime(at, TimeZone).DateTime);
}

/// <summary>Keeps each city's prices in memory for a short while: every quote needs them and they change by loading a pack only.</summary>
internal sealed class CityPriceCache(Database<PricingModule> database, TimeProvider clock)
{
    /// <summary>How long another process may still quote by the pack before.</summary>
    public static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(30);

    private const int CitiesMax = 1_000;
    private const int RowsMax = 10_000;
    private readonly ConcurrentDictionary<CityId, (CityPrices Prices, long LoadedAt)> _cities = new();

    /// <summary>The city's prices; null when no pack of it was loaded.</summary>
    public async Task<CityPrices?> GetAsync(CityId city, CancellationToken ct)
    {
        if (_cities.TryGetValue(city, out var known) && clock.GetElapsedTime(known.LoadedAt) < KeptFor)
            return known.Prices;
        var loadedAt = clock.GetTimestamp();
        if (await LoadAsync(city, ct) is not { } prices)
            return null;
        if (_cities.Count >= CitiesMax)
            _cities.Clear();
        _cities[city] = (prices, loadedAt);
        return prices;
    }

    /// <summary>Forgets what it knows.</summary>
    public void Clear() => _cities.Clear();

    private async Task<CityPrices?> LoadAsync(CityId city, CancellationToken ct)
    {
        var key = new { City = city.Value, RowsMax };
        if (await database.QuerySingleOrDefaultAsync<string>("SELECT time_zone FROM cities WHERE id = @City", key, ct) is not { } timeZone)
            return null;
        var types = await database.QueryAsync<TypeRow>("SELECT id, default_tariff FROM vehicle_types WHERE city = @City ORDER BY id LIMIT @RowsMax", key, ct);
        var rules = await database.QueryAsync<string>("SELECT rule::text FROM opening_rules WHERE city = @City ORDER BY kind LIMIT @RowsMax", key, ct);
        var tariffs = await database.QueryAsync<string>(
            "SELECT DISTINCT ON (id) tariff::text FROM tariffs WHERE city = @City ORDER BY id, version DESC LIMIT @RowsMax", key, ct);
        return new CityPrices(city, TimeZoneInfo.FindSystemTimeZoneById(timeZone),
            types.ToDictionary(row => new VehicleTypeId(row.Id), row => new TariffId(row.DefaultTariff)),
            tariffs.Select(Read<Tariff>).ToDictionary(tariff => tariff.Id),
            rules.Select(Read<OpeningRule>).ToDictionary(rule => rule.VehicleKind));
    }

    private static T Read<T>(string json) => JsonSerializer.Deserialize<T>(json, MobilityJson.Stored)!;

    private sealed record TypeRow(string Id, string DefaultTariff);
}
