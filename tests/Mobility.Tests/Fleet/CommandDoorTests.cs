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

/// <summary>Commands of staff through the doors, to a vehicle without MQTT: real HTTP, real PostgreSQL.</summary>
public sealed class CommandDoorTests(PlatformFixture platform) : IClassFixture<PlatformFixture>
{
    private static int names;

    [Fact, Trait("Req", "FLT-2")]
    public async Task Staff_sound_the_horn_and_see_that_it_was_heard()
    {
        var (vehicle, device) = await NewVehicleAsync();
        using var staff = platform.StaffClient("field_technician");
        var sent = await AcceptedAsync(staff, vehicle, new { kind = "horn", reason = "where is it" });
        var command = sent.GetProperty("id").GetString();
        (await device.GetFromJsonAsync<JsonElement>($"/v1/vehicles/{vehicle}/commands")).GetProperty("commands").EnumerateArray().ShouldHaveSingleItem()
            .GetProperty("kind").GetString().ShouldBe("horn");
        for (var i = 0; i < 2; i++)
            (await AnswerAsync(device, vehicle, command, new { answer = "done", at = platform.Clock.GetUtcNow(), position = new GeoPoint(51.5, 11) }, $"try {i}"))
                .StatusCode.ShouldBe(HttpStatusCode.OK);
        var seen = await staff.GetFromJsonAsync<JsonElement>($"/v1/fleet/vehicles/{vehicle}/commands/{command}");
        seen.GetProperty("phase").GetString().ShouldBe("done");
        seen.GetProperty("position").GetProperty("lat").GetDouble().ShouldBe(51.5);
        var steps = seen.GetProperty("steps").EnumerateArray().ToList();
        steps.Select(step => step.GetProperty("what").GetString()).ShouldBe(["sent", "done"]);
        (steps[0].GetProperty("by").GetString(), steps[0].GetProperty("why").GetString())
            .ShouldBe((Id.Named<AccountId>("test-staff", "field_technician").ToString(), "where is it"));
        await PassAsync(TimeSpan.FromMinutes(3));
        (await FailuresAsync(vehicle)).ShouldBeEmpty();
        await LawsHoldAsync();
    }

    [Fact, Trait("Req", "FLT-2")]
    public async Task A_command_that_is_not_answered_is_given_up_at_its_deadline_and_one_that_is_refused_at_once()
    {
        var (vehicle, device) = await NewVehicleAsync();
        using var staff = platform.StaffClient();
        var silent = (await AcceptedAsync(staff, vehicle, new { kind = "speed_limit", speedLimitKph = 10 })).GetProperty("id").GetString();
        (await device.GetFromJsonAsync<JsonElement>($"/v1/vehicles/{vehicle}/commands")).GetProperty("commands")[0].GetProperty("speedLimitKph").GetInt32().ShouldBe(10);
        await PassAsync(TimeSpan.FromSeconds(31));
        (await LastStepAsync(staff, vehicle, silent)).ShouldBe(("given_up", "timeout"));
        var refused = (await AcceptedAsync(staff, vehicle, new { kind = "locate" })).GetProperty("id").GetString();
        (await AnswerAsync(device, vehicle, refused, new { answer = "refused", at = platform.Clock.GetUtcNow(), reason = "no_fix" })).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await LastStepAsync(staff, vehicle, refused)).ShouldBe(("given_up", "refused_no_fix"));
        (await FailuresAsync(vehicle)).ShouldBe([("speed_limit", "timeout", false), ("locate", "refused_no_fix", false)]);
        (await AnswerAsync(device, vehicle, silent, new { answer = "done", at = platform.Clock.GetUtcNow() }, "late")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await LastStepAsync(staff, vehicle, silent)).ShouldBe(("done", null), "what was done late was done");
        await LawsHoldAsync();
    }

    [Fact]
    public async Task What_makes_no_sense_is_refused_with_a_code()
    {
        var (vehicle, device) = await NewVehicleAsync();
        using var staff = platform.StaffClient();
        using var rider = platform.RiderClient(Id.New<AccountId>(platform.Clock));
        using var support = platform.StaffClient("support_agent");
        using var other = platform.DeviceClient(VehicleId.Of(new CityId("tiny"), "s-1"));
        foreach (var client in new[] { rider, support, device })
            await Replies.RefusedAsync(await CommandAsync(client, vehicle, new { kind = "horn" }), HttpStatusCode.Forbidden, "auth.forbidden");
        foreach (var wrong in new object[] { new { kind = "unlock" }, new { kind = "horn", speedLimitKph = 5 }, new { kind = "speed_limit", speedLimitKph = 131 },
                     new { kind = "horn", reason = new string('x', 201) } })
            await Replies.RefusedAsync(await CommandAsync(staff, vehicle, wrong), HttpStatusCode.BadRequest, "request.invalid_field");
        await Replies.RefusedAsync(await CommandAsync(staff, vehicle, new { kind = "horn" }, key: null), HttpStatusCode.BadRequest, "request.idempotency_key");
        var unknown = await Replies.RefusedAsync(await CommandAsync(staff, vehicle, new { kind = "trumpet" }), HttpStatusCode.BadRequest, "request.malformed_json");
        unknown.GetProperty("detail").GetString().ShouldStartWith("Send one of: unlock, lock, locate, horn, speed_limit, ");
        await Replies.RefusedAsync(await CommandAsync(staff, VehicleId.Of(new CityId("tiny"), "none"), new { kind = "horn" }), HttpStatusCode.NotFound, "fleet.no_such_vehicle");
        await Replies.RefusedAsync(await staff.GetAsync($"/v1/fleet/vehicles/{vehicle}/commands/{Id.New<VehicleCommandId>(platform.Clock)}"), HttpStatusCode.NotFound, "fleet.no_such_command");

        var command = (await AcceptedAsync(staff, vehicle, new { kind = "horn" })).GetProperty("id").GetString();
        var done = new { answer = "done", at = platform.Clock.GetUtcNow() };
        await Replies.RefusedAsync(await AnswerAsync(other, vehicle, command, done), HttpStatusCode.Forbidden, "fleet.not_this_vehicle");
        await Replies.RefusedAsync(await AnswerAsync(device, vehicle, command, new { answer = "refused", at = platform.Clock.GetUtcNow(), reason = "No!" }), HttpStatusCode.BadRequest,
            "request.invalid_field");
        await Replies.RefusedAsync(await AnswerAsync(device, vehicle, Id.New<VehicleCommandId>(platform.Clock).ToString(), done), HttpStatusCode.NotFound, "fleet.no_such_command");
        for (var i = 0; i < 3; i++)
            await AcceptedAsync(staff, vehicle, new { kind = "horn" });
        await Replies.RefusedAsync(await CommandAsync(staff, vehicle, new { kind = "horn" }), HttpStatusCode.Conflict, "fleet.too_many_commands");
    }

    [Fact]
    public async Task The_same_request_twice_is_one_command()
    {
        var (vehicle, device) = await NewVehicleAsync();
        using var staff = platform.StaffClient();
        var first = await (await CommandAsync(staff, vehicle, new { kind = "horn" }, key: "one")).Content.ReadAsStringAsync();
        (await (await CommandAsync(staff, vehicle, new { kind = "horn" }, key: "one")).Content.ReadAsStringAsync()).ShouldBe(first);
        (await device.GetFromJsonAsync<JsonElement>($"/v1/vehicles/{vehicle}/commands")).GetProperty("commands").GetArrayLength().ShouldBe(1);
    }

    [Fact, Trait("Req", "INC-3")]
    public async Task A_van_is_disabled_by_two_persons_at_its_standstill_and_every_step_names_who_and_why()
    {
        var (vehicle, device) = await NewVehicleAsync("van");
        using var manager = platform.StaffClient("operations_manager");
        using var second = platform.StaffClient();
        using var technician = platform.StaffClient("field_technician");
        await Replies.RefusedAsync(await CommandAsync(technician, vehicle, new { kind = "disable", reason = "stolen" }), HttpStatusCode.Forbidden, "auth.forbidden");
        await Replies.RefusedAsync(await CommandAsync(manager, vehicle, new { kind = "disable" }), HttpStatusCode.BadRequest, "request.invalid_field");
        var asked = await AcceptedAsync(manager, vehicle, new { kind = "disable", reason = "stolen" });
        var command = asked.GetProperty("id").GetString();
        asked.GetProperty("phase").GetString().ShouldBe("awaiting_approval");
        (await RentableAsync(vehicle)).ShouldBeTrue();
        await Replies.RefusedAsync(await CommandAsync(second, vehicle, new { kind = "disable", reason = "too" }), HttpStatusCode.Conflict, "fleet.already_disabled");
        await Replies.RefusedAsync(await ApproveAsync(manager, vehicle, command), HttpStatusCode.Forbidden, "fleet.second_person_needed");
        await Replies.RefusedAsync(await ApproveAsync(technician, vehicle, command), HttpStatusCode.Forbidden, "auth.forbidden");
        (await ApproveAsync(second, vehicle, command)).StatusCode.ShouldBe(HttpStatusCode.Accepted);
        await Replies.RefusedAsync(await ApproveAsync(second, vehicle, command), HttpStatusCode.Conflict, "fleet.nothing_to_approve");
        (await RentableAsync(vehicle)).ShouldBeFalse();
        (await OfferedAsync(vehicle)).ShouldBeFalse("whoever lists vehicles was told");
        (await CommandsAsync(device, vehicle)).ShouldBeEmpty("it may be under way");
        await LockedAsync(device, vehicle);
        (await CommandsAsync(device, vehicle)).ShouldBe(["disable"]);
        (await AnswerAsync(device, vehicle, command, new { answer = "done", at = platform.Clock.GetUtcNow() })).StatusCode.ShouldBe(HttpStatusCode.OK);
        var steps = (await manager.GetFromJsonAsync<JsonElement>($"/v1/fleet/vehicles/{vehicle}/commands/{command}")).GetProperty("steps").EnumerateArray()
            .Select(step => (What: step.GetProperty("what").GetString(), By: step.TryGetProperty("by", out var by) ? by.GetString() : null)).ToList();
        var (first, other) = (Id.Named<AccountId>("test-staff", "operations_manager").ToString(), Id.Named<AccountId>("test-staff", "admin").ToString());
        steps.ShouldBe([("asked", first), ("approved", other), ("standstill_awaited", null), ("standstill_seen", null), ("sent", first), ("done", null)]);
        var twin = await TwinAsync(manager, vehicle);
        (twin.GetProperty("desired").GetProperty("disabled").GetBoolean(), twin.GetProperty("reported").GetProperty("disabled").GetBoolean()).ShouldBe((true, true));

        var unlock = Id.New<VehicleCommandId>(platform.Clock);
        await AskForUnlockAsync(vehicle, unlock);
        (await FailuresAsync(vehicle)).ShouldBe([("unlock", "vehicle_disabled", true)]);
        (await platform.Services.GetRequiredService<IAsk>().AskAsync(new GetUnlockToken(vehicle, Id.New<BookingId>(platform.Clock), Id.New<AccountId>(platform.Clock)), default))
            .ShouldBeNull();

        var enable = (await AcceptedAsync(manager, vehicle, new { kind = "enable" })).GetProperty("id").GetString();
        (await RentableAsync(vehicle)).ShouldBeFalse("the vehicle has not said so yet");
        (await AnswerAsync(device, vehicle, enable, new { answer = "done", at = platform.Clock.GetUtcNow() })).StatusCode.ShouldBe(HttpStatusCode.OK);
        ((await RentableAsync(vehicle)), (await OfferedAsync(vehicle))).ShouldBe((true, true));
        await PassAsync(TimeSpan.FromDays(2));
        await LawsHoldAsync();
    }

    [Fact, Trait("Req", "INC-3")]
    public async Task A_request_that_nobody_approves_and_a_decision_without_a_standstill_lapse()
    {
        var (van, _) = await NewVehicleAsync("van");
        var (scooter, device) = await NewVehicleAsync();
        using var staff = platform.StaffClient();
        var open = (await AcceptedAsync(staff, van, new { kind = "disable", reason = "stolen" })).GetProperty("id").GetString();
        var decided = await AcceptedAsync(staff, scooter, new { kind = "disable", reason = "stolen" });
        decided.GetProperty("phase").GetString().ShouldBe("awaiting_standstill");
        (await RentableAsync(scooter)).ShouldBeFalse();
        await PassAsync(TimeSpan.FromMinutes(16));
        (await LastStepAsync(staff, van, open)).ShouldBe(("given_up", "not_approved"));
        using var second = platform.StaffClient("operations_manager");
        await Replies.RefusedAsync(await ApproveAsync(second, van, open), HttpStatusCode.Conflict, "fleet.nothing_to_approve");
        await PassAsync(TimeSpan.FromHours(24));
        (await LastStepAsync(staff, scooter, decided.GetProperty("id").GetString())).ShouldBe(("given_up", "no_standstill"));
        await LockedAsync(device, scooter);
        (await CommandsAsync(device, scooter)).ShouldBeEmpty();
        ((await RentableAsync(scooter)), (await RentableAsync(van))).ShouldBe((true, true));
        await LawsHoldAsync();
    }

    [Fact, Trait("Req", "FLT-2")]
    public async Task The_twin_shows_what_differs_and_a_vehicle_that_comes_back_is_told_again()
    {
        var (vehicle, device) = await NewVehicleAsync();
        using var staff = platform.StaffClient();
        await AcceptedAsync(staff, vehicle, new { kind = "speed_limit", speedLimitKph = 12 });
        await PassAsync(TimeSpan.FromSeconds(31));
        var away = await TwinAsync(staff, vehicle);
        away.GetProperty("differs").EnumerateArray().Select(name => name.GetString()).ShouldBe(["speed_limit_kph"]);
        away.TryGetProperty("reported", out _).ShouldBeFalse();
        (await CommandsAsync(device, vehicle)).ShouldBeEmpty();
        var said = new { at = platform.Clock.GetUtcNow(), disabled = false, agentVersion = "1.2.3", firmwareVersion = 7 };
        (await PostAsync(device, $"/v1/vehicles/{vehicle}/twin", said, null)).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        var waiting = (await device.GetFromJsonAsync<JsonElement>($"/v1/vehicles/{vehicle}/commands")).GetProperty("commands").EnumerateArray().ShouldHaveSingleItem();
        waiting.GetProperty("speedLimitKph").GetInt32().ShouldBe(12);
        (await AnswerAsync(device, vehicle, waiting.GetProperty("id").GetString(), new { answer = "done", at = platform.Clock.GetUtcNow() })).StatusCode.ShouldBe(HttpStatusCode.OK);
        var twin = await TwinAsync(staff, vehicle);
        twin.GetProperty("differs").GetArrayLength().ShouldBe(0);
        var reported = twin.GetProperty("reported");
        (reported.GetProperty("speedLimitKph").GetInt32(), reported.GetProperty("agentVersion").GetString(), reported.GetProperty("firmwareVersion").GetInt64())
            .ShouldBe((12, "1.2.3", 7));
        (await platform.ScalarAsync<long>($"SELECT count(*) FROM fleet.events WHERE stream_id = '{vehicle.Value}' AND type = 'twin_updated.v1'")).ShouldBe(3);
        (await PostAsync(device, $"/v1/vehicles/{vehicle}/twin", said with { at = platform.Clock.GetUtcNow().AddHours(1) }, null)).StatusCode
            .ShouldBe(HttpStatusCode.UnprocessableEntity);
        (await PostAsync(staff, $"/v1/vehicles/{vehicle}/twin", said, null)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        await LawsHoldAsync();
    }

    private Task<bool> RentableAsync(VehicleId vehicle) => platform.ScalarAsync<bool>($"SELECT rentable FROM fleet.vehicles WHERE id = '{vehicle.Value}'");

    private async Task<bool> OfferedAsync(VehicleId vehicle) => await platform.ScalarAsync<string>($"""
        SELECT data->'now'->>'offered' FROM bus.messages WHERE type = 'fleet.vehicle_state_changed.v1' AND key = '{vehicle.Value}' ORDER BY xid DESC, position DESC LIMIT 1
        """) == "true";

    private static async Task<IReadOnlyList<string?>> CommandsAsync(HttpClient device, VehicleId vehicle) =>
        [.. (await device.GetFromJsonAsync<JsonElement>($"/v1/vehicles/{vehicle}/commands")).GetProperty("commands").EnumerateArray().Select(c => c.GetProperty("kind").GetString())];

    private static Task<JsonElement> TwinAsync(HttpClient staff, VehicleId vehicle) => staff.GetFromJsonAsync<JsonElement>($"/v1/fleet/vehicles/{vehicle}/twin");

    private static Task<HttpResponseMessage> ApproveAsync(HttpClient staff, VehicleId vehicle, string? command) =>
        PostAsync(staff, $"/v1/fleet/vehicles/{vehicle}/commands/{command}/approve", new { }, Guid.CreateVersion7().ToString("N"));

    private async Task LockedAsync(HttpClient device, VehicleId vehicle) => (await PostAsync(device, $"/v1/vehicles/{vehicle}/reports",
        new { kind = "locked", at = platform.Clock.GetUtcNow(), position = new GeoPoint(51, 11), stateOfChargePercent = 80, odometerMeters = 1_000 },
        Guid.CreateVersion7().ToString("N"))).StatusCode.ShouldBe(HttpStatusCode.OK);

    private async Task AskForUnlockAsync(VehicleId vehicle, VehicleCommandId command)
    {
        var work = platform.Services.GetRequiredService<CommandRunner<FleetModule>>().NewWork("test");
        work.Publish(vehicle.Value, new VehicleCommandRequestedV1(Id.New<BookingId>(platform.Clock), Id.New<AccountId>(platform.Clock), vehicle, command,
            VehicleCommandKind.Unlock, platform.Clock.GetUtcNow()));
        (await work.CommitAsync(CancellationToken.None)).Outcome.ShouldBe(CommitOutcome.Committed);
        await platform.SettleAsync();
    }

    private async Task<(VehicleId Vehicle, HttpClient Device)> NewVehicleAsync(string type = "scooter")
    {
        using var staff = platform.StaffClient();
        var label = $"command-{Interlocked.Increment(ref names)}";
        (await staff.PostAsJsonAsync("/v1/fleet/vehicles", new { city = "tiny", label, type, position = new GeoPoint(51, 11), stateOfChargePercent = 90 }, MobilityJson.Http))
            .StatusCode.ShouldBe(HttpStatusCode.Created);
        var id = VehicleId.Of(new CityId("tiny"), label);
        (await staff.PostAsJsonAsync($"/v1/fleet/vehicles/{id}/activate", new { })).StatusCode.ShouldBe(HttpStatusCode.OK);
        return (id, platform.DeviceClient(id));
    }

    private static async Task<JsonElement> AcceptedAsync(HttpClient staff, VehicleId vehicle, object body)
    {
        var reply = await CommandAsync(staff, vehicle, body);
        var text = await reply.Content.ReadAsStringAsync();
        reply.StatusCode.ShouldBe(HttpStatusCode.Accepted, text);
        return JsonSerializer.Deserialize<JsonElement>(text);
    }

    private static Task<HttpResponseMessage> CommandAsync(HttpClient staff, VehicleId vehicle, object body, string? key = "new") =>
        PostAsync(staff, $"/v1/fleet/vehicles/{vehicle}/commands", body, key == "new" ? Guid.CreateVersion7().ToString("N") : key);

    private static Task<HttpResponseMessage> AnswerAsync(HttpClient device, VehicleId vehicle, string? command, object body, string key = "answer") =>
        PostAsync(device, $"/v1/vehicles/{vehicle}/commands/{command}/answer", body, $"{key} {command}");

    private static async Task<HttpResponseMessage> PostAsync(HttpClient http, string path, object body, string? key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(body, options: MobilityJson.Http) };
        if (key is not null)
            request.Headers.Add("Idempotency-Key", key);
        return await http.SendAsync(request);
    }

    private static async Task<(string?, string?)> LastStepAsync(HttpClient staff, VehicleId vehicle, string? command)
    {
        var step = (await staff.GetFromJsonAsync<JsonElement>($"/v1/fleet/vehicles/{vehicle}/commands/{command}")).GetProperty("steps").EnumerateArray().Last();
        return (step.GetProperty("what").GetString(), step.TryGetProperty("why", out var why) ? why.GetString() : null);
    }

    private async Task<IReadOnlyList<(string?, string?, bool)>> FailuresAsync(VehicleId vehicle)
    {
        var json = await platform.ScalarAsync<string>(
            $"SELECT coalesce(jsonb_agg(data ORDER BY xid, position), '[]')::text FROM bus.messages WHERE type = 'fleet.command_failed.v1' AND key = '{vehicle.Value}'");
        return [.. JsonDocument.Parse(json!).RootElement.EnumerateArray()
            .Select(m => (m.GetProperty("kind").GetString(), m.GetProperty("reason").GetString(), m.TryGetProperty("booking", out _)))];
    }

    private async Task PassAsync(TimeSpan time)
    {
        await platform.SettleAsync();
        platform.Clock.Advance(time);
        await platform.SettleAsync();
    }

    private async Task LawsHoldAsync()
    {
        await PassAsync(TimeSpan.FromMinutes(3)); // deadlines of one vehicle that come at once race each other, and the loser tries again a little later
        var module = platform.App.Modules.Single(m => m.Module == "fleet");
        await foreach (var result in Auditor.RunAsync([module], platform.Services, platform.Clock.GetUtcNow(), CancellationToken.None))
            if (result.Name.StartsWith("fleet", StringComparison.Ordinal) || result.Name.Contains("vehicles", StringComparison.Ordinal))
                result.Violations.ShouldBeEmpty(result.Name);
    }
}
