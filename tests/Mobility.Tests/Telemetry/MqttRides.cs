using System.Net.Http.Json;
using System.Text.Json;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Tests.Support;

namespace Mobility.Tests.Telemetry;

/// <summary>Riders and staff around a vehicle on the wire, for tests whose subject is the wire.</summary>
internal static class MqttRides
{
    /// <summary>A vehicle on the street of the test city, with its secret.</summary>
    public static async Task<(VehicleId Id, string Secret)> NewVehicleInServiceAsync(this MqttFixture platform, string label)
    {
        var vehicle = VehicleId.Of(new CityId("tiny"), label);
        using var staff = platform.StaffClient();
        await staff.SendJsonAsync("/v1/fleet/vehicles", new { city = "tiny", label, type = "scooter", position = new { lat = 50.0, lon = 10.0 }, stateOfChargePercent = 90 });
        await staff.SendJsonAsync($"/v1/fleet/vehicles/{vehicle}/activate", new { });
        return (vehicle, (await staff.SendJsonAsync($"/v1/vehicles/{vehicle}/device-secret", null)).GetProperty("password").GetString()!);
    }

    /// <summary>A new rider books the vehicle and asks for it to open.</summary>
    public static async Task UnlockAsync(this MqttFixture platform, VehicleId vehicle)
    {
        using var rider = platform.RiderClient(Id.New<AccountId>(platform.Clock));
        await rider.SendJsonAsync("/v1/payments/methods", new { token = "tok_visa" });
        var quote = (await rider.SendJsonAsync("/v1/quotes", new { vehicleId = vehicle })).GetProperty("id").GetString();
        var booking = (await rider.SendJsonAsync("/v1/bookings", new { quoteId = quote, safetyChecklist = true })).GetProperty("id").GetString()!;
        await rider.SendJsonAsync($"/v1/bookings/{booking}/confirm", null);
        await Eventually.GetAsync(async () => (await rider.GetFromJsonAsync<JsonElement>($"/v1/bookings/{booking}")).GetProperty("phase").GetString(),
            phase => phase == "confirmed", "the booking is confirmed");
        await rider.SendJsonAsync($"/v1/bookings/{booking}/unlock", null);
        await Eventually.TrueAsync(async () => await platform.ScalarAsync<long>(
            $"SELECT count(*) FROM bus.messages WHERE type = 'fleet.command_issued.v1' AND key = '{vehicle.Value}'") > 0, "the command is issued");
    }

    /// <summary>Sends a request that must succeed, and gives its answer.</summary>
    public static async Task<JsonElement> SendJsonAsync(this HttpClient http, string path, object? body, HttpMethod? method = null)
    {
        using var request = new HttpRequestMessage(method ?? HttpMethod.Post, path);
        request.Headers.Add("Idempotency-Key", Guid.CreateVersion7().ToString("N"));
        if (body is not null)
            request.Content = JsonContent.Create(body, options: MobilityJson.Http);
        using var reply = await http.SendAsync(request);
        var text = await reply.Content.ReadAsStringAsync();
        reply.IsSuccessStatusCode.ShouldBeTrue($"{path}: {text}");
        return text.Length == 0 ? default : JsonSerializer.Deserialize<JsonElement>(text);
    }
}
