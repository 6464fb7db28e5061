using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Host;
using Mobility.Host.Packs;
using Mobility.Platform;
using Mobility.Tests.Packs;
using Mobility.Tests.Support;
using Mobility.Zones;
using Npgsql;

namespace Mobility.Tests.Zones;

/// <summary>The Zones module alone, on a database of its own, with the small pack.</summary>
public sealed class ZonesTests : IAsyncLifetime
{
    private readonly TestClock _clock = new();
    private readonly CityPack _tiny = CityPackReader.Read(PackFolder.Tiny).Pack!;
    private string _connectionString = "";
    private MobilityApp _app = null!;
    private HttpClient Http { get; set; } = null!;

    public async Task InitializeAsync()
    {
        _connectionString = await TestPostgres.CreateDatabaseAsync(null);
        _app = MobilityApp.Create(new MobilityAppOptions { ConnectionString = _connectionString, AllModules = [new ZonesModule()], Clock = _clock });
        await _app.MigrateAsync(CancellationToken.None);
        await _app.LoadPackAsync(_tiny, CancellationToken.None);
        await _app.StartAsync(CancellationToken.None);
        Http = new HttpClient { BaseAddress = new Uri(_app.Address) };
    }

    public async Task DisposeAsync()
    {
        Http.Dispose();
        await _app.DisposeAsync();
    }

    [Fact, Trait("Req", "BKG-1")]
    public async Task Without_a_location_there_is_the_list_of_cities()
    {
        var cities = (await GetAsync("/v1/cities")).GetProperty("cities");
        cities.GetArrayLength().ShouldBe(1);
        cities[0].ToString().ShouldBe("""
            {"id":"tiny","name":"Tiny","timeZone":"Europe/Berlin","currency":"EUR","language":"en","center":{"lat":50,"lon":10},"vatBasisPoints":1900}
            """.Trim());
        (await GetAsync("/v1/cities/tiny")).ToString().ShouldBe(cities[0].ToString());
    }

    [Fact, Trait("Req", "GEO-1")]
    public async Task The_zones_of_a_city_are_geojson_in_order_of_precedence()
    {
        using var reply = await Http.GetAsync("/v1/cities/tiny/zones");
        reply.Content.Headers.ContentType!.MediaType.ShouldBe("application/geo+json");
        var zones = await reply.Content.ReadFromJsonAsync<JsonElement>();
        zones.GetProperty("type").GetString().ShouldBe("FeatureCollection");
        zones.GetProperty("globalRules")[0].GetProperty("rideStartAllowed").GetBoolean().ShouldBeFalse();
        var features = zones.GetProperty("features").EnumerateArray().ToList();
        features.Select(feature => feature.GetProperty("id").GetString()).ShouldBe(["park", "town"]);
        features[0].GetProperty("properties").GetProperty("kind").GetString().ShouldBe("restricted");
        features[0].GetProperty("geometry").ToString().ShouldBe(
            """{"type":"MultiPolygon","coordinates":[[[[10.002,50.002],[10.004,50.002],[10.004,50.004],[10.002,50.004],[10.002,50.002]]]]}""");
        features[1].GetProperty("properties").GetProperty("rules")[0].GetProperty("maximumSpeedKph").GetInt32().ShouldBe(20);
    }

    [Fact]
    public async Task Bays_come_nearest_first_within_the_radius()
    {
        var all = await GetAsync("/v1/cities/tiny/bays?lat=50.004&lon=10&radius=5000");
        all.GetProperty("bays").EnumerateArray().Select(bay => bay.GetProperty("id").GetString()).ShouldBe(["north", "depot"]);
        var near = (await GetAsync("/v1/cities/tiny/bays?lat=50.004&lon=10&radius=150")).GetProperty("bays");
        near.GetArrayLength().ShouldBe(1);
        near[0].ToString().ShouldBe("""
            {"id":"north","name":"North Gate","kind":"parking","position":{"lat":50.005,"lon":10},"capacity":6,"vehicleKinds":["scooter"],"distanceMeters":111}
            """.Trim());
    }

    [Theory, Trait("Req", "GEO-1")]
    [InlineData("lat=50.003&lon=10.003&vehicleType=scooter", "tiny", "park,town", false, 20)]
    [InlineData("lat=50&lon=10&vehicleType=scooter", "tiny", "town", true, 20)]
    [InlineData("lat=50&lon=10&vehicleType=van", "tiny", "town", true, null)]
    [InlineData("lat=50.01&lon=10.01&vehicleType=van", "tiny", "town", true, null)] // the boundary belongs to the zone
    [InlineData("lat=50.1&lon=10&vehicleType=van", "tiny", "", false, null)] // around the city its global rules hold
    public async Task The_rules_at_a_place_are_those_of_its_zones(string query, string city, string zones, bool start, int? speed)
    {
        var reply = await GetAsync($"/v1/zones/at?{query}");
        reply.GetProperty("city").GetString().ShouldBe(city);
        string.Join(',', reply.GetProperty("zones").EnumerateArray().Select(zone => zone.GetProperty("id").GetString())).ShouldBe(zones);
        reply.GetProperty("rule").GetProperty("rideStartAllowed").GetBoolean().ShouldBe(start);
        (reply.GetProperty("rule").TryGetProperty("maximumSpeedKph", out var limit) ? limit.GetInt32() : (int?)null).ShouldBe(speed);
    }

    [Fact]
    public async Task Far_from_every_city_there_are_no_rules()
    {
        var reply = await GetAsync("/v1/zones/at?lat=0&lon=0");
        reply.TryGetProperty("city", out _).ShouldBeFalse();
        reply.GetProperty("zones").GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task Other_modules_get_the_same_ruling()
    {
        var ask = _app.Web.Services.GetRequiredService<IAsk>();
        var ruling = await ask.AskAsync(new GetZoneRule(new CityId("tiny"), new GeoPoint(50.003, 10.003), new VehicleTypeId("van")), CancellationToken.None);
        ruling.Zones.Select(zone => zone.Value).ShouldBe(["park", "town"]);
        ruling.Rule!.RideEndAllowed.ShouldBeFalse();
        ruling.Rule.StationParking.ShouldBe(true);
        var nowhere = await ask.AskAsync(new GetZoneRule(new CityId("atlantis"), default, new VehicleTypeId("van")), CancellationToken.None);
        nowhere.Rule.ShouldBeNull();
    }

    [Fact]
    public async Task Loading_a_pack_again_changes_nothing()
    {
        var before = await DumpAsync();
        _clock.Advance(TimeSpan.FromHours(1));
        await _app.LoadPackAsync(_tiny, CancellationToken.None);
        (await DumpAsync()).ShouldBe(before);
    }

    [Fact, Trait("Req", "GEO-1")]
    public async Task A_changed_zone_gets_a_new_version_and_is_served_at_once()
    {
        await GetAsync("/v1/zones/at?lat=50.003&lon=10.003");
        _clock.Advance(TimeSpan.FromHours(1));
        var changed = _tiny with
        {
            Zones = [_tiny.Zones[0] with { Rules = [_tiny.Zones[0].Rules[0] with { RideThroughAllowed = true }] }, _tiny.Zones[1]],
            Bays = [_tiny.Bays[0]],
        };
        await _app.LoadPackAsync(changed, CancellationToken.None);

        var zone = (await GetAsync("/v1/zones/at?lat=50.003&lon=10.003")).GetProperty("zones")[0];
        zone.GetProperty("rules")[0].GetProperty("rideThroughAllowed").GetBoolean().ShouldBeTrue();
        (await RowsAsync("SELECT id || ' ' || version || ' ' || (valid_until IS NULL) FROM zones.zones ORDER BY id, version"))
            .ShouldBe(["park 1 false", "park 2 true", "town 1 true"]);
        (await RowsAsync("SELECT id || ' ' || version || ' ' || (valid_until IS NULL) FROM zones.bays ORDER BY id, version"))
            .ShouldBe(["depot 1 false", "north 1 true"]);

        await _app.LoadPackAsync(_tiny, CancellationToken.None); // a bay that returns goes on with its versions
        (await RowsAsync("SELECT id || ' ' || version || ' ' || (valid_until IS NULL) FROM zones.bays ORDER BY id, version"))
            .ShouldBe(["depot 1 false", "depot 2 true", "north 1 true"]);
        (await GetAsync("/v1/cities/tiny/bays?lat=50&lon=10&radius=5000")).GetProperty("bays").GetArrayLength().ShouldBe(2);
    }

    [Fact]
    public async Task Packs_that_are_loaded_at_the_same_time_are_loaded_one_after_the_other()
    {
        var other = _tiny with { City = _tiny.City with { Id = new CityId("twin") } };
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => _app.LoadPackAsync(other, CancellationToken.None)));
        (await RowsAsync("SELECT id || ' ' || version FROM zones.zones WHERE city = 'twin' ORDER BY 1")).ShouldBe(["park 1", "town 1"]);
    }

    [Theory]
    [InlineData("/v1/cities/atlantis", HttpStatusCode.NotFound, "zones.unknown_city")]
    [InlineData("/v1/cities/%20x", HttpStatusCode.NotFound, "zones.unknown_city")]
    [InlineData("/v1/cities/TINY/zones", HttpStatusCode.NotFound, "zones.unknown_city")]
    [InlineData("/v1/cities/atlantis/bays?lat=1&lon=1", HttpStatusCode.NotFound, "zones.unknown_city")]
    [InlineData("/v1/cities/tiny/bays", HttpStatusCode.BadRequest, "request.invalid_parameter")]
    [InlineData("/v1/cities/tiny/bays?lat=91&lon=1", HttpStatusCode.BadRequest, "zones.invalid_position")]
    [InlineData("/v1/cities/tiny/bays?lat=1&lon=1&radius=0", HttpStatusCode.BadRequest, "zones.invalid_radius")]
    [InlineData("/v1/cities/tiny/bays?lat=1&lon=1&radius=NaN", HttpStatusCode.BadRequest, "zones.invalid_radius")]
    [InlineData("/v1/cities/tiny/bays?lat=1&lon=1&radius=10001", HttpStatusCode.BadRequest, "zones.invalid_radius")]
    [InlineData("/v1/zones/at?lat=NaN&lon=1", HttpStatusCode.BadRequest, "zones.invalid_position")]
    [InlineData("/v1/zones/at?lat=1e999&lon=1", HttpStatusCode.BadRequest, "zones.invalid_position")]
    [InlineData("/v1/zones/at?lat=x&lon=1", HttpStatusCode.BadRequest, "request.invalid_parameter")]
    [InlineData("/v1/zones/at?lat=1&lon=1&vehicleType=%20", HttpStatusCode.BadRequest, "zones.invalid_vehicle_type")]
    public async Task Wrong_questions_are_refused_with_a_code(string path, HttpStatusCode status, string code)
    {
        using var reply = await Http.GetAsync(path);
        reply.StatusCode.ShouldBe(status);
        (await reply.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString().ShouldBe(code);
    }

    [Fact]
    public async Task The_api_document_says_what_a_position_is()
    {
        var document = await GetAsync("/openapi/zones.json");
        var position = document.GetProperty("components").GetProperty("schemas").GetProperty("GeoPoint");
        position.GetProperty("properties").GetProperty("lat").GetProperty("maximum").GetDouble().ShouldBe(90);
        position.GetProperty("required").GetArrayLength().ShouldBe(2);
    }

    private async Task<JsonElement> GetAsync(string path) => await Http.GetFromJsonAsync<JsonElement>(path);

    private async Task<string> DumpAsync() => string.Join('\n', await RowsAsync("""
        SELECT to_jsonb(c)::text FROM zones.cities c UNION ALL SELECT to_jsonb(z)::text FROM zones.zones z UNION ALL SELECT to_jsonb(b)::text FROM zones.bays b
        ORDER BY 1
        """));

    private async Task<IReadOnlyList<string>> RowsAsync(string sql)
    {
        await using var source = NpgsqlDataSource.Create(_connectionString);
        await using var command = source.CreateCommand(sql);
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<string>();
        while (await reader.ReadAsync())
            rows.Add(reader.GetString(0));
        return rows;
    }
}
