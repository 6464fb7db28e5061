using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Mqtt;
using Mobility.Tests.Support;

namespace Mobility.Tests.Telemetry;

/// <summary>A ride whose vehicle speaks MQTT only: commands come over its topic, what it did goes back over another.</summary>
public sealed class MqttRideTests(MqttFixture platform) : IClassFixture<MqttFixture>
{
    [Fact, Trait("Req", "FLT-2"), Trait("Req", "UNL-4")]
    public async Task A_vehicle_is_unlocked_and_locked_over_MQTT_and_the_ride_is_settled()
    {
        var (vehicle, credentials) = await NewVehicleInServiceAsync("mqtt-1");
        await using var wire = await platform.ConnectAsync(credentials);
        await wire.SubscribeAsync($"commands/{vehicle}");
        using var rider = platform.RiderClient(Id.New<AccountId>(platform.Clock));
        var booking = await BookAsync(rider, vehicle);
        await PostAsync(rider, $"/v1/bookings/{booking}/unlock", null);
        var unlock = await NextCommandAsync(wire);
        unlock.GetProperty("kind").GetString().ShouldBe("unlock");
        await ObeyAsync(wire, vehicle, 1, "unlocked", unlock.GetProperty("id").GetString()!, 1_000);
        await ObeyAsync(wire, vehicle, 1, "unlocked", unlock.GetProperty("id").GetString()!, 1_000); // the vehicle did not see the first PUBACK
        await UntilAsync(rider, booking, "riding");
        platform.Clock.Advance(TimeSpan.FromMinutes(5));
        await PostAsync(rider, $"/v1/bookings/{booking}/end", null);
        var locking = await NextCommandAsync(wire);
        locking.GetProperty("kind").GetString().ShouldBe("lock");
        await ObeyAsync(wire, vehicle, 2, "locked", locking.GetProperty("id").GetString()!, 3_000);
        await UntilAsync(rider, booking, "settled");
        (await platform.ScalarAsync<long>($"SELECT count(*) FROM telemetry.vehicle_events WHERE vehicle = '{vehicle.Value}'")).ShouldBe(2);
    }

    [Fact]
    public async Task A_command_waits_for_a_vehicle_that_was_away_and_comes_again_until_it_is_acknowledged()
    {
        var (vehicle, credentials) = await NewVehicleInServiceAsync("mqtt-2");
        using var rider = platform.RiderClient(Id.New<AccountId>(platform.Clock));
        var booking = await BookAsync(rider, vehicle);
        await PostAsync(rider, $"/v1/bookings/{booking}/unlock", null);
        await Eventually.TrueAsync(async () => await platform.ScalarAsync<long>(
            $"SELECT count(*) FROM bus.messages WHERE type = 'fleet.command_issued.v1' AND key = '{vehicle.Value}'") == 1, "the command is issued");
        var keep = new MqttProperties().With(PropertyId.SessionExpiry, 600);
        string first;
        await using (var wire = await platform.ConnectAsync(credentials, properties: keep))
        {
            await wire.SubscribeAsync($"commands/{vehicle}");
            first = (await NextCommandAsync(wire, acknowledge: false)).GetProperty("id").GetString()!;
        }
        await using var again = await platform.ConnectAsync(credentials, clean: false, properties: keep);
        var repeated = await NextCommandAsync(again);
        repeated.GetProperty("id").GetString().ShouldBe(first);
        await ObeyAsync(again, vehicle, 1, "unlocked", first, 10);
        await UntilAsync(rider, booking, "riding");
    }

    private async Task<(VehicleId Vehicle, (VehicleId, string) Credentials)> NewVehicleInServiceAsync(string label)
    {
        var vehicle = VehicleId.Of(new CityId("tiny"), label);
        using var staff = platform.StaffClient();
        await PostAsync(staff, "/v1/fleet/vehicles", new { city = "tiny", label, type = "scooter", position = new { lat = 50.0, lon = 10.0 }, stateOfChargePercent = 90 });
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

    private static async Task<JsonElement> NextCommandAsync(MqttTestClient wire, bool acknowledge = true)
    {
        var command = (await wire.ReadAsync()).ShouldBeOfType<PublishPacket>();
        command.Qos.ShouldBe((byte)1);
        command.Properties.Number(PropertyId.MessageExpiry).ShouldNotBeNull();
        if (acknowledge)
            await wire.SendAsync(new PubAckPacket(command.PacketId, ReasonCode.Success));
        return JsonSerializer.Deserialize<JsonElement>(Encoding.UTF8.GetString(command.Payload.Span));
    }

    private async Task ObeyAsync(MqttTestClient wire, VehicleId vehicle, long sequence, string kind, string command, long odometer)
    {
        var payload = JsonSerializer.Serialize(new
        {
            sequence,
            at = platform.Clock.GetUtcNow(),
            kind,
            command,
            position = new { lat = 50.0, lon = 10.0 },
            stateOfChargePercent = 80,
            odometerMeters = odometer,
        });
        (await wire.SayAsync($"events/{vehicle}", payload)).Reason.ShouldBe(ReasonCode.Success);
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
