using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Identity;
using Mobility.Platform;
using Mobility.Tests.Bookings;

namespace Mobility.Tests.Observability;

/// <summary>The whole platform, every log line of which is kept.</summary>
public sealed class LoggedPlatform : BookingPlatform
{
    internal LogTests.Lines Lines { get; } = new(json: true);

    protected override IReadOnlyDictionary<string, string?> Settings => new Dictionary<string, string?>(base.Settings)
    {
        ["Logging:LogLevel:Default"] = "Trace",
        ["Logging:LogLevel:Microsoft.AspNetCore"] = "Trace",
        ["Logging:Console:LogLevel:Default"] = "None",
        ["Notifications:Mailbox"] = "true",
    };

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        Services.GetRequiredService<ILoggerFactory>().AddProvider(Lines);
    }
}

/// <summary>One person's way through the whole platform, as logs and traces tell it.</summary>
public sealed class JourneyTests(LoggedPlatform platform) : IClassFixture<LoggedPlatform>
{
    private const string Email = "robin.rider@example.org";
    private const string Phone = "+4915155501234";
    private const string Password = "correct horse battery";
    private static readonly GeoPoint Place = new(50.345678, 11.456789);

    [Fact, Trait("Req", "OBS-1")]
    public async Task A_whole_registration_and_ride_log_no_address_number_place_or_secret()
    {
        var vehicle = await platform.NewVehicleAsync(place: Place);
        await OkAsync(await platform.Http.PostAsJsonAsync("/v1/accounts",
            new { email = Email, phone = Phone, password = Password, displayName = "Robin", language = "en", birthDate = "1990-02-03" }));
        var (token, refresh) = await SignInAsync(("grant_type", "password"), ("username", Email), ("password", Password));
        using var person = platform.NewClient(token);
        var emailCode = await CodeOfAsync(Email);
        await OkAsync(await person.PostAsJsonAsync("/v1/accounts/me/verify", new { channel = "email", code = emailCode }));
        await OkAsync(await person.PostAsJsonAsync("/v1/accounts/me/verify", new { channel = "phone", code = await CodeOfAsync(Phone) }));
        await OkAsync(await person.PostAsJsonAsync("/v1/accounts/me/terms", new { version = Account.CurrentTerms }));
        await OkAsync(await person.PostAsJsonAsync("/v1/payments/methods", new { token = "tok_visa" }));
        await platform.SettleAsync();
        (token, _) = await SignInAsync(("grant_type", "refresh_token"), ("refresh_token", refresh));
        person.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        var me = await OkAsync(await person.GetAsync("/v1/accounts/me"));
        var rider = new RiderClient(person, Id.Parse<AccountId>(me.GetProperty("id").GetString()!));
        await person.GetAsync($"/v1/vehicles?lat=50.345678&lon=11.456789&radius=300");
        var booking = await BookingPlatform.RideAsync(rider, vehicle);
        await platform.PassAsync(10);
        await rider.DoAsync(booking, "end");
        await vehicle.ObeyAsync(1_000);
        await BookingPlatform.SettledAsync(rider, booking);
        await person.GetAsync("/v1/accounts/me?nonsense=robin.rider%40example.org");

        platform.Lines.Written.Count.ShouldBeGreaterThan(100);
        foreach (var secret in (string[])["robin.rider", "15155501234", "50.3456", "11.4567", Password, token, refresh])
        {
            platform.Lines.Written.Where(line => line.Contains(secret, StringComparison.OrdinalIgnoreCase)).Take(3).ShouldBeEmpty();
            platform.Lines.Ours.Where(line => line.Contains(secret, StringComparison.OrdinalIgnoreCase)).Take(3).ShouldBeEmpty();
        }
        platform.Lines.Ours.Where(line => Regex.IsMatch(line, $@"\b{emailCode}\b")).Take(3).ShouldBeEmpty();
    }

    [Fact, Trait("Req", "OBS-1")]
    public async Task One_booking_can_be_followed_by_its_trace_through_requests_database_and_reactions()
    {
        var (rider, vehicle) = (await platform.NewRiderAsync(), await platform.NewVehicleAsync());
        using var recorder = new TraceRecorder();
        rider.Http.DefaultRequestHeaders.Add("traceparent", $"00-{recorder.TraceId}-00f067aa0ba902b7-01");

        var booking = await rider.BookAsync(vehicle.Id);
        await rider.ConfirmAsync(booking);
        await platform.SettleAsync();

        var spans = await recorder.WaitForAsync("POST /v1/quotes", "POST /v1/bookings", "POST /v1/bookings/{id}/confirm");
        var reactions = spans.Where(s => s.Kind == ActivityKind.Consumer).Select(s => s.OperationName.Split('.')[0]).ToHashSet();
        reactions.ShouldContain("fleet"); // keeps the vehicle
        reactions.ShouldContain("payments"); // authorizes
        reactions.ShouldContain("booking"); // hears of the authorization, two modules and three transactions later
        spans.Count(s => s.Source.Name == "Npgsql").ShouldBeGreaterThan(6);
        platform.Lines.Written.ShouldAllBe(line => !line.Contains("\"level\":\"error\"", StringComparison.Ordinal));
    }

    private async Task<(string Access, string Refresh)> SignInAsync(params (string Name, string Value)[] fields)
    {
        using var form = new FormUrlEncodedContent(fields.Select(f => KeyValuePair.Create(f.Name, f.Value)));
        var reply = await OkAsync(await platform.Http.PostAsync("/oauth2/token", form));
        return (reply.GetProperty("access_token").GetString()!, reply.GetProperty("refresh_token").GetString()!);
    }

    private async Task<string> CodeOfAsync(string address)
    {
        await platform.SettleAsync();
        var mailbox = await platform.Http.GetFromJsonAsync<JsonElement>($"/dev/mailbox.json?to={Uri.EscapeDataString(address)}");
        return mailbox.GetProperty("messages").EnumerateArray().First(m => m.GetProperty("template").GetString() == "code")
            .GetProperty("values").GetProperty("code").GetString()!;
    }

    private static async Task<JsonElement> OkAsync(HttpResponseMessage reply)
    {
        var text = await reply.Content.ReadAsStringAsync();
        reply.IsSuccessStatusCode.ShouldBeTrue(text);
        return text.Length == 0 ? default : JsonSerializer.Deserialize<JsonElement>(text);
    }
}
