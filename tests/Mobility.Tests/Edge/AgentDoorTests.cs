using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Mobility.Contracts;
using Mobility.Edge.Wire;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Tests.Support;
using Mobility.Tests.Telemetry;

namespace Mobility.Tests.Edge;

/// <summary>The agent at the platform's own door.</summary>
public sealed class AgentDoorTests(MqttFixture platform) : IClassFixture<MqttFixture>
{
    [Fact]
    public async Task What_a_vehicle_reports_is_durable_when_the_agent_forgets_it()
    {
        var credentials = await platform.NewVehicleAsync();
        await using var vehicle = EdgeVehicle.Start(platform.Port, platform.Clock, credentials);
        await Eventually.TrueAsync(async () => await platform.HistoryCountAsync(credentials.Id) >= 3, "three reports are in history");
        await vehicle.AllAcknowledgedAsync();
        (await platform.ScalarAsync<long>($"""
            SELECT count(*) FROM telemetry.history WHERE vehicle = '{credentials.Id.Value}' AND lat = 50 AND charge = 60 AND locked
            """)).ShouldBeGreaterThanOrEqualTo(3);
        (await platform.ScalarAsync<long>($"SELECT count(*) FROM telemetry.quarantine WHERE vehicle = '{credentials.Id.Value}'")).ShouldBe(0);
        (await platform.ScalarAsync<long>($"SELECT count(*) FROM telemetry.last_statuses WHERE vehicle = '{credentials.Id.Value}'")).ShouldBe(1);
    }

    [Fact, Trait("Req", "FLT-5")]
    public async Task Nothing_is_lost_and_nothing_is_there_twice_when_the_network_and_the_agent_fail_again_and_again()
    {
        var credentials = await platform.NewVehicleAsync();
        await using var relay = new CuttableRelay(platform.Port);
        await using var vehicle = EdgeVehicle.Start(relay.Port, platform.Clock, credentials, isLocked: false); // a trip: five reports a second
        for (var round = 0; round < 3; round++)
        {
            await Eventually.TrueAsync(() => Task.FromResult(vehicle.Agent.Link == LinkState.Connected), "it is connected");
            relay.Cut();
            var agent = vehicle.Agent;
            await Eventually.TrueAsync(() => Task.FromResult(agent.Counts.ReportsWaiting >= 5), "reports wait");
            platform.Clock.Advance(TimeSpan.FromSeconds(5));
            vehicle.Board.MoveTo(new GeoPoint(50 + round * 1e-4, 10), 3);
            if (round == 1)
                await vehicle.CrashAndRestartAsync();
            relay.Open();
        }
        await vehicle.AllAcknowledgedAsync();
        var id = credentials.Id.Value;
        var stored = await platform.ScalarAsync<long>($"SELECT count(*) FROM telemetry.history WHERE vehicle = '{id}'");
        stored.ShouldBeGreaterThanOrEqualTo(15);
        // Sequences run without a gap but where the agent crashed, and there exactly one block was reserved.
        (await platform.ScalarAsync<long>($"""
            SELECT count(*) FROM (SELECT sequence - lag(sequence) OVER (ORDER BY sequence) AS step FROM telemetry.history WHERE vehicle = '{id}') AS s WHERE step <> 1
            """)).ShouldBe(1);
        (await platform.ScalarAsync<long>($"SELECT count(*) FROM telemetry.quarantine WHERE vehicle = '{id}'")).ShouldBe(0);
    }

    [Fact, Trait("Req", "FLT-2"), Trait("Req", "UNL-4")]
    public async Task A_ride_begins_and_ends_by_commands_that_the_agent_obeys()
    {
        var (id, credentials) = await NewVehicleInServiceAsync("edge-1");
        await using var vehicle = EdgeVehicle.Start(platform.Port, platform.Clock, credentials);
        await vehicle.AllAcknowledgedAsync();
        using var rider = platform.RiderClient(Id.New<AccountId>(platform.Clock));
        var booking = await BookAsync(rider, id);
        await PostAsync(rider, $"/v1/bookings/{booking}/unlock", null);
        await UntilAsync(rider, booking, "riding");
        vehicle.Board.Read().IsLocked.ShouldBeFalse();
        platform.Clock.Advance(TimeSpan.FromSeconds(60));
        vehicle.Board.MoveTo(new GeoPoint(50.001, 10), 0);
        await PostAsync(rider, $"/v1/bookings/{booking}/end", null);
        await UntilAsync(rider, booking, "settled");
        vehicle.Board.Read().IsLocked.ShouldBeTrue();
    }

    [Fact, Trait("Req", "FLT-2")]
    public async Task Staff_slow_a_vehicle_down_and_let_it_be_heard_and_found()
    {
        var (id, credentials) = await NewVehicleInServiceAsync("edge-3");
        await using var vehicle = EdgeVehicle.Start(platform.Port, platform.Clock, credentials);
        await vehicle.AllAcknowledgedAsync();
        using var staff = platform.StaffClient("field_technician");
        foreach (var body in new object[] { new { kind = "speed_limit", speedLimitKph = 6 }, new { kind = "horn" }, new { kind = "locate", reason = "it is not where it should be" } })
        {
            var command = (await PostAsync(staff, $"/v1/fleet/vehicles/{id}/commands", body)).GetProperty("id").GetString();
            await Eventually.GetAsync(async () => (await staff.GetFromJsonAsync<JsonElement>($"/v1/fleet/vehicles/{id}/commands/{command}")).GetProperty("phase").GetString(),
                phase => phase == "done", $"the vehicle did {body}");
        }
        (vehicle.Board.SpeedLimitKph, vehicle.Board.HornsSounded).ShouldBe((6, 1));
    }

    [Fact, Trait("Req", "UNL-3")]
    public async Task A_rider_whose_vehicle_refuses_to_open_is_let_go_at_once()
    {
        var (id, credentials) = await NewVehicleInServiceAsync("edge-4");
        await using var vehicle = EdgeVehicle.Start(platform.Port, platform.Clock, credentials);
        await vehicle.AllAcknowledgedAsync();
        vehicle.Board.IsLockStuck = true;
        using var rider = platform.RiderClient(Id.New<AccountId>(platform.Clock));
        var booking = await BookAsync(rider, id);
        await PostAsync(rider, $"/v1/bookings/{booking}/unlock", null);
        await UntilAsync(rider, booking, "released"); // the clock stands: no deadline has passed
    }

    [Fact, Trait("Req", "INC-3"), Trait("Req", "FLT-2")]
    public async Task A_stolen_van_is_disabled_by_two_persons_when_it_stands_and_what_it_missed_while_away_comes_again()
    {
        var (id, credentials) = await NewVehicleInServiceAsync("edge-5", "van");
        await using var relay = new CuttableRelay(platform.Port);
        await using var vehicle = EdgeVehicle.Start(relay.Port, platform.Clock, credentials, isLocked: false);
        vehicle.Board.MoveTo(new GeoPoint(50.0001, 10), 8);
        await vehicle.AllAcknowledgedAsync();
        using var manager = platform.StaffClient("operations_manager");
        using var second = platform.StaffClient();
        var command = (await PostAsync(manager, $"/v1/fleet/vehicles/{id}/commands", new { kind = "disable", reason = "stolen" })).GetProperty("id").GetString();
        (await PostAsync(second, $"/v1/fleet/vehicles/{id}/commands/{command}/approve", new { })).GetProperty("phase").GetString().ShouldBe("awaiting_standstill");
        await Eventually.TrueAsync(async () => await platform.ScalarAsync<bool?>($"SELECT looked_at IS NOT NULL FROM telemetry.standstills_awaited WHERE vehicle = '{id.Value}'") is true,
            "its reports are looked at");
        vehicle.Board.IsDriveEnabled.ShouldBeTrue("it drives");
        vehicle.Board.MoveTo(new GeoPoint(50.0002, 10), 0);
        for (var i = 0; i < 6; i++) // at a red light it stands too, so it must stand longer than that
        {
            var looked = await LookedAtAsync(id);
            platform.Clock.Advance(TimeSpan.FromSeconds(29));
            await Eventually.TrueAsync(async () => await LookedAtAsync(id) != looked, "a newer report is looked at");
        }
        await Eventually.TrueAsync(() => Task.FromResult(!vehicle.Board.IsDriveEnabled), "it is disabled");
        await TwinIsAsync(second, id, twin => twin.GetProperty("reported").GetProperty("disabled").GetBoolean() && twin.GetProperty("differs").GetArrayLength() == 0);
        relay.Cut();
        await PostAsync(manager, $"/v1/fleet/vehicles/{id}/commands", new { kind = "enable" });
        await platform.SettleAsync();
        platform.Clock.Advance(TimeSpan.FromMinutes(1));
        await TwinIsAsync(second, id, twin => twin.GetProperty("pending").GetArrayLength() == 0 && twin.GetProperty("differs")[0].GetString() == "disabled");
        relay.Open();
        await TwinIsAsync(second, id, twin => twin.GetProperty("differs").GetArrayLength() == 0);
        vehicle.Board.IsDriveEnabled.ShouldBeTrue();
        (await platform.ScalarAsync<bool>($"SELECT rentable FROM fleet.vehicles WHERE id = '{id.Value}'")).ShouldBeTrue();
    }

    private Task<DateTime?> LookedAtAsync(VehicleId vehicle) =>
        platform.ScalarAsync<DateTime?>($"SELECT looked_at FROM telemetry.standstills_awaited WHERE vehicle = '{vehicle.Value}'");

    private static Task TwinIsAsync(HttpClient staff, VehicleId vehicle, Func<JsonElement, bool> isSo) =>
        Eventually.GetAsync(() => staff.GetFromJsonAsync<JsonElement>($"/v1/fleet/vehicles/{vehicle}/twin"), isSo, "the twin is so");

    [Fact, Trait("Req", "UNL-2"), Trait("Req", "UNL-4")]
    public async Task A_ride_begins_with_a_token_that_the_vehicle_checks_without_network_and_tells_of_late()
    {
        var (id, credentials) = await NewVehicleInServiceAsync("edge-2");
        await using var relay = new CuttableRelay(platform.Port);
        var keys = new Uri(platform.Http.BaseAddress!, "/v1/unlock-keys");
        await using var vehicle = EdgeVehicle.Start(relay.Port, platform.Clock, credentials, settings => settings with { UnlockKeysUrl = keys });
        await Eventually.TrueAsync(() => Task.FromResult(File.Exists(Path.Combine(vehicle.Folder, "unlock-keys.json"))), "the keys are fetched");
        await vehicle.AllAcknowledgedAsync();
        using var rider = platform.RiderClient(Id.New<AccountId>(platform.Clock));
        var booking = await BookAsync(rider, id);
        relay.Cut();
        await vehicle.CrashAndRestartAsync(); // it starts without network, and still has the keys
        var token = (await PostAsync(rider, $"/v1/bookings/{booking}/unlock-token", null)).GetProperty("token").GetString()!;
        (await vehicle.Agent.OpenAsync(token)).ShouldBe("opened");
        (await vehicle.Agent.OpenAsync(token)).ShouldBe("refused token_used");
        vehicle.Board.Read().IsLocked.ShouldBeFalse();
        (await rider.GetFromJsonAsync<JsonElement>($"/v1/bookings/{booking}")).GetProperty("phase").GetString().ShouldNotBe("riding");
        relay.Open();
        await UntilAsync(rider, booking, "riding");
    }

    [Fact, Trait("Req", "FLT-11")]
    public async Task A_vehicle_proves_itself_with_its_certificate_over_TLS()
    {
        var (id, _) = await platform.NewVehicleAsync();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var device = platform.DeviceClient(id);
        using var reply = await device.PostAsJsonAsync($"/v1/vehicles/{id}/certificates",
            new { request = new CertificateRequest("CN=whatever", key, HashAlgorithmName.SHA256).CreateSigningRequestPem() }, MobilityJson.Http);
        reply.EnsureSuccessStatusCode();
        var view = await reply.Content.ReadFromJsonAsync<JsonElement>();
        using var authority = X509Certificate2.CreateFromPem(view.GetProperty("authority").GetString()!);
        using var certificate = X509Certificate2.CreateFromPem(view.GetProperty("certificate").GetString()!, key.ExportPkcs8PrivateKeyPem());
        await using var vehicle = EdgeVehicle.Start(platform.TlsPort, platform.Clock, (id, ""), settings => settings with
        {
            Door = new DoorAddress("localhost", platform.TlsPort) { Certificate = certificate, Authority = authority },
        });
        await vehicle.AllAcknowledgedAsync();
        (await platform.HistoryCountAsync(id)).ShouldBeGreaterThan(0);
        // A door that another authority vouches for is not the platform's.
        using var other = new CertificateRequest("CN=Mobility Device Authority", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UnixEpoch, platform.Clock.GetUtcNow().AddDays(1));
        await using var wary = EdgeVehicle.Start(platform.TlsPort, platform.Clock, (id, ""), settings => settings with
        {
            Door = new DoorAddress("localhost", platform.TlsPort) { Certificate = certificate, Authority = other },
        });
        await Eventually.TrueAsync(() => Task.FromResult(wary.Agent.Counts.ReportsWaiting >= 3), "reports wait");
        wary.Agent.Link.ShouldNotBe(LinkState.Connected);
    }

    [Fact, Trait("Req", "GEO-2"), Trait("Req", "FLT-9")]
    public async Task Zones_speed_thieves_and_crashes_are_told_by_the_vehicle_itself()
    {
        var credentials = await platform.NewVehicleAsync();
        await using var vehicle = EdgeVehicle.Start(platform.Port, platform.Clock, credentials,
            settings => settings with { Zones = SafetyRuleTests.Square(), SpeedLimitKph = 25 }, isLocked: false);
        vehicle.Board.MoveTo(new GeoPoint(50.005, 10.005), 0);
        vehicle.Board.SpeedLimitKph.ShouldBe(10);
        vehicle.Board.MoveTo(new GeoPoint(50.005, 10.006), 4);
        platform.Clock.Advance(TimeSpan.FromSeconds(3));
        vehicle.Board.MoveTo(new GeoPoint(50.005, 10.0065), 4);
        vehicle.Board.MoveTo(new GeoPoint(50.005, 10.02), 4);
        vehicle.Agent.SpeedLimitKph.ShouldBe(25);
        var now = platform.Clock.GetUtcNow();
        vehicle.Agent.OnMotion(new(now, 0, 0, 1, 5, 5));
        vehicle.Agent.OnMotion(new(now.AddMilliseconds(20), 5, 0, 1, 0, 5));
        vehicle.Agent.OnMotion(new(now.AddMilliseconds(40), 0, 0, 1, 0, 1));
        vehicle.Board.TrySetLock(true);
        for (var i = 0; i < 10; i++)
            vehicle.Board.Feel(new(now.AddMilliseconds(60 + 20 * i), 1.5, 1, 1, 0, 0));
        vehicle.Board.TrySetLock(false); // with a crowbar
        vehicle.Board.MoveTo(new GeoPoint(50.005, 10.0201), 0);
        await vehicle.AllAcknowledgedAsync();
        (await platform.ScalarAsync<string>($"SELECT string_agg(kind, ' ' ORDER BY sequence) FROM telemetry.vehicle_events WHERE vehicle = '{credentials.Id.Value}' AND kind <> 'twin_reported'"))
            .ShouldBe("geofence_entered overspeed geofence_exited collision tamper tamper");
    }

    private async Task<(VehicleId Vehicle, (VehicleId, string) Credentials)> NewVehicleInServiceAsync(string label, string type = "scooter")
    {
        var vehicle = VehicleId.Of(new CityId("tiny"), label);
        using var staff = platform.StaffClient();
        await PostAsync(staff, "/v1/fleet/vehicles", new { city = "tiny", label, type, position = new { lat = 50.0, lon = 10.0 }, stateOfChargePercent = 90 });
        await PostAsync(staff, $"/v1/fleet/vehicles/{vehicle}/activate", new { });
        var secret = (await PostAsync(staff, $"/v1/vehicles/{vehicle}/device-secret", null)).GetProperty("password").GetString()!;
        return (vehicle, (vehicle, secret));
    }

    private static async Task<string> BookAsync(HttpClient rider, VehicleId vehicle)
    {
        await PostAsync(rider, "/v1/payments/methods", new { token = "tok_visa" });
        var quote = (await PostAsync(rider, "/v1/quotes", new { vehicleId = vehicle })).GetProperty("id").GetString();
        var booking = (await PostAsync(rider, "/v1/bookings", new { quoteId = quote, safetyChecklist = true })).GetProperty("id").GetString()!;
        await PostAsync(rider, $"/v1/bookings/{booking}/confirm", null);
        await UntilAsync(rider, booking, "confirmed");
        return booking;
    }

    private static Task UntilAsync(HttpClient rider, string booking, string phase) => Eventually.GetAsync(
        async () => (await rider.GetFromJsonAsync<JsonElement>($"/v1/bookings/{booking}")).GetProperty("phase").GetString(), seen => seen == phase, $"the booking is {phase}");

    private static async Task<JsonElement> PostAsync(HttpClient http, string path, object? body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path);
        request.Headers.Add("Idempotency-Key", Guid.CreateVersion7().ToString("N"));
        if (body is not null)
            request.Content = JsonContent.Create(body, options: MobilityJson.Http);
        using var reply = await http.SendAsync(request);
        var text = await reply.Content.ReadAsStringAsync();
        reply.IsSuccessStatusCode.ShouldBeTrue($"{path}: {text}");
        return text.Length == 0 ? default : JsonSerializer.Deserialize<JsonElement>(text);
    }
}
