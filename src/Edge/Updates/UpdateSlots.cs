using System.Security.Cryptography;
using System.Text.Json;
using Mobility.Edge.Unlock;

namespace Mobility.Edge.Updates;

/// <summary>One of the two places for an image.</summary>
internal enum Slot
{
    A,
    B,
}

/// <summary>Which image runs, which one is on trial, and what may not come back.</summary>
/// <param name="Active">The slot that is started.</param>
/// <param name="Version">Of the image in it; 0 is what the vehicle was built with.</param>
/// <param name="PreviousVersion">Of the image in the other slot; null when there is none to return to.</param>
/// <param name="FloorVersion">Nothing that is not above it is ever installed: the highest version that proved healthy, or was given up.</param>
/// <param name="StartsLeft">Null: the image is proven. Else it is on trial, and may be started so often before it is given up.</param>
/// <param name="PinnedVersion">Only this version may be installed; null is any.</param>
internal sealed record SlotState(Slot Active, long Version, long? PreviousVersion, long FloorVersion, int? StartsLeft, long? PinnedVersion)
{
    /// <summary>Starts of an image on trial: one that crashes each time is given up at the next.</summary>
    public const int StartsMax = 3;

    public static readonly SlotState Factory = new(Slot.A, 0, null, 0, null, null);

    public bool IsOnTrial => StartsLeft is not null;

    public Slot Other => Active == Slot.A ? Slot.B : Slot.A;

    /// <summary>A stable code when the manifest's image may not be installed now.</summary>
    public string? Refuse(UpdateManifest manifest) =>
        IsOnTrial ? "update_on_trial"
        : manifest.Version <= Math.Max(FloorVersion, Version) ? "version_not_newer"
        : PinnedVersion is { } pinned && manifest.Version != pinned ? "version_pinned"
        : null;

    /// <summary>The other slot holds a verified image: it is started from now on, on trial.</summary>
    public SlotState Switch(long version) => this with { Active = Other, Version = version, PreviousVersion = Version, StartsLeft = StartsMax };

    /// <summary>The process starts; null when the image on trial has had its starts and must be given up.</summary>
    public SlotState? Start() => StartsLeft is not { } left ? this : left > 0 ? this with { StartsLeft = left - 1 } : null;

    /// <summary>A version is withdrawn: the vehicle leaves it if it runs it and has another image, and does not install it if it has not yet.</summary>
    public SlotState Recall(long version) =>
        Version == version && PreviousVersion is not null ? Return() : Version < version && FloorVersion < version ? this with { FloorVersion = version } : this;

    public SlotState Prove() => this with { StartsLeft = null, FloorVersion = Math.Max(FloorVersion, Version) };

    /// <summary>Back to the slot before. The version that failed is not tried again.</summary>
    public SlotState Return() =>
        this with { Active = Other, Version = PreviousVersion ?? 0, PreviousVersion = null, StartsLeft = null, FloorVersion = Math.Max(FloorVersion, Version) };
}

/// <summary>
/// Updates over two slots on disk (FLT-10): an image is verified before it is installed, runs on trial, and the vehicle returns to the slot before by itself when
/// it is not healthy. What starts the image of the active slot, a boot loader, is the board's; the file <c>active</c> names it.
/// </summary>
internal sealed class UpdateSlots
{
    private readonly string _folder;

    private UpdateSlots(string folder, SlotState state) => (_folder, State) = (folder, state);

    public SlotState State { get; private set; }

    /// <exception cref="IOException">The folder cannot be read or written.</exception>
    /// <exception cref="JsonException">The state is none of ours: starting anyway would forget what may not come back.</exception>
    public static UpdateSlots Open(string folder)
    {
        Directory.CreateDirectory(folder);
        var file = Path.Combine(folder, "state.json");
        var slots = new UpdateSlots(folder, File.Exists(file) ? JsonSerializer.Deserialize<SlotState>(File.ReadAllBytes(file))! : SlotState.Factory);
        slots.Store(slots.State); // the pointer may be older than the state
        return slots;
    }

    public string ImageOf(Slot slot) => Path.Combine(_folder, slot == Slot.A ? "slot-a.image" : "slot-b.image");

    /// <summary>Accepts only this version from now on; null accepts any newer one.</summary>
    public void Pin(long? version) => Store(State with { PinnedVersion = version });

    /// <summary>
    /// Verifies an image while it is written into the slot that does not run, and switches over. A stable code when it is refused; then nothing changed.
    /// </summary>
    public async Task<string?> InstallAsync(string manifestText, Stream image, SigningKeys keys, CancellationToken ct)
    {
        var (manifest, refusal) = await UpdateManifest.ReadAsync(manifestText, keys);
        if (manifest is null)
            return refusal;
        if (State.Refuse(manifest) is { } refused)
            return refused;
        var target = ImageOf(State.Other);
        await using (var file = new FileStream(target, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            if (await CopyAsync(image, file, manifest, ct) is { } fault)
            {
                file.SetLength(0); // half an image must not be mistaken for one
                return fault;
            }
            file.Flush(flushToDisk: true);
        }
        Store(State.Switch(manifest.Version)); // only now: until here a crash leaves the old image in charge
        return null;
    }

    /// <summary>Counts a start. The version that was given up, when this start gives one up.</summary>
    public long? Start()
    {
        if (State.Start() is not { } started)
            return GiveUp();
        if (started != State)
            Store(started); // before anything that may crash
        return null;
    }

    /// <summary>The image is healthy and stays.</summary>
    public void Prove() => Store(State.Prove());

    /// <summary>Returns to the slot before; gives the version that failed.</summary>
    public long GiveUp()
    {
        var failed = State.Version;
        Store(State.Return());
        return failed;
    }

    /// <summary>Gives the version that was left; null when the vehicle did not run the one that is withdrawn.</summary>
    public long? Recall(long version)
    {
        var before = State;
        if (before.Recall(version) is var after && after != before)
            Store(after);
        return after.Active != before.Active ? version : null;
    }

    private static async Task<string?> CopyAsync(Stream image, FileStream file, UpdateManifest manifest, CancellationToken ct)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var chunk = new byte[64 * 1024];
        var left = manifest.SizeBytes;
        int read;
        while ((read = await image.ReadAsync(chunk, ct)) > 0)
        {
            if (read > left)
                return "image_wrong_size";
            left -= read;
            hash.AppendData(chunk, 0, read);
            await file.WriteAsync(chunk.AsMemory(0, read), ct);
        }
        return left != 0 ? "image_wrong_size" : Convert.ToHexStringLower(hash.GetHashAndReset()) != manifest.Sha256 ? "image_wrong_hash" : null;
    }

    /// <summary>State and the boot loader's pointer change by renaming, whole or not at all; the state goes first, and <see cref="Open"/> believes it.</summary>
    private void Store(SlotState state)
    {
        Replace("state.json", JsonSerializer.SerializeToUtf8Bytes(state));
        Replace("active", state.Active == Slot.A ? "a"u8 : "b"u8);
        State = state;
    }

    private void Replace(string name, ReadOnlySpan<byte> content) => WholeFile.Write(Path.Combine(_folder, name), content);
}
