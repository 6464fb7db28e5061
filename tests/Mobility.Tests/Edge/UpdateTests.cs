using System.Security.Cryptography;
using System.Text;
using Mobility.Edge;
using Mobility.Edge.Updates;
using Mobility.Tests.Support;

namespace Mobility.Tests.Edge;

/// <summary>FLT-10 on the vehicle's side: nothing unsigned, nothing older, and back again when the new one is not healthy.</summary>
public sealed class UpdateTests : IDisposable
{
    private const string Header = """{"alg":"ES256","typ":"update+jwt","kid":"k1"}""";
    private readonly string _folder = Directory.CreateTempSubdirectory("mobility-update-").FullName;
    private readonly TokenMint _mint = new();

    public void Dispose()
    {
        _mint.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact, Trait("Req", "FLT-10")]
    public async Task A_signed_image_is_verified_runs_on_trial_and_is_proven()
    {
        var slots = UpdateSlots.Open(_folder);
        (await InstallAsync(slots, 1, "one")).ShouldBeNull();
        File.ReadAllText(Path.Combine(_folder, "active")).ShouldBe("b");
        File.ReadAllText(slots.ImageOf(Slot.B)).ShouldBe("one");
        slots = UpdateSlots.Open(_folder); // the restart
        slots.State.IsOnTrial.ShouldBeTrue();
        slots.Start().ShouldBeNull();
        slots.Prove();
        slots = UpdateSlots.Open(_folder);
        slots.State.ShouldBe(new SlotState(Slot.B, 1, 0, 1, null, null));
        (await InstallAsync(slots, 2, "two")).ShouldBeNull();
        slots.State.Active.ShouldBe(Slot.A);
        File.ReadAllText(slots.ImageOf(Slot.B)).ShouldBe("one"); // still there to return to
    }

    [Fact, Trait("Req", "FLT-10")]
    public async Task Whatever_is_not_what_was_signed_is_refused_and_changes_nothing()
    {
        var slots = UpdateSlots.Open(_folder);
        var before = slots.State;
        using var foreign = new TokenMint();
        (await InstallAsync(slots, 1, "image", manifest: Manifest(foreign, 1, "image"))).ShouldBe("manifest_not_authentic");
        (await InstallAsync(slots, 1, "image", manifest: Manifest(_mint, 1, "image", TokenMint.Header))).ShouldBe("manifest_not_authentic"); // an unlock token's type
        (await InstallAsync(slots, 1, "image", manifest: "no manifest")).ShouldBe("manifest_malformed");
        (await InstallAsync(slots, 1, "image", manifest: _mint.Sign(Header, """{"version":1}"""))).ShouldBe("manifest_malformed");
        (await InstallAsync(slots, 1, "image", sent: "imagE")).ShouldBe("image_wrong_hash");
        (await InstallAsync(slots, 1, "image", sent: "image and more")).ShouldBe("image_wrong_size");
        (await InstallAsync(slots, 1, "image", sent: "imag")).ShouldBe("image_wrong_size");
        UpdateSlots.Open(_folder).State.ShouldBe(before);
        new FileInfo(slots.ImageOf(Slot.B)).Length.ShouldBe(0);
    }

    [Fact, Trait("Req", "FLT-10")]
    public async Task An_older_version_never_comes_back_and_a_pin_lets_one_in()
    {
        var slots = UpdateSlots.Open(_folder);
        await InstallAndProveAsync(slots, 5);
        (await InstallAsync(slots, 5, "again")).ShouldBe("version_not_newer");
        (await InstallAsync(slots, 4, "old")).ShouldBe("version_not_newer");
        slots.Pin(7);
        (await InstallAsync(slots, 6, "six")).ShouldBe("version_pinned");
        slots = UpdateSlots.Open(_folder);
        (await InstallAsync(slots, 7, "seven")).ShouldBeNull();
        (await InstallAsync(slots, 8, "eight")).ShouldBe("update_on_trial");
    }

    [Fact, Trait("Req", "FLT-10")]
    public async Task An_image_that_does_not_stay_up_is_left_for_the_one_before_and_not_tried_again()
    {
        var slots = UpdateSlots.Open(_folder);
        await InstallAndProveAsync(slots, 1);
        (await InstallAsync(slots, 2, "bad")).ShouldBeNull();
        for (var start = 0; start < SlotState.StartsMax; start++)
            UpdateSlots.Open(_folder).Start().ShouldBeNull(); // it crashes each time
        slots = UpdateSlots.Open(_folder);
        slots.Start().ShouldBe(2);
        slots.State.Version.ShouldBe(1);
        File.ReadAllText(slots.ImageOf(slots.State.Active)).ShouldBe("image 1");
        File.ReadAllText(Path.Combine(_folder, "active")).ShouldBe("b");
        (await InstallAsync(slots, 2, "bad")).ShouldBe("version_not_newer");
        (await InstallAsync(slots, 3, "better")).ShouldBeNull();
    }

    [Fact, Trait("Req", "FLT-10")]
    public async Task The_agent_installs_what_is_brought_and_proves_it_with_the_door_s_word()
    {
        await using var door = new ScriptedDoor();
        await using var vehicle = EdgeVehicle.Start(door.Port, new TestClock(), with: settings => settings with { UpdateKeys = _mint.Keys });
        var incoming = Directory.CreateDirectory(Path.Combine(vehicle.Folder, "updates", "incoming")).FullName;
        File.WriteAllText(Path.Combine(incoming, "image"), "nine");
        File.WriteAllText(Path.Combine(incoming, "manifest"), Manifest(_mint, 9, "nine"));
        await Eventually.TrueAsync(() => Task.FromResult(vehicle.Agent.WantsRestart), "the image is installed");
        await vehicle.CrashAndRestartAsync();
        await Eventually.TrueAsync(() => Task.FromResult(door.Of("events/").Count == 1), "the vehicle tells of it");
        var told = door.Of("events/").Single();
        told.GetProperty("kind").GetString().ShouldBe("update_applied");
        told.GetProperty("version").GetInt64().ShouldBe(9);
        vehicle.Agent.WantsRestart.ShouldBeFalse();
    }

    [Fact, Trait("Req", "FLT-10")]
    public async Task An_image_that_never_reaches_the_door_is_left()
    {
        var clock = new SkippingClock();
        await using var vehicle = EdgeVehicle.Start(1, clock, with: settings =>
        {
            var slots = UpdateSlots.Open(Path.Combine(settings.DataFolder, "updates"));
            InstallAsync(slots, 3, "deaf").GetAwaiter().GetResult().ShouldBeNull();
            return settings;
        });
        vehicle.Agent.WantsRestart.ShouldBeFalse();
        clock.Skip(VehicleAgent.HealthWithin + TimeSpan.FromMinutes(1));
        await Eventually.TrueAsync(() => Task.FromResult(vehicle.Agent.WantsRestart), "the image is left");
        UpdateSlots.Open(Path.Combine(vehicle.Folder, "updates")).State.Version.ShouldBe(0);
        vehicle.Agent.Counts.EventsWaiting.ShouldBe(1);
    }

    private async Task InstallAndProveAsync(UpdateSlots slots, long version)
    {
        (await InstallAsync(slots, version, $"image {version}")).ShouldBeNull();
        slots.Prove();
    }

    private Task<string?> InstallAsync(UpdateSlots slots, long version, string image, string? sent = null, string? manifest = null) =>
        slots.InstallAsync(manifest ?? Manifest(_mint, version, image), new MemoryStream(Encoding.UTF8.GetBytes(sent ?? image)), _mint.Keys, CancellationToken.None);

    private static string Manifest(TokenMint mint, long version, string image, string? header = null) => mint.Sign(header ?? Header,
        $$"""{"version":{{version}},"sha256":"{{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(image)))}}","size":{{Encoding.UTF8.GetByteCount(image)}}}""");

    /// <summary>The machine's clock, with jumps.</summary>
    private sealed class SkippingClock : TimeProvider
    {
        private long _skipped;

        public void Skip(TimeSpan by) => Interlocked.Add(ref _skipped, (long)(by.TotalSeconds * TimestampFrequency));

        public override long GetTimestamp() => base.GetTimestamp() + Interlocked.Read(ref _skipped);
    }
}
