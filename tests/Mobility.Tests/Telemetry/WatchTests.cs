using System.Net.Http.Json;
using System.Text.Json;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Telemetry.Alerts;
using Mobility.Telemetry.Ingest;
using Mobility.Tests.Support;

namespace Mobility.Tests.Telemetry;

/// <summary>When something is wrong with a vehicle, by rule alone.</summary>
public sealed class WatchRulesTests
{
    private static readonly VehicleId Vehicle = Id.Named<VehicleId>("watch-tests", "1");
    private static readonly DateTimeOffset Noon = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);

    /// <summary>An operating area of about a kilometer with a slow zone in its middle.</summary>
    private static readonly WatchedCity Town = new(new CityId("town"), 1, new ZoneIndex([Box(50.00, 10.00, 50.01, 10.01), Box(50.004, 10.004, 50.006, 10.006)]),
        [new ZoneId("area"), new ZoneId("slow")], [true, false]);

    [Fact, Trait("Req", "FLT-7")]
    public void A_battery_is_low_below_15_percent_and_well_from_20()
    {
        var (watched, raised) = (default(Watched), new List<string>());
        foreach (var charge in new short[] { 15, 14, 15, 19, 14, 20, 19, 15, 14 })
            watched = Look(watched, Report(50.005, 10.001, charge), raised);
        raised.ShouldBe(["+LowBattery", "-LowBattery", "+LowBattery"]);
    }

    [Fact, Trait("Req", "FLT-7"), Trait("Req", "GEO-2")]
    public void A_way_through_zones_and_out_of_the_area_is_told_step_by_step()
    {
        var (watched, told) = (default(Watched), new List<string>());
        foreach (var lon in new[] { 10.001, 10.003, 10.005, 10.007, 10.0115, 10.008 })
            watched = Look(watched, Report(50.005, lon), told);
        told.ShouldBe([">slow", "<slow", "<area", "+OutsideArea", ">area", "-OutsideArea"]);
    }

    [Fact, Trait("Req", "GEO-2")]
    public void Who_crosses_a_zone_between_two_reports_was_there()
    {
        var told = new List<string>();
        var watched = Look(null, Report(50.005, 10.001), told);
        Look(watched, Report(50.005, 10.009), told);
        told.ShouldBe(["/slow"]);
    }

    [Fact, Trait("Req", "FLT-7")]
    public void A_vehicle_that_stands_at_a_border_never_flaps()
    {
        var random = new Random(20261122);
        for (var run = 0; run < 300; run++)
        {
            var told = new List<string>();
            Watched? watched = null;
            for (var i = random.Next(1, 200); i > 0; i--) // meters around a point on the area's eastern border
                watched = Look(watched, Report(50.005 + Noise() / 111_000, 10.01 + Noise() / 71_000, accuracy: random.NextSingle() * 12), told);
            told.Count.ShouldBeLessThanOrEqualTo(1, "at most once, for where it was first seen");
            told.ShouldNotContain("<area");
        }

        double Noise() => random.NextDouble() * 16 - 8;
    }

    [Fact, Trait("Req", "FLT-7")]
    public void Silence_is_told_once_and_ends_with_the_next_report()
    {
        var told = new List<string>();
        var watched = Look(null, Report(50.005, 10.001), told)!;
        (watched, var news) = WatchRules.OnSilence(Vehicle, watched, Noon);
        told.AddRange(news.Select(Short));
        (watched, news) = WatchRules.OnSilence(Vehicle, watched, Noon);
        news.ShouldBeEmpty();
        Look(watched, Report(50.005, 10.001), told);
        told.ShouldBe(["+Silent", "-Silent"]);
    }

    [Fact]
    public void A_report_that_changes_nothing_is_nothing_to_store()
    {
        var watched = Look(null, Report(50.005, 10.001), []);
        WatchRules.OnReport(watched, Report(50.0050001, 10.001), Town).After.ShouldBeSameAs(watched);
    }

    private static Watched? Look(Watched? before, VehicleReport report, List<string> told)
    {
        var (after, news) = WatchRules.OnReport(before, report, Town);
        told.AddRange(news.SelectMany(n => n is VehicleZonesCrossedV1 z
            ? [.. z.Left.Select(zone => $"<{zone}"), .. z.Entered.Select(zone => $">{zone}"), .. z.Crossed.Select(zone => $"/{zone}")]
            : new[] { Short(n) }));
        return after;
    }

    private static string Short(IContractEvent news) => news switch
    {
        VehicleAlertRaisedV1 raised => $"+{raised.Kind}",
        VehicleAlertClearedV1 cleared => $"-{cleared.Kind}",
        _ => news.GetType().Name,
    };

    private static VehicleReport Report(double lat, double lon, short charge = 80, float? accuracy = null) => new()
    {
        Vehicle = Vehicle,
        Sequence = 1,
        At = Noon,
        ReceivedAt = Noon,
        Position = new GeoPoint(lat, lon),
        StateOfChargePercent = charge,
        AccuracyMeters = accuracy,
    };

    private static GeoMultiPolygon Box(double south, double west, double north, double east) => GeoMultiPolygon.OfCoordinates(
        [[[[west, south], [east, south], [east, north], [west, north], [west, south]]]]);
}

/// <summary>The same over the wire: what a vehicle reports becomes an alert that an operator reads and a message that other modules hear.</summary>
public sealed class WatchTests(MqttFixture platform) : IClassFixture<MqttFixture>
{
    [Fact, Trait("Req", "FLT-7")]
    public async Task What_is_wrong_with_a_vehicle_is_told_once_and_cleared()
    {
        var (vehicle, wire) = await OnTheWireAsync("watch-1");
        await using var _ = wire;
        var topic = $"telemetry/{vehicle}";
        await wire.SayAsync(topic, Said(1, 14));
        await AlertsAsync(vehicle, "LowBattery");
        await wire.SayAsync(topic, Said(2, 13));
        await wire.SayAsync(topic, platform.Report(3, lat: 51)); // 111 km in a moment
        await AlertsAsync(vehicle, "LowBattery", "ImpossibleJump.");
        await wire.SayAsync($"events/{vehicle}", Happened(1, "tamper"));
        await wire.SayAsync($"events/{vehicle}", Happened(2, "collision"));
        await AlertsAsync(vehicle, "LowBattery", "ImpossibleJump.", "Tamper.", "Collision.");
        platform.Clock.Advance(TimeSpan.FromMinutes(11));
        await AlertsAsync(vehicle, "LowBattery", "ImpossibleJump.", "Tamper.", "Collision.", "Silent");
        await wire.SayAsync(topic, Said(4, 60));
        await AlertsAsync(vehicle, "LowBattery.", "ImpossibleJump.", "Tamper.", "Collision.", "Silent.");
        (await platform.ScalarAsync<long>($"SELECT count(*) FROM bus.messages WHERE key = '{vehicle.Value}' AND type = 'telemetry.alert_raised.v1'")).ShouldBe(5);
        (await platform.ScalarAsync<long>($"SELECT count(*) FROM bus.messages WHERE key = '{vehicle.Value}' AND type = 'telemetry.alert_cleared.v1'")).ShouldBe(2);
    }

    [Fact, Trait("Req", "FLT-7"), Trait("Req", "GEO-2")]
    public async Task Who_leaves_the_operating_area_is_seen()
    {
        var (vehicle, wire) = await OnTheWireAsync("watch-2");
        await using var _ = wire;
        await wire.SayAsync($"telemetry/{vehicle}", Said(1, 80, lat: 54.95)); // the fixture's country ends at 55
        await Eventually.TrueAsync(async () => await platform.ScalarAsync<long>($"SELECT count(*) FROM telemetry.vehicle_watch WHERE vehicle = '{vehicle.Value}'") == 1, "the watch");
        platform.Clock.Advance(TimeSpan.FromMinutes(9));
        await wire.SayAsync($"telemetry/{vehicle}", Said(2, 80, lat: 55.1));
        await AlertsAsync(vehicle, "OutsideArea");
        (await platform.ScalarAsync<long>($"SELECT count(*) FROM bus.messages WHERE key = '{vehicle.Value}' AND type = 'telemetry.zones_crossed.v1'")).ShouldBe(1);
        using var staff = platform.StaffClient();
        var live = await staff.GetFromJsonAsync<JsonElement>("/v1/telemetry/live-differences");
        live.GetProperty("vehicles").GetInt32().ShouldBeGreaterThan(0);
        live.GetProperty("differences").EnumerateArray().ShouldBeEmpty();
    }

    [Fact, Trait("Req", "FLT-7")]
    public async Task Many_who_are_silent_for_good_hide_nobody()
    {
        var (vehicle, wire) = await OnTheWireAsync("watch-4");
        await using var _ = wire;
        await wire.SayAsync($"telemetry/{vehicle}", Said(1, 80));
        await Eventually.TrueAsync(async () => await platform.ScalarAsync<long>($"SELECT count(*) FROM telemetry.vehicle_watch WHERE vehicle = '{vehicle.Value}'") == 1, "the watch");
        (await platform.ScalarAsync<long>($"""
            WITH gone AS (SELECT gen_random_uuid() AS vehicle, '2020-01-01Z'::timestamptz AS at FROM generate_series(0, {VehicleWatch.SilentMax})),
                heard AS (INSERT INTO telemetry.last_reports (vehicle, sequence, at, received_at, lat, lon) SELECT vehicle, 1, at, at, 50, 10 FROM gone),
                watched AS (INSERT INTO telemetry.vehicle_watch SELECT vehicle, 1, at, 50, 10, false, false, false FROM gone)
            SELECT count(*) FROM gone
            """)).ShouldBe(VehicleWatch.SilentMax + 1);
        platform.Clock.Advance(TimeSpan.FromMinutes(11));
        await AlertsAsync(vehicle, "Silent");
    }

    [Fact]
    public async Task History_knows_the_zones_of_each_place()
    {
        var (vehicle, wire) = await OnTheWireAsync("watch-3");
        await using var _ = wire;
        var sequence = 0;
        var zones = await Eventually.GetAsync(async () =>
        {
            await wire.SayAsync($"telemetry/{vehicle}", platform.Report(++sequence, lat: 54.999));
            return await platform.ScalarAsync<string[]>($"SELECT zones FROM telemetry.last_reports WHERE vehicle = '{vehicle.Value}'");
        }, zones => zones is not null, "the map"); // the vehicle's first report makes the watch ask for it
        zones.ShouldBe(["country"]);
        platform.Clock.Advance(TimeSpan.FromMinutes(9));
        await wire.SayAsync($"telemetry/{vehicle}", platform.Report(++sequence, lat: 55.1));
        using var staff = platform.StaffClient();
        var (from, to) = (platform.Clock.GetUtcNow().AddHours(-1), platform.Clock.GetUtcNow().AddHours(1));
        var track = await staff.GetFromJsonAsync<JsonElement>($"/v1/vehicles/{vehicle}/track?from={from:O}&to={to:O}".Replace("+", "%2B", StringComparison.Ordinal));
        var told = track.GetProperty("points").EnumerateArray().TakeLast(2).Select(p => string.Join(' ', p.GetProperty("zones").EnumerateArray())).ToArray();
        told.ShouldBe(["country", ""]);
    }

    private async Task<(VehicleId Vehicle, MqttTestClient Wire)> OnTheWireAsync(string label)
    {
        var vehicle = VehicleId.Of(new CityId("tiny"), label);
        using var staff = platform.StaffClient();
        (await staff.PostAsJsonAsync("/v1/fleet/vehicles", new { city = "tiny", label, type = "scooter", position = new { lat = 50.0, lon = 10.0 }, stateOfChargePercent = 90 }))
            .EnsureSuccessStatusCode();
        (await staff.PostAsJsonAsync($"/v1/fleet/vehicles/{vehicle}/activate", new { })).EnsureSuccessStatusCode();
        using var reply = await staff.PostAsync(new Uri($"/v1/vehicles/{vehicle}/device-secret", UriKind.Relative), null);
        var secret = (await reply.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("password").GetString()!;
        await platform.SettleAsync();
        return (vehicle, await platform.ConnectAsync((vehicle, secret)));
    }

    private string Said(long sequence, int charge, double lat = 50) =>
        platform.Report(sequence, lat).Replace("\"stateOfChargePercent\":80", $"\"stateOfChargePercent\":{charge}", StringComparison.Ordinal);

    private string Happened(long sequence, string kind) => JsonSerializer.Serialize(new { sequence, at = platform.Clock.GetUtcNow(), kind, position = new { lat = 50.0, lon = 10.0 } });

    /// <summary>Each kind in the order in which it was raised, with a point behind it when it is over.</summary>
    private async Task AlertsAsync(VehicleId vehicle, params string[] expected)
    {
        using var staff = platform.StaffClient();
        var seen = await Eventually.GetAsync(
            async () => (await staff.GetFromJsonAsync<JsonElement>($"/v1/telemetry/alerts?vehicle={vehicle}")).GetProperty("alerts").EnumerateArray()
                .Select(alert => Words(alert.GetProperty("kind").GetString()!) + (alert.TryGetProperty("clearedAt", out var at) && at.ValueKind != JsonValueKind.Null ? "." : ""))
                .ToHashSet(),
            seen => seen.SetEquals(expected), $"the alerts {string.Join(' ', expected)}");
        seen.Count.ShouldBe(expected.Length);
    }

    private static string Words(string kind) => string.Concat(kind.Split('_').Select(word => char.ToUpperInvariant(word[0]) + word[1..]));
}
