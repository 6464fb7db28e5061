using Mobility.Platform;

namespace Mobility.Contracts;

/// <summary>A release on its way to the vehicles.</summary>
/// <param name="Value">The 128-bit value.</param>
public readonly record struct RolloutId(Guid Value) : IId<RolloutId>
{
    /// <inheritdoc/>
    public static string Prefix => "rol";

    /// <inheritdoc/>
    public static RolloutId From(Guid value) => new(value);

    /// <summary>Binds route and query parameters.</summary>
    public static bool TryParse(string? text, IFormatProvider? provider, out RolloutId id) => Id.TryParse(text, out id);

    /// <inheritdoc/>
    public override string ToString() => Id.Format(this);
}

/// <summary>
/// The words of updates: a JWT, signed with ES256 by a key of Fleet's ring for updates, which the vehicle checks before it downloads or leaves anything. It has no
/// expiry: what is too old, its version says.
/// </summary>
public static class UpdateWords
{
    /// <summary>Header <c>typ</c> of a manifest; claims <see cref="Version"/>, <see cref="Sha256"/> and <see cref="Size"/>.</summary>
    public const string ManifestType = "update+jwt";

    /// <summary>Header <c>typ</c> of an order to leave a version for the one before; claim <see cref="Version"/>.</summary>
    public const string ReturnType = "update-return+jwt";

    /// <summary>Claim <c>iss</c>.</summary>
    public const string Issuer = "mobility.fleet";

    /// <summary>Claim: grows with every release.</summary>
    public const string Version = "version";

    /// <summary>Claim: of the image, 64 lower-case hexadecimal digits.</summary>
    public const string Sha256 = "sha256";

    /// <summary>Claim: bytes of the image.</summary>
    public const string Size = "size";
}

/// <summary>What a vehicle is to run.</summary>
/// <param name="Version">Of the release.</param>
/// <param name="Manifest">Signed, in the words of <see cref="UpdateWords"/>; an order to return when there is no address.</param>
/// <param name="Url">Where the image is: absolute, or a path of the platform's.</param>
public sealed record VehicleUpdate(long Version, string Manifest, string? Url);

/// <summary>Asks Fleet what a vehicle is to run; null when nothing waits for it.</summary>
/// <param name="Vehicle">The vehicle.</param>
[ContractName("fleet.get_vehicle_update.v1")]
public sealed record GetVehicleUpdate(VehicleId Vehicle) : IContractQuery<VehicleUpdate?>;

/// <summary>A vehicle is to run another image, or to return to the one before: whoever holds its wire tells it.</summary>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="Update">What it is told.</param>
/// <param name="At">When.</param>
[ContractName("fleet.update_offered.v1")]
public sealed record UpdateOfferedV1(VehicleId Vehicle, VehicleUpdate Update, DateTimeOffset At) : IContractEvent;

/// <summary>A release is published (OtaPublished); no vehicle has it yet.</summary>
/// <param name="Version">Higher than any before.</param>
/// <param name="Sha256">Of the image.</param>
/// <param name="SizeBytes">Of the image.</param>
/// <param name="At">When.</param>
[ContractName("fleet.update_published.v1")]
public sealed record UpdatePublishedV1(long Version, string Sha256, long SizeBytes, DateTimeOffset At) : IContractEvent;

/// <summary>A vehicle runs a release and is healthy with it, by its own word (OtaApplied).</summary>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="Version">Of the release.</param>
/// <param name="Rollout">That brought it.</param>
/// <param name="At">By the vehicle's own clock.</param>
[ContractName("fleet.update_applied.v1")]
public sealed record UpdateAppliedV1(VehicleId Vehicle, long Version, RolloutId Rollout, DateTimeOffset At) : IContractEvent;

/// <summary>A vehicle left a release for the one before: by itself, or because it was told to (OtaRolledBack).</summary>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="Version">That it left.</param>
/// <param name="Rollout">That had brought it.</param>
/// <param name="Reason">A stable code, for example <c>not_healthy</c> or <c>recalled</c>.</param>
/// <param name="At">By the vehicle's own clock.</param>
[ContractName("fleet.update_rolled_back.v1")]
public sealed record UpdateRolledBackV1(VehicleId Vehicle, long Version, RolloutId Rollout, string Reason, DateTimeOffset At) : IContractEvent;
