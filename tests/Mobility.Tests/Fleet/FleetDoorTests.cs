using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Fleet;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Events;
using Mobility.Platform.Http;
using Mobility.Platform.Modules;
using Mobility.Tests.Support;

namespace Mobility.Tests.Fleet;

/// <summary>Fleet through its doors: real HTTP, real PostgreSQL, the small pack.</summary>
public sealed class FleetDoorTests(PlatformFixture platform) : IClassFixture<PlatformFixture>
{
    private static readonly CityId Tiny = new("tiny");
    private static readonly AccountId Rider = Id.Named<AccountId>("fleet-tests", "rider");
    private static int names;

    [Fact, Trait("Req", "BKG-1")]
    public async Task Nearby_are_the_rentable_vehicles_nearest_first_with_their_distance()
    {
        using var rider = platform.RiderClient(Rider);
        var found = await NearbyAsync(rider, "lat=50&lon=10&radius=2000");
        found.Select(v => (v.GetProperty("label").GetString(), v.GetProperty("distanceMeters").GetInt32())).ShouldBe([("s-1", 132), ("s-3", 222), ("v-1", 357)]);
        (await LabelsAsync(rider, "lat=50&lon=10&radius=2000&kind=scooter")).ShouldBe(["s-1", "s-3"]);
        (await LabelsAsync(rider, "lat=50&lon=10&radius=2000&minStateOfCharge=80")).ShouldBe(["s-1", "v-1"]);
        (await LabelsAsync(rider, "lat=50&lon=10&radius=5000&limit=2")).ShouldBe(["s-1", "s-3"]);
        (await LabelsAsync(rider, "lat=50&lon=10&radius=200")).ShouldBe(["s-1"]);
        (await LabelsAsync(rider, "lat=-50&lon=10&radius=5000")).ShouldBeEmpty();
    }

    [Theory, Trait("Req", "BKG-1")]
    [InlineData("", "telemetry.location_required")]
    [InlineData("lat=50", "telemetry.location_required")]
    [InlineData("lat=NaN&lon=10", "request.invalid_field")]
    [InlineData("lat=91&lon=10", "request.invalid_field")]
    [InlineData("lat=abc&lon=10", "request.invalid_parameter")]
    [InlineData("lat=50&lon=10&radius=5001", "request.invalid_field")]
    [InlineData("lat=50&lon=10&radius=0", "request.invalid_field")]
    [InlineData("lat=50&lon=10&kind=tank", "request.invalid_field")]
    [InlineData("lat=50&lon=10&kind=%00", "request.nul_character")]
    [InlineData("lat=50&lon=10&limit=51", "request.invalid_field")]
    [InlineData("lat=50&lon=10&minStateOfCharge=101", "request.invalid_field")]
    public async Task A_search_that_makes_no_sense_is_refused_with_a_code(string query, string code)
    {
        using var rider = platform.RiderClient(Rider);
        await Replies.RefusedAsync(await rider.GetAsync($"/v1/vehicles/nearby?{query}"), HttpStatusCode.BadRequest, code);
    }

    [Fact]
    public async Task A_vehicle_is_shown_to_riders_by_its_id()
    {
        using var rider = platform.RiderClient(Rider);
        var vehicle = await rider.GetFromJsonAsync<JsonElement>($"/v1/vehicles/{VehicleId.Of(Tiny, "s-2")}");
        (vehicle.GetProperty("state").GetString(), vehicle.GetProperty("rentable").GetBoolean(), vehicle.GetProperty("rangeMeters").GetInt32())
            .ShouldBe(("available", false, 4_800), "12 % are less than the type's 15 %");
        await Replies.RefusedAsync(await rider.GetAsync($"/v1/vehicles/{VehicleId.Of(Tiny, "none")}"), HttpStatusCode.NotFound, "fleet.no_such_vehicle");
        await Replies.RefusedAsync(await rider.GetAsync("/v1/vehicles/veh_1"), HttpStatusCode.BadRequest, "request.invalid_parameter");
        await Replies.RefusedAsync(await rider.GetAsync("/v1/fleet/vehicles"), HttpStatusCode.Forbidden, "auth.forbidden");
    }

    [Fact, Trait("Req", "FLT-1")]
    public async Task Staff_take_a_vehicle_through_its_life()
    {
        using var staff = platform.StaffClient();
        var label = $"life-{Interlocked.Increment(ref names)}";
        var registration = new { city = "tiny", label, type = "scooter", position = new GeoPoint(52, 12), stateOfChargePercent = 50 };
        var registered = await staff.PostAsJsonAsync("/v1/fleet/vehicles", registration, MobilityJson.Http);
        registered.StatusCode.ShouldBe(HttpStatusCode.Created);
        await Replies.RefusedAsync(await staff.PostAsJsonAsync("/v1/fleet/vehicles", registration, MobilityJson.Http), HttpStatusCode.Conflict, "fleet.already_registered");
        var id = VehicleId.Of(Tiny, label);
        foreach (var (action, body, phase, state) in new (string, object, string, string)[]
                 {
                     ("activate", new { }, "active", "available"),
                     ("battery", new { pack = "pack-1", stateOfChargePercent = 100 }, "active", "available"),
                     ("relocate", new { position = new GeoPoint(52.1, 12.1), stateOfChargePercent = 99 }, "active", "available"),
                     ("deactivate", new { reason = "flat tire" }, "out_of_service", "non_operational"),
                     ("reactivate", new { }, "active", "available"),
                     ("retire", new { }, "retired", "removed"),
                 })
        {
            var moved = await staff.PostAsJsonAsync($"/v1/fleet/vehicles/{id}/{action}", body, MobilityJson.Http);
            moved.StatusCode.ShouldBe(HttpStatusCode.OK, $"{action}: {await moved.Content.ReadAsStringAsync()}");
            var view = await moved.Content.ReadFromJsonAsync<JsonElement>();
            (view.GetProperty("phase").GetString(), view.GetProperty("state").GetString()).ShouldBe((phase, state), action);
        }
        foreach (var action in new[] { "activate", "deactivate", "reactivate", "retire" })
            await Replies.RefusedAsync(await staff.PostAsJsonAsync($"/v1/fleet/vehicles/{id}/{action}", new { }), HttpStatusCode.Conflict, "fleet.illegal_transition");
        await Replies.RefusedAsync(await staff.PostAsJsonAsync($"/v1/fleet/vehicles/{VehicleId.Of(Tiny, "none")}/activate", new { }), HttpStatusCode.NotFound, "fleet.no_such_vehicle");
        (await platform.ScalarAsync<string>($"SELECT string_agg(type, ' ' ORDER BY version) FROM fleet.events WHERE stream_id = '{id.Value}' AND type NOT LIKE 'state%'"))
            .ShouldBe("vehicle_registered.v1 vehicle_activated.v1 battery_installed.v1 vehicle_placed.v1 vehicle_deactivated.v1 vehicle_reactivated.v1 vehicle_retired.v1");
    }

    [Fact]
    public async Task Staff_page_through_the_fleet()
    {
        using var staff = platform.StaffClient();
        var labels = new List<string>();
        for (var cursor = ""; ;)
        {
            var page = await staff.GetFromJsonAsync<JsonElement>($"/v1/fleet/vehicles?city=tiny&limit=2{cursor}");
            labels.AddRange(page.GetProperty("vehicles").EnumerateArray().Select(v => v.GetProperty("label").GetString()!));
            if (!page.TryGetProperty("nextCursor", out var next))
                break;
            cursor = $"&cursor={next.GetString()}";
        }
        labels.ShouldBeUnique();
        new[] { "s-1", "s-2", "s-3", "v-1" }.ShouldBeSubsetOf(labels);
        await Replies.RefusedAsync(await staff.GetAsync("/v1/fleet/vehicles?city=%00"), HttpStatusCode.BadRequest, "request.nul_character");
        await Replies.RefusedAsync(await staff.GetAsync("/v1/fleet/vehicles?state=lost"), HttpStatusCode.BadRequest, "request.invalid_field");
    }

    [Fact]
    public async Task A_command_is_fetched_obeyed_once_and_told_with_its_booking()
    {
        var (vehicle, device) = await NewVehicleAsync();
        var (booking, command) = await AskAsync(vehicle, VehicleCommandKind.Unlock);
        await platform.SettleAsync();
        var waiting = (await device.GetFromJsonAsync<JsonElement>($"/v1/vehicles/{vehicle}/commands")).GetProperty("commands");
        waiting.EnumerateArray().ShouldHaveSingleItem().GetProperty("id").GetString().ShouldBe(command.ToString());

        for (var i = 0; i < 2; i++)
            (await ReportAsync(device, vehicle, "unlocked", command, key: $"try {i}")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await MessagesAsync("fleet.vehicle_unlocked.v1", vehicle)).ShouldHaveSingleItem().GetProperty("booking").GetString().ShouldBe(booking.ToString());
        (await device.GetFromJsonAsync<JsonElement>($"/v1/vehicles/{vehicle}/commands")).GetProperty("commands").GetArrayLength().ShouldBe(0);
        await PassAsync(TimeSpan.FromMinutes(1));
        (await MessagesAsync("fleet.command_failed.v1", vehicle)).ShouldBeEmpty();
    }

    [Fact, Trait("Req", "UNL-3")]
    public async Task A_vehicle_that_does_not_answer_in_time_fails_its_command_and_a_late_lock_is_still_told()
    {
        var (vehicle, device) = await NewVehicleAsync();
        var (booking, command) = await AskAsync(vehicle, VehicleCommandKind.Lock);
        await PassAsync(TimeSpan.FromSeconds(31));
        var failed = (await MessagesAsync("fleet.command_failed.v1", vehicle)).ShouldHaveSingleItem();
        (failed.GetProperty("reason").GetString(), failed.GetProperty("booking").GetString()).ShouldBe(("timeout", booking.ToString()));
        (await ReportAsync(device, vehicle, "locked", command)).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await MessagesAsync("fleet.vehicle_locked.v1", vehicle)).ShouldHaveSingleItem().GetProperty("booking").GetString().ShouldBe(booking.ToString());
    }

    [Fact]
    public async Task An_unlock_that_nobody_asked_for_is_told_without_a_booking()
    {
        var (vehicle, device) = await NewVehicleAsync();
        (await ReportAsync(device, vehicle, "unlocked", null)).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await MessagesAsync("fleet.vehicle_unlocked.v1", vehicle)).ShouldHaveSingleItem().TryGetProperty("booking", out _).ShouldBeFalse();
    }

    [Fact]
    public async Task A_report_is_refused_from_another_vehicle_without_a_key_and_with_a_wrong_clock()
    {
        var (vehicle, device) = await NewVehicleAsync();
        using var other = platform.DeviceClient(VehicleId.Of(Tiny, "s-1"));
        await Replies.RefusedAsync(await ReportAsync(other, vehicle, "unlocked", null), HttpStatusCode.Forbidden, "fleet.not_this_vehicle");
        await Replies.RefusedAsync(await other.GetAsync($"/v1/vehicles/{vehicle}/commands"), HttpStatusCode.Forbidden, "fleet.not_this_vehicle");
        await Replies.RefusedAsync(await ReportAsync(device, vehicle, "unlocked", null, key: null), HttpStatusCode.BadRequest, "request.idempotency_key");
        await Replies.RefusedAsync(await ReportAsync(device, vehicle, "unlocked", null, at: platform.Clock.GetUtcNow().AddMinutes(3)), HttpStatusCode.UnprocessableEntity, "fleet.clock_out_of_range");
        await Replies.RefusedAsync(await ReportAsync(device, vehicle, "unlocked", null, charge: 101), HttpStatusCode.BadRequest, "request.invalid_field");
    }

    [Fact]
    public async Task A_vehicle_follows_its_booking_from_the_hold_to_the_end()
    {
        var (vehicle, _) = await NewVehicleAsync();
        var booking = Id.New<BookingId>(platform.Clock);
        var now = platform.Clock.GetUtcNow();
        await PublishAsync(vehicle.Value, new BookingReservedV1(booking, Rider, vehicle, Tiny, VehicleKind.Scooter, now, now.AddMinutes(5), now));
        (await StateAsync(vehicle)).ShouldBe("reserved");
        await PublishAsync(vehicle.Value, new BookingReleasedV1(booking, Rider, vehicle, Tiny, ReleaseReason.Cancelled, Occupied: true, now));
        (await StateAsync(vehicle)).ShouldBe("available");

        var ride = Id.New<BookingId>(platform.Clock);
        await PublishAsync(vehicle.Value, new RideStartedV1(ride, Rider, vehicle, Tiny, now, new GeoPoint(51, 11)));
        (await StateAsync(vehicle)).ShouldBe("on_trip");
        await PublishAsync(vehicle.Value, new BookingReservedV1(ride, Rider, vehicle, Tiny, VehicleKind.Scooter, now, now.AddMinutes(5), now));
        (await StateAsync(vehicle)).ShouldBe("on_trip", "the hold is older news");
    }

    [Fact]
    public async Task A_vehicle_that_is_booked_for_later_stays_on_the_street()
    {
        var (vehicle, _) = await NewVehicleAsync("van");
        var booking = Id.New<BookingId>(platform.Clock);
        var now = platform.Clock.GetUtcNow();
        await PublishAsync(vehicle.Value, new BookingReservedV1(booking, Rider, vehicle, Tiny, VehicleKind.Van, now.AddDays(1), now.AddDays(1).AddHours(2), now));
        (await StateAsync(vehicle)).ShouldBe("available");
        await PublishAsync(vehicle.Value, new BookingWindowOpenedV1(booking, vehicle, now));
        (await StateAsync(vehicle)).ShouldBe("reserved");
    }

    [Fact]
    public async Task A_pack_that_is_loaded_again_resets_no_vehicle()
    {
        using var staff = platform.StaffClient();
        var id = VehicleId.Of(Tiny, "s-2");
        (await staff.PostAsJsonAsync($"/v1/fleet/vehicles/{id}/relocate", new { position = new GeoPoint(50.5, 10.5) }, MobilityJson.Http)).StatusCode.ShouldBe(HttpStatusCode.OK);
        var events = await platform.ScalarAsync<long>("SELECT count(*) FROM fleet.events");
        await platform.App.LoadPackAsync(Path.Combine(AppContext.BaseDirectory, "Packs", "fixtures", "tiny"), CancellationToken.None);
        (await platform.ScalarAsync<double>($"SELECT lat FROM fleet.vehicles WHERE id = '{id.Value}'")).ShouldBe(50.5);
        (await platform.ScalarAsync<long>("SELECT count(*) FROM fleet.events")).ShouldBe(events);
    }

    [Fact, Trait("Req", "EVT-4")]
    public async Task The_laws_hold_and_the_table_equals_its_rebuild()
    {
        var (vehicle, device) = await NewVehicleAsync();
        await ReportAsync(device, vehicle, "locked", null);
        var module = platform.App.Modules.Single(m => m.Module == "fleet");
        await foreach (var result in Auditor.RunAsync([module], platform.Services, platform.Clock.GetUtcNow(), CancellationToken.None))
            if (result.Name.StartsWith("fleet", StringComparison.Ordinal) || result.Name.Contains("vehicles", StringComparison.Ordinal))
                result.Violations.ShouldBeEmpty(result.Name);
    }

    private async Task<(VehicleId Vehicle, HttpClient Device)> NewVehicleAsync(string type = "scooter")
    {
        using var staff = platform.StaffClient();
        var label = $"door-{Interlocked.Increment(ref names)}";
        (await staff.PostAsJsonAsync("/v1/fleet/vehicles", new { city = "tiny", label, type, position = new GeoPoint(51, 11), stateOfChargePercent = 90 }, MobilityJson.Http))
            .StatusCode.ShouldBe(HttpStatusCode.Created);
        var id = VehicleId.Of(Tiny, label);
        (await staff.PostAsJsonAsync($"/v1/fleet/vehicles/{id}/activate", new { })).StatusCode.ShouldBe(HttpStatusCode.OK);
        return (id, platform.DeviceClient(id));
    }

    private async Task<(BookingId Booking, VehicleCommandId Command)> AskAsync(VehicleId vehicle, VehicleCommandKind kind)
    {
        var (booking, command) = (Id.New<BookingId>(platform.Clock), Id.New<VehicleCommandId>(platform.Clock));
        await PublishAsync(vehicle.Value, new VehicleCommandRequestedV1(booking, Rider, vehicle, command, kind, platform.Clock.GetUtcNow()));
        return (booking, command);
    }

    private async Task PublishAsync<T>(Guid key, T message) where T : IContractEvent
    {
        var work = platform.Services.GetRequiredService<CommandRunner<FleetModule>>().NewWork("test");
        work.Publish(key, message);
        (await work.CommitAsync(CancellationToken.None)).Outcome.ShouldBe(CommitOutcome.Committed);
        await platform.SettleAsync();
    }

    private async Task PassAsync(TimeSpan time)
    {
        await platform.SettleAsync();
        platform.Clock.Advance(time);
        await platform.SettleAsync();
    }

    private Task<string?> StateAsync(VehicleId vehicle) => platform.ScalarAsync<string>($"SELECT state FROM fleet.vehicles WHERE id = '{vehicle.Value}'");

    private async Task<IReadOnlyList<JsonElement>> MessagesAsync(string type, VehicleId vehicle)
    {
        var json = await platform.ScalarAsync<string>(
            $"SELECT coalesce(jsonb_agg(data ORDER BY xid, position), '[]')::text FROM bus.messages WHERE type = '{type}' AND key = '{vehicle.Value}'");
        return [.. JsonDocument.Parse(json!).RootElement.EnumerateArray()];
    }

    private async Task<HttpResponseMessage> ReportAsync(
        HttpClient device, VehicleId vehicle, string kind, VehicleCommandId? command, string? key = "report", DateTimeOffset? at = null, int charge = 80)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/vehicles/{vehicle}/reports")
        {
            Content = JsonContent.Create(
                new { kind, command, at = at ?? platform.Clock.GetUtcNow(), position = new GeoPoint(51, 11), stateOfChargePercent = charge, odometerMeters = 1_000 },
                options: MobilityJson.Http),
        };
        if (key is not null)
            request.Headers.Add("Idempotency-Key", key);
        return await device.SendAsync(request);
    }

    private static async Task<IReadOnlyList<JsonElement>> NearbyAsync(HttpClient rider, string query) =>
        [.. (await rider.GetFromJsonAsync<JsonElement>($"/v1/vehicles/nearby?{query}")).GetProperty("vehicles").EnumerateArray()];

    private static async Task<string?[]> LabelsAsync(HttpClient rider, string query) => [.. (await NearbyAsync(rider, query)).Select(v => v.GetProperty("label").GetString())];
}
