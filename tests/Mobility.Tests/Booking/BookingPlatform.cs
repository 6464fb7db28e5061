using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Modules;
using Mobility.Tests.Support;

namespace Mobility.Tests.Bookings;

/// <summary>The whole platform with vehicles of the test's own, and the words of a rider, a vehicle and a clock.</summary>
public class BookingPlatform : PlatformFixture
{
    private int _names;

    protected override IReadOnlyDictionary<string, string?> Settings => new Dictionary<string, string?>
    {
        ["RateLimits:payment_methods"] = "100000",
        ["RateLimits:vehicle-reports"] = "100000",
        ["RateLimits:vehicle-commands"] = "100000",
        ["RateLimits:quotes"] = "100000",
        ["Payments:ProviderTimeout"] = "00:00:30", // by the machine's clock, and the machine may be busy
        ["Peers:AnswerWithin"] = "00:00:30",
    };

    /// <summary>A rider with a card.</summary>
    public async Task<RiderClient> NewRiderAsync(string card = "tok_visa")
    {
        var id = Id.Named<AccountId>("booking-tests", $"rider {Interlocked.Increment(ref _names)}");
        var rider = new RiderClient(this.RiderClient(id), id);
        await RiderClient.OkAsync(await rider.Http.PostAsJsonAsync("/v1/payments/methods", new { token = card }));
        return rider;
    }

    /// <summary>An available vehicle of type scooter or van; each stands alone unless a place is given.</summary>
    public async Task<VehicleClient> NewVehicleAsync(string type = "scooter", GeoPoint? place = null)
    {
        var label = $"b-{Interlocked.Increment(ref _names)}";
        var position = place ?? new GeoPoint(50 + 0.05 * _names % 1, 11 + 0.05 * _names % 1);
        using var staff = this.StaffClient();
        var reply = await staff.PostAsJsonAsync(
            "/v1/fleet/vehicles", new { city = "tiny", label, type, position, stateOfChargePercent = 90 }, MobilityJson.Http);
        reply.StatusCode.ShouldBe(HttpStatusCode.Created, await reply.Content.ReadAsStringAsync());
        var id = VehicleId.Of(new CityId("tiny"), label);
        (await staff.PostAsJsonAsync($"/v1/fleet/vehicles/{id}/activate", new { })).StatusCode.ShouldBe(HttpStatusCode.OK);
        return new VehicleClient(this, this.DeviceClient(id), id, position);
    }

    /// <summary>Moves the clock and waits until everything that was due has happened.</summary>
    public async Task PassAsync(double minutes)
    {
        await SettleAsync();
        Clock.Advance(TimeSpan.FromMinutes(minutes));
        await SettleAsync();
    }

    public Task PassUntilAsync(DateTimeOffset instant) => PassAsync((instant - Clock.GetUtcNow()).TotalMinutes);

    /// <summary>Vans open at six on weekdays, Berlin's time.</summary>
    public DateTimeOffset NextMorning()
    {
        var day = Clock.GetUtcNow().UtcDateTime.Date.AddDays(1);
        while (day.DayOfWeek is DayOfWeek.Saturday or DayOfWeek.Sunday)
            day = day.AddDays(1);
        return new DateTimeOffset(day.AddHours(8), TimeSpan.Zero);
    }

    /// <summary>A ride that has just begun.</summary>
    public static async Task<string> RideAsync(RiderClient rider, VehicleClient vehicle)
    {
        var booking = await rider.BookAsync(vehicle.Id);
        await rider.ConfirmAsync(booking);
        await rider.DoAsync(booking, "unlock");
        await vehicle.ObeyAsync();
        (await rider.PhaseAsync(booking)).ShouldBe("riding");
        return booking;
    }

    public static Task<JsonElement> SettledAsync(RiderClient rider, string booking) =>
        Eventually.GetAsync(() => rider.GetAsync(booking),
            b => b.GetProperty("phase").GetString() == "settled" && b.TryGetProperty("charge", out _), "the settlement");

    public async Task<IReadOnlyList<AuditResult>> AuditAsync(ModuleDefinition module)
    {
        var results = new List<AuditResult>();
        await foreach (var result in Auditor.RunAsync([module], Services, Clock.GetUtcNow(), CancellationToken.None))
            results.Add(result);
        return results;
    }
}

/// <summary>A rider's app.</summary>
public sealed record RiderClient(HttpClient Http, AccountId Id)
{
    private int _keys;

    public async Task<string> QuoteAsync(VehicleId vehicle, DateTimeOffset? from = null, DateTimeOffset? until = null) =>
        (await OkAsync(await Http.PostAsJsonAsync("/v1/quotes", new { vehicleId = vehicle, from, until }, MobilityJson.Http))).GetProperty("id").GetString()!;

    public Task<HttpResponseMessage> PostAsync(string path, object? body = null, string? key = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = body is null ? null : JsonContent.Create(body, options: MobilityJson.Http) };
        request.Headers.Add("Idempotency-Key", key ?? $"{Id}-{Interlocked.Increment(ref _keys)}");
        return Http.SendAsync(request);
    }

    public Task<HttpResponseMessage> ReserveAsync(string quoteId, string? groupWith = null, string? key = null) =>
        PostAsync("/v1/bookings", new { quoteId, groupWith, safetyChecklist = true }, key);

    /// <summary>Quotes and reserves; returns the booking's id.</summary>
    public async Task<string> BookAsync(VehicleId vehicle, DateTimeOffset? from = null, DateTimeOffset? until = null) =>
        (await OkAsync(await ReserveAsync(await QuoteAsync(vehicle, from, until)))).GetProperty("id").GetString()!;

    public async Task<JsonElement> DoAsync(string booking, string verb, object? body = null) =>
        await OkAsync(await PostAsync($"/v1/bookings/{booking}/{verb}", body));

    /// <summary>Confirms; the answer comes at once or, on a busy machine, a moment later.</summary>
    public async Task ConfirmAsync(string booking)
    {
        await DoAsync(booking, "confirm");
        await Eventually.GetAsync(() => PhaseAsync(booking), phase => phase == "confirmed", "the confirmation");
    }

    public async Task<JsonElement> GetAsync(string booking) => await OkAsync(await Http.GetAsync($"/v1/bookings/{booking}"));

    public async Task<string> PhaseAsync(string booking) => (await GetAsync(booking)).GetProperty("phase").GetString()!;

    public static async Task<JsonElement> OkAsync(HttpResponseMessage reply)
    {
        var text = await reply.Content.ReadAsStringAsync();
        reply.IsSuccessStatusCode.ShouldBeTrue(text);
        return JsonSerializer.Deserialize<JsonElement>(text);
    }
}

/// <summary>The computer of a vehicle.</summary>
public sealed record VehicleClient(BookingPlatform Platform, HttpClient Http, VehicleId Id, GeoPoint Position)
{
    private long _odometer = 10_000;
    private int _keys;

    /// <summary>Waits for a command and obeys it after some riding.</summary>
    public async Task ObeyAsync(int meters = 0)
    {
        var commands = await RiderClient.OkAsync(await Http.GetAsync($"/v1/vehicles/{Id}/commands?seconds=20"));
        var command = commands.GetProperty("commands").EnumerateArray().First();
        await ReportAsync(command.GetProperty("kind").GetString() == "unlock" ? "unlocked" : "locked", command.GetProperty("id").GetString(), meters);
        await Platform.SettleAsync();
    }

    public async Task ReportAsync(string kind, string? command, int meters = 0, string? token = null, DateTimeOffset? at = null)
    {
        _odometer += meters;
        var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/vehicles/{Id}/reports")
        {
            Content = JsonContent.Create(new
            {
                kind,
                command,
                token,
                at = at ?? Platform.Clock.GetUtcNow(),
                position = Position,
                stateOfChargePercent = 80,
                odometerMeters = _odometer,
            }, options: MobilityJson.Http),
        };
        request.Headers.Add("Idempotency-Key", $"{Id}-{Interlocked.Increment(ref _keys)}");
        await RiderClient.OkAsync(await Http.SendAsync(request));
    }

    /// <summary>What kinds of commands wait, after a moment.</summary>
    public async Task<IReadOnlyList<string>> CommandsAsync() => [.. (await RiderClient.OkAsync(await Http.GetAsync($"/v1/vehicles/{Id}/commands?seconds=20")))
        .GetProperty("commands").EnumerateArray().Select(command => command.GetProperty("kind").GetString()!)];

    /// <summary>Waits until a command is there, and stays silent.</summary>
    public async Task HearAsync() => (await RiderClient.OkAsync(await Http.GetAsync($"/v1/vehicles/{Id}/commands?seconds=20")))
        .GetProperty("commands").GetArrayLength().ShouldBe(1);

    public async Task<string> StateAsync()
    {
        using var staff = Platform.StaffClient();
        return (await RiderClient.OkAsync(await staff.GetAsync($"/v1/vehicles/{Id}"))).GetProperty("state").GetString()!;
    }
}
