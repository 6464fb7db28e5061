using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Telemetry.Ingest;
using Mobility.Telemetry.Live;
using Mobility.Tests.Support;

namespace Mobility.Tests.Telemetry.Live;

/// <summary>The live fleet through its doors: real HTTP, Fleet's news over the bus, reports as the ingest hands them over.</summary>
public sealed class LiveDoorTests(PlatformFixture platform) : IClassFixture<PlatformFixture>
{
    private static readonly CityId Tiny = new("tiny");
    private static readonly AccountId Rider = Id.Named<AccountId>("live-tests", "rider");

    [Fact, Trait("Req", "BKG-1")]
    public async Task Vehicles_are_found_by_box_range_and_type()
    {
        using var rider = platform.RiderClient(Rider);
        (await LabelsAsync(rider, "box=49.999,9.999,50.003,10.0011")).ShouldBe(["s-1", "s-3"], ignoreOrder: true);
        (await LabelsAsync(rider, "lat=50&lon=10&radius=2000&type=van")).ShouldBe(["v-1"]);
        (await LabelsAsync(rider, "lat=50&lon=10&radius=2000&type=unicorn")).ShouldBeEmpty();
        var all = await NearbyAsync(rider, "lat=50&lon=10&radius=2000");
        foreach (var vehicle in all)
        {
            var range = vehicle.GetProperty("rangeMeters").GetInt32();
            var id = vehicle.GetProperty("id").GetString();
            (await NearbyAsync(rider, $"lat=50&lon=10&radius=2000&minRange={range}")).ShouldContain(v => v.GetProperty("id").GetString() == id);
            (await NearbyAsync(rider, $"lat=50&lon=10&radius=2000&minRange={range + 1}")).ShouldNotContain(v => v.GetProperty("id").GetString() == id);
            var one = await rider.GetFromJsonAsync<VehicleSummary>($"/v1/vehicles/{id}", Mobility.Platform.MobilityJson.Http);
            var seen = JsonSerializer.Deserialize<FindNearbyVehicles.Vehicle>(vehicle, MobilityJson.Http)!;
            (seen.Id, seen.Label, seen.City, seen.Type, seen.Kind, seen.Position, seen.StateOfChargePercent, seen.RangeMeters)
                .ShouldBe((one!.Id, one.Label, one.City, one.Type, one.Kind, one.Position, one.StateOfChargePercent, one.RangeMeters), "as Fleet has it");
        }
    }

    [Theory]
    [InlineData("box=1,2,3", "box")]
    [InlineData("box=50,10,49,11", "box")]
    [InlineData("box=50,10,52,11", "box")]
    [InlineData("box=50,10,NaN,11", "box")]
    [InlineData("lat=50&lon=10&minRange=-1", "minRange")]
    [InlineData("lat=50&lon=10&type=%20", "type")]
    public async Task A_search_that_makes_no_sense_is_refused_with_its_field(string query, string field)
    {
        using var rider = platform.RiderClient(Rider);
        var reply = await rider.GetAsync($"/v1/vehicles/nearby?{query}");
        reply.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await reply.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("field").GetString().ShouldBe(field);
    }

    [Fact, Trait("Req", "BKG-1")]
    public async Task The_search_follows_what_staff_and_vehicles_do_and_equals_their_records()
    {
        using var rider = platform.RiderClient(Rider);
        var (id, place) = await NewVehicleAsync("follow-1", new GeoPoint(51.5, 11.5));
        await ShowsAsync(rider, place, id, true);
        Report(id, new GeoPoint(51.6, 11.6), 77, platform.Clock.GetUtcNow().AddSeconds(1));
        await ShowsAsync(rider, place, id, false);
        await ShowsAsync(rider, new GeoPoint(51.6, 11.6), id, true);
        using var staff = platform.StaffClient();
        (await staff.PostAsJsonAsync($"/v1/fleet/vehicles/{id}/deactivate", new { reason = "flat tire" })).EnsureSuccessStatusCode();
        await ShowsAsync(rider, new GeoPoint(51.6, 11.6), id, false);
        (await staff.PostAsJsonAsync($"/v1/fleet/vehicles/{id}/reactivate", new { })).EnsureSuccessStatusCode();
        await ShowsAsync(rider, new GeoPoint(51.6, 11.6), id, true);
        await platform.SettleAsync();
        var feed = platform.Services.GetRequiredService<LiveFleetFeed>();
        await Eventually.GetAsync(() => feed.CompareAsync(CancellationToken.None), differences => !differences.Any(d => !d.Contains(id.ToString(), StringComparison.Ordinal)),
            "the live fleet equals Fleet's streams");
    }

    [Fact, Trait("Req", "BKG-1")]
    public async Task A_stream_tells_what_enters_moves_and_leaves_its_box()
    {
        using var rider = platform.RiderClient(Rider);
        var (id, _) = await NewVehicleAsync("stream-1", new GeoPoint(53.5, 12.5));
        await ShowsAsync(rider, new GeoPoint(53.5, 12.5), id, true);
        using var reply = await rider.GetAsync("/v1/vehicles/stream?box=53.4,12.4,53.6,12.6", HttpCompletionOption.ResponseHeadersRead);
        reply.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
        using var lines = new StreamReader(await reply.Content.ReadAsStreamAsync());
        (await NextAsync(lines)).ShouldBe(("enter", id.ToString(), 53.5));
        var now = platform.Clock.GetUtcNow();
        Report(id, new GeoPoint(53.55, 12.5), 70, now.AddSeconds(1));
        (await NextAsync(lines)).ShouldBe(("move", id.ToString(), 53.55));
        Report(id, new GeoPoint(53.7, 12.5), 70, now.AddSeconds(2));
        (await NextAsync(lines)).ShouldBe(("leave", id.ToString(), null));
        (await rider.GetAsync("/v1/vehicles/stream?box=1,2,3,4")).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await rider.GetAsync("/v1/vehicles/stream?box=53.4,12.4,53.6,12.6&all=true")).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
    }

    private static async Task<(string Event, string Id, double? Latitude)> NextAsync(StreamReader lines)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (true)
        {
            var kind = await lines.ReadLineAsync(patience.Token) ?? throw new EndOfStreamException();
            if (!kind.StartsWith("event: ", StringComparison.Ordinal))
                continue;
            var data = JsonDocument.Parse((await lines.ReadLineAsync(patience.Token))!["data: ".Length..]).RootElement;
            return (kind["event: ".Length..], data.GetProperty("id").GetString()!, data.TryGetProperty("position", out var position) ? position.GetProperty("lat").GetDouble() : null);
        }
    }

    private async Task<(VehicleId Id, GeoPoint Place)> NewVehicleAsync(string label, GeoPoint place)
    {
        using var staff = platform.StaffClient();
        (await staff.PostAsJsonAsync("/v1/fleet/vehicles", new { city = "tiny", label, type = "scooter", position = place, stateOfChargePercent = 90 }, MobilityJson.Http))
            .EnsureSuccessStatusCode();
        var id = VehicleId.Of(Tiny, label);
        (await staff.PostAsJsonAsync($"/v1/fleet/vehicles/{id}/activate", new { })).EnsureSuccessStatusCode();
        return (id, place);
    }

    /// <summary>As the ingest does once a report is durable.</summary>
    private void Report(VehicleId vehicle, GeoPoint position, short charge, DateTimeOffset at)
    {
        foreach (var listener in platform.Services.GetServices<IReportListener>())
            listener.OnDurable([new VehicleReport { Vehicle = vehicle, Sequence = 1, At = at, ReceivedAt = at, Position = position, StateOfChargePercent = charge }]);
    }

    private static Task ShowsAsync(HttpClient rider, GeoPoint place, VehicleId vehicle, bool expected) => Eventually.TrueAsync(
        async () => (await NearbyAsync(rider, FormattableString.Invariant($"lat={place.LatitudeDegrees}&lon={place.LongitudeDegrees}&radius=50")))
            .Any(v => v.GetProperty("id").GetString() == vehicle.ToString()) == expected,
        $"{vehicle} is {(expected ? "" : "not ")}offered at {place}");

    private static async Task<List<string?>> LabelsAsync(HttpClient rider, string query) =>
        [.. (await NearbyAsync(rider, query)).Select(v => v.GetProperty("label").GetString())];

    private static async Task<List<JsonElement>> NearbyAsync(HttpClient client, string query)
    {
        var reply = await client.GetAsync($"/v1/vehicles/nearby?{query}");
        reply.StatusCode.ShouldBe(HttpStatusCode.OK, await reply.Content.ReadAsStringAsync());
        return [.. (await reply.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("vehicles").EnumerateArray()];
    }
}
