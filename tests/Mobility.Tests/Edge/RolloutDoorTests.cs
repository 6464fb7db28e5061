using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Mobility.Contracts;
using Mobility.Edge.Updates;
using Mobility.Fleet.Updates;
using Mobility.Platform;
using Mobility.Tests.Support;
using Mobility.Tests.Telemetry;

namespace Mobility.Tests.Edge;

/// <summary>A release on its way from staff to the vehicles, with real agents at the real doors; only the boot loader is played here.</summary>
public sealed class RolloutDoorTests(MqttFixture platform) : IClassFixture<MqttFixture>
{
    [Fact, Trait("Req", "FLT-10")]
    public async Task A_good_release_reaches_every_vehicle_and_the_one_that_was_away_later()
    {
        await RetireAsync("v-1");
        var ids = await RegisterAsync("van", 20);
        var (version, image) = await PublishAsync();
        var order = RolloutVehicles.InOrder(version, ids.Select(id => id.Value)).Select(id => new VehicleId(id)).ToArray();
        var rollout = await StartAsync(version, "van");
        await using var street = new Street(platform);
        foreach (var id in order[..^1])
            await street.DriveAsync(id);
        await UntilAsync(rollout, view => Vehicles(view, "applied") == 1, "the first vehicle has it");
        Vehicles(await ReadAsync(rollout), "chosen").ShouldBe(19); // nobody else has heard of it
        await AdvanceUntilAsync(rollout, view => view.GetProperty("phase").GetString() == "completed");
        (await platform.ScalarAsync<string>($"""
            SELECT string_agg(data->>'percent', ' ' ORDER BY version) FROM fleet.events WHERE type = 'wave_opened.v1' AND stream_id = '{rollout.Value}'
            """)).ShouldBe("5 25 100");
        await UntilAsync(rollout, view => Vehicles(view, "applied") == 19, "all that are here have it");
        var late = await street.DriveAsync(order[^1]);
        await UntilAsync(rollout, view => Vehicles(view, "applied") == 20, "the last one has it");
        var state = JsonSerializer.Deserialize<SlotState>(File.ReadAllBytes(Path.Combine(late.Folder, "updates", "state.json")))!;
        (state.Version, state.Active, state.IsOnTrial).ShouldBe((version, Slot.B, false));
        (await File.ReadAllBytesAsync(Path.Combine(late.Folder, "updates", "slot-b.image"))).ShouldBe(image);
        (await PublishedAsync("fleet.update_applied.v1", version)).ShouldBe(20);
        (await PublishedAsync("fleet.update_published.v1", version)).ShouldBe(1);
    }

    [Fact, Trait("Req", "FLT-10")]
    public async Task A_bad_release_stops_at_5_percent_and_who_has_it_returns()
    {
        foreach (var label in new[] { "s-1", "s-2", "s-3" })
            await RetireAsync(label);
        var ids = await RegisterAsync("scooter", 40);
        var (version, _) = await PublishAsync();
        var order = RolloutVehicles.InOrder(version, ids.Select(id => id.Value)).Select(id => new VehicleId(id)).ToArray();
        var rollout = await StartAsync(version, "scooter");
        await using var street = new Street(platform);
        var (well, bystander) = (await street.DriveAsync(order[0]), await street.DriveAsync(order[2]));
        await UntilAsync(rollout, view => Vehicles(view, "applied") == 1, "one of the two is well with it");
        var ill = await street.DriveAsync(order[1], crashesOnTrial: true);
        await UntilAsync(rollout, view => Vehicles(view, "returned") == 1, "the other is not, and the first has returned");
        var view = await ReadAsync(rollout);
        (view.GetProperty("phase").GetString(), view.GetProperty("reason").GetString(), view.GetProperty("percent").GetInt32()).ShouldBe(("stopped", "too_many_failed", 5));
        (Vehicles(view, "failed"), Vehicles(view, "chosen")).ShouldBe((1, 38));
        view.GetProperty("failed")[0].GetProperty("vehicle").GetString().ShouldBe($"{order[1]}");
        foreach (var vehicle in new[] { well, ill })
            StateOf(vehicle).ShouldBe(new SlotState(Slot.A, 0, null, version, null, null)); // back, and never that version again
        StateOf(bystander).ShouldBe(SlotState.Factory);
        (await PublishedAsync("fleet.update_rolled_back.v1", version)).ShouldBe(2);
        using var staff = platform.StaffClient();
        using var again = await staff.PostAsJsonAsync("/v1/fleet/rollouts", new { version, type = "scooter" }, MobilityJson.Http);
        (await CodeAsync(again)).ShouldBe("fleet.update_withdrawn");
    }

    [Fact, Trait("Req", "FLT-10")]
    public async Task Staff_publish_what_is_there_and_newer_and_one_rollout_at_a_time()
    {
        using var staff = platform.StaffClient();
        var image = RandomNumberGenerator.GetBytes(600_000);
        var hash = Hash(image);
        using var wrong = await staff.PutAsync(new Uri($"/v1/fleet/update-images/{hash}", UriKind.Relative), Bytes([1, 2, 3]));
        (await CodeAsync(wrong)).ShouldBe("fleet.image_wrong_hash");
        var version = await NextVersionAsync();
        var body = new { version, sha256 = hash, sizeBytes = image.Length };
        using var notStored = await staff.PostAsJsonAsync("/v1/fleet/updates", body, MobilityJson.Http);
        (await CodeAsync(notStored)).ShouldBe("fleet.image_not_stored");
        using var stored = await staff.PutAsync(new Uri($"/v1/fleet/update-images/{hash}", UriKind.Relative), Bytes(image));
        stored.StatusCode.ShouldBe(HttpStatusCode.Created);
        var published = await staff.SendJsonAsync("/v1/fleet/updates", body);
        using var twice = await staff.PostAsJsonAsync("/v1/fleet/updates", body, MobilityJson.Http);
        (await CodeAsync(twice)).ShouldBe("fleet.update_not_newer");

        var url = published.GetProperty("url").GetString()!;
        (await platform.Http.GetByteArrayAsync(url)).ShouldBe(image);
        using var part = new HttpRequestMessage(HttpMethod.Get, url) { Headers = { Range = new RangeHeaderValue(262_100, null) } };
        using var rest = await platform.Http.SendAsync(part);
        rest.StatusCode.ShouldBe(HttpStatusCode.PartialContent);
        (await rest.Content.ReadAsByteArrayAsync()).ShouldBe(image[262_100..]);
        using var none = await platform.Http.GetAsync(new Uri($"/v1/update-images/{Hash([9])}", UriKind.Relative));
        (await CodeAsync(none)).ShouldBe("fleet.no_such_image");

        using var unknown = await staff.PostAsJsonAsync("/v1/fleet/rollouts", new { version = version + 1 }, MobilityJson.Http);
        (await CodeAsync(unknown)).ShouldBe("fleet.no_such_update");
        using var nowhere = await staff.PostAsJsonAsync("/v1/fleet/rollouts", new { version, city = "atlantis" }, MobilityJson.Http);
        (await CodeAsync(nowhere)).ShouldBe("fleet.no_vehicles");
        await RegisterAsync("van", 1);
        var first = Id.Parse<RolloutId>((await staff.SendJsonAsync("/v1/fleet/rollouts", new { version, type = "van" })).GetProperty("id").GetString()!);
        using var second = await staff.PostAsJsonAsync("/v1/fleet/rollouts", new { version, type = "scooter" }, MobilityJson.Http);
        (await CodeAsync(second)).ShouldBe("fleet.rollout_running");
        await staff.SendJsonAsync($"/v1/fleet/rollouts/{first}/stop", null);
        (await ReadAsync(first)).GetProperty("reason").GetString().ShouldBe("by_staff");
        await RetireAsync("ota-van-1-0"); // other tests count the vans
        using var support = platform.StaffClient("support_agent");
        using var forbidden = await support.PostAsJsonAsync("/v1/fleet/rollouts", new { version }, MobilityJson.Http);
        forbidden.StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        using var nobody = await staff.GetAsync(new Uri($"/v1/fleet/rollouts/{Id.New<RolloutId>(platform.Clock)}", UriKind.Relative));
        (await CodeAsync(nobody)).ShouldBe("fleet.no_such_rollout");
    }

    private async Task RetireAsync(string label)
    {
        using var staff = platform.StaffClient();
        await staff.SendJsonAsync($"/v1/fleet/vehicles/{VehicleId.Of(new CityId("tiny"), label)}/retire", new { reason = "not in this test" });
    }

    private async Task<IReadOnlyList<VehicleId>> RegisterAsync(string type, int count)
    {
        using var staff = platform.StaffClient();
        var labels = Enumerable.Range(0, count).Select(i => $"ota-{type}-{count}-{i}").ToArray();
        foreach (var label in labels)
            await staff.SendJsonAsync("/v1/fleet/vehicles", new { city = "tiny", label, type, position = new { lat = 50.0, lon = 10.0 }, stateOfChargePercent = 90 });
        return [.. labels.Select(label => VehicleId.Of(new CityId("tiny"), label))];
    }

    private async Task<long> NextVersionAsync() => await platform.ScalarAsync<long>("SELECT coalesce(max(version), 0) + 1 FROM fleet.update_releases");

    private async Task<(long Version, byte[] Image)> PublishAsync()
    {
        using var staff = platform.StaffClient();
        var (version, image) = (await NextVersionAsync(), RandomNumberGenerator.GetBytes(100_000));
        using var stored = await staff.PutAsync(new Uri($"/v1/fleet/update-images/{Hash(image)}", UriKind.Relative), Bytes(image));
        stored.EnsureSuccessStatusCode();
        await staff.SendJsonAsync("/v1/fleet/updates", new { version, sha256 = Hash(image), sizeBytes = image.Length, notes = "better" });
        return (version, image);
    }

    private async Task<RolloutId> StartAsync(long version, string type)
    {
        using var staff = platform.StaffClient();
        return Id.Parse<RolloutId>((await staff.SendJsonAsync("/v1/fleet/rollouts", new { version, type, city = "tiny", healthyFor = "00:02:00" })).GetProperty("id").GetString()!);
    }

    private async Task<JsonElement> ReadAsync(RolloutId rollout)
    {
        using var staff = platform.StaffClient();
        return await staff.GetFromJsonAsync<JsonElement>($"/v1/fleet/rollouts/{rollout}");
    }

    private Task<JsonElement> UntilAsync(RolloutId rollout, Func<JsonElement, bool> isDone, string what) =>
        Eventually.GetAsync(() => ReadAsync(rollout), isDone, what, TimeSpan.FromMinutes(2));

    /// <summary>Time passes in steps in which the vehicles are heard: a jump would make them silent.</summary>
    private Task<JsonElement> AdvanceUntilAsync(RolloutId rollout, Func<JsonElement, bool> isDone) => Eventually.GetAsync(async () =>
    {
        platform.Clock.Advance(TimeSpan.FromSeconds(10));
        await Task.Delay(200);
        return await ReadAsync(rollout);
    }, isDone, "the rollout is done", TimeSpan.FromMinutes(3));

    private static SlotState StateOf(EdgeVehicle vehicle) =>
        JsonSerializer.Deserialize<SlotState>(File.ReadAllBytes(Path.Combine(vehicle.Folder, "updates", "state.json")))!;

    private static int Vehicles(JsonElement view, string state) => view.GetProperty("states").TryGetProperty(state, out var count) ? count.GetInt32() : 0;

    private Task<long> PublishedAsync(string type, long version) =>
        platform.ScalarAsync<long>($"SELECT count(*) FROM bus.messages WHERE type = '{type}' AND (data->>'version')::bigint = {version}");

    private static ByteArrayContent Bytes(byte[] bytes) => new(bytes) { Headers = { ContentType = new MediaTypeHeaderValue("application/octet-stream") } };

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private static async Task<string?> CodeAsync(HttpResponseMessage reply) => (await reply.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString();

    /// <summary>Vehicles whose boot loader starts the image of the active slot whenever the agent wants it, or has crashed.</summary>
    private sealed class Street(MqttFixture platform) : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stopping = new();
        private readonly List<(EdgeVehicle Vehicle, Task Booting)> _vehicles = [];

        public async Task<EdgeVehicle> DriveAsync(VehicleId id, bool crashesOnTrial = false)
        {
            using var staff = platform.StaffClient();
            var secret = (await staff.SendJsonAsync($"/v1/vehicles/{id}/device-secret", null)).GetProperty("password").GetString()!;
            var vehicle = EdgeVehicle.Start(platform.Port, platform.Clock, (id, secret),
                settings => settings with { UpdateKeysUrl = new Uri(platform.Http.BaseAddress!, "/v1/update-keys") });
            _vehicles.Add((vehicle, BootAsync(vehicle, crashesOnTrial)));
            return vehicle;
        }

        public async ValueTask DisposeAsync()
        {
            await _stopping.CancelAsync();
            foreach (var (vehicle, booting) in _vehicles)
            {
                await booting;
                await vehicle.DisposeAsync();
            }
            _stopping.Dispose();
        }

        private async Task BootAsync(EdgeVehicle vehicle, bool crashesOnTrial)
        {
            while (!_stopping.IsCancellationRequested)
            {
                if (vehicle.Agent.WantsRestart || (crashesOnTrial && StateOf(vehicle).IsOnTrial))
                    await vehicle.CrashAndRestartAsync();
                await Task.Delay(20);
            }
        }
    }
}
