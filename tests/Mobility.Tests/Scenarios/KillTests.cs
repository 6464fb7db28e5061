using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Host.Commands;
using Mobility.Identity;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Tests.Support;
using Xunit.Abstractions;

namespace Mobility.Tests.Scenarios;

/// <summary>
/// The real program is killed again and again while people ride: whatever it was doing, nothing that was acknowledged is lost and nothing happens twice.
/// Riders and vehicles do what their apps would: they repeat what was not answered, with the same Idempotency-Key.
/// </summary>
public sealed class KillTests(ITestOutputHelper output, PlatformFixture platform) : IClassFixture<PlatformFixture>
{
    private const int Riders = 8;
    private const int RidesEach = 4;
    private const int Kills = 6;

    private static readonly Dictionary<string, string> ChildSettings = new()
    {
        ["MOBILITY_Identity__KeyProtection"] = Convert.ToBase64String(new byte[32]),
        ["MOBILITY_Logging__LogLevel__Default"] = "Critical",
        ["MOBILITY_RateLimits__bookings"] = "100000",
        ["MOBILITY_RateLimits__quotes"] = "100000",
        ["MOBILITY_RateLimits__payment_methods"] = "100000",
        ["MOBILITY_RateLimits__vehicle-reports"] = "100000",
        ["MOBILITY_RateLimits__vehicle-commands"] = "100000",
    };

    /// <summary>The program is down more than it is up while it is being killed, and the machine may be slow.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    private volatile string _address = "";

    [Fact, Trait("Req", "EVT-7"), Trait("Req", "EVT-8"), Trait("Req", "EVT-9"), Trait("Req", "PAY-3")]
    public async Task Rides_survive_a_process_that_is_killed_again_and_again()
    {
        // This fixture's own process only signs tokens and audits; it is stopped, so that the killed one is alone.
        await platform.App.Web.StopAsync();
        var folder = Directory.CreateTempSubdirectory("mobility-kill-").FullName;
        var stop = new CancellationTokenSource();
        var killing = KillAgainAndAgainAsync(folder, stop.Token);
        try
        {
            var settled = await Task.WhenAll(Enumerable.Range(0, Riders).Select(RideAsync));
            settled.Sum().ShouldBe(Riders * RidesEach);
        }
        finally
        {
            await stop.CancelAsync();
            output.WriteLine($"killed {await killing} times");
            Directory.Delete(folder, recursive: true);
        }
        (await platform.ScalarAsync<long>("SELECT count(*) FROM booking.bookings WHERE phase = 'settled'")).ShouldBe(Riders * RidesEach);
        (await platform.ScalarAsync<long>("SELECT count(*) FROM payments.invoices")).ShouldBe(Riders * RidesEach);
        (await platform.ScalarAsync<long>("SELECT count(*) FROM payments.sim_intents WHERE captured > 0")).ShouldBe(Riders * RidesEach);
        var results = await AuditCommand.CheckAsync(platform.App, TimeProvider.System.GetUtcNow() + TimeSpan.FromMinutes(5), new Progress<string>(), CancellationToken.None);
        results.Where(r => r.Violations.Count > 0).SelectMany(r => r.Violations.Select(v => $"{r.Name}: {v}")).ShouldBeEmpty();
    }

    /// <summary>Starts the program and kills it after a while, six times; the last one lives until the riders are done.</summary>
    private async Task<int> KillAgainAndAgainAsync(string folder, CancellationToken ct)
    {
        var random = new Random(7);
        for (var kills = 0; ; kills++)
        {
            await using var host = new HostProcess(["up", "--data", folder, "--port", "0", "--database", platform.ConnectionString,
                "--pack", Path.Combine(AppContext.BaseDirectory, "Packs", "fixtures", "tiny")], ChildSettings);
            _address = await host.WaitForAddressAsync();
            try
            {
                await Task.Delay(kills < Kills ? TimeSpan.FromMilliseconds(random.Next(1_000, 4_000)) : Timeout.InfiniteTimeSpan, ct);
            }
            catch (OperationCanceledException)
            {
                return kills;
            }
            finally
            {
                host.Signal("KILL");
                await host.EndAsync();
            }
        }
    }

    private async Task<int> RideAsync(int number)
    {
        var rider = Id.Named<AccountId>("kill-tests", $"rider {number}");
        using var http = ClientOf(CallerKind.Rider, rider.Value, Roles.PermissionsOf(Roles.BookableRider));
        using var staff = ClientOf(CallerKind.Staff, Guid.CreateVersion7(), Roles.PermissionsOf("admin"));
        var vehicle = VehicleId.Of(new CityId("tiny"), $"k-{number}");
        using var device = ClientOf(CallerKind.Device, vehicle.Value, Roles.PermissionsOf(Roles.Device));
        await SendAsync(http, "POST", "/v1/payments/methods", new { token = "tok_visa" });
        await SendAsync(staff, "POST", "/v1/fleet/vehicles", new
        {
            city = "tiny",
            label = $"k-{number}",
            type = "scooter",
            position = new { lat = 50.0 + number * 0.0005, lon = 10.0 },
            stateOfChargePercent = 90,
        }, HttpStatusCode.Conflict);
        await SendAsync(staff, "POST", $"/v1/fleet/vehicles/{vehicle}/activate", new { }, HttpStatusCode.Conflict);
        var rides = 0;
        while (rides < RidesEach)
        {
            var quote = await SendAsync(http, "POST", "/v1/quotes", new { vehicleId = vehicle }, HttpStatusCode.Conflict);
            if (!quote.TryGetProperty("id", out var quoteId))
            {
                await Task.Delay(50); // the ride before is still on its way to the fleet
                continue;
            }
            var booking = (await SendAsync(http, "POST", "/v1/bookings", new { quoteId = quoteId.GetString(), safetyChecklist = true })).GetProperty("id").GetString();
            await SendAsync(http, "POST", $"/v1/bookings/{booking}/confirm", null);
            await UntilAsync(http, booking, "confirmed");
            await SendAsync(http, "POST", $"/v1/bookings/{booking}/unlock", null);
            await ObeyAsync(device, vehicle, "unlocked", rides * 1_000);
            await UntilAsync(http, booking, "riding");
            await SendAsync(http, "POST", $"/v1/bookings/{booking}/end", null);
            await ObeyAsync(device, vehicle, "locked", rides * 1_000 + 1_000);
            await UntilAsync(http, booking, "settled");
            rides++;
        }
        return rides;
    }

    private async Task ObeyAsync(HttpClient device, VehicleId vehicle, string report, long odometer)
    {
        var commands = await Eventually.GetAsync(async () => (await SendAsync(device, "GET", $"/v1/vehicles/{vehicle}/commands?seconds=2", null)).GetProperty("commands"),
            found => found.GetArrayLength() > 0, "a command for the vehicle", Patience);
        await SendAsync(device, "POST", $"/v1/vehicles/{vehicle}/reports", new
        {
            kind = report,
            command = commands[0].GetProperty("id").GetString(),
            at = TimeProvider.System.GetUtcNow(),
            position = new { lat = 50.0, lon = 10.0 },
            stateOfChargePercent = 80,
            odometerMeters = odometer,
        });
    }

    private async Task UntilAsync(HttpClient http, string? booking, string phase) => await Eventually.GetAsync(
        () => SendAsync(http, "GET", $"/v1/bookings/{booking}?waitFor={phase}&seconds=2", null),
        view => view.GetProperty("phase").GetString() == phase, $"booking {booking} is {phase}", Patience);

    /// <summary>Sends until it is answered; a repetition carries the same key.</summary>
    private async Task<JsonElement> SendAsync(HttpClient http, string method, string path, object? body, params HttpStatusCode[] alsoFine)
    {
        var key = Guid.CreateVersion7().ToString("N");
        return await Eventually.GetAsync(async () =>
        {
            try
            {
                using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(new Uri(_address), path));
                request.Headers.Add("Idempotency-Key", key);
                if (body is not null)
                    request.Content = JsonContent.Create(body, options: MobilityJson.Http);
                using var reply = await http.SendAsync(request);
                var text = await reply.Content.ReadAsStringAsync();
                if (reply.StatusCode == HttpStatusCode.ServiceUnavailable)
                    return (JsonElement?)null;
                (reply.IsSuccessStatusCode || alsoFine.Contains(reply.StatusCode)).ShouldBeTrue($"{method} {path}: {text}");
                return text.Length == 0 ? default(JsonElement) : JsonSerializer.Deserialize<JsonElement>(text);
            }
            catch (Exception e) when (e is HttpRequestException or IOException or UriFormatException or TaskCanceledException)
            {
                return null; // it was killed; the next one is coming
            }
        }, answer => answer is not null, $"an answer to {method} {path}", Patience) ?? default;
    }

    private HttpClient ClientOf(CallerKind kind, Guid subject, IEnumerable<string> permissions)
    {
        var client = new HttpClient { Timeout = TimeSpan.FromSeconds(10) };
        // The tokens are signed on the tests' clock, which stands in the past; the program reads the machine's.
        var lifetime = TimeProvider.System.GetUtcNow() - platform.Clock.GetUtcNow() + TimeSpan.FromHours(1);
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer",
            platform.Services.GetRequiredService<TokenIssuer>().Issue(subject, kind, permissions, lifetime));
        return client;
    }
}
