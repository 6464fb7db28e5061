using Microsoft.Extensions.Configuration;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Mobility.Contracts;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;

namespace Mobility.Fleet.Updates;

/// <summary>The key pairs of updates. Vehicles fetch the public ones; a manifest is signed when it is handed out, so always by a key that is published.</summary>
internal sealed class UpdateKeys(Database<FleetModule> database, IConfiguration configuration, TimeProvider clock)
    : SigningKeyRing(database, new KeyProtection(configuration.GetSection("Fleet"), "update keys"), clock, "update_keys");

/// <summary>A release as it was published.</summary>
internal sealed record Release(long Version, byte[] Sha256, long SizeBytes, string? Url)
{
    public string Hash => Convert.ToHexStringLower(Sha256);

    /// <summary>Where vehicles get the image: a path of ours, or the address that staff gave.</summary>
    public string Address => Url ?? $"/v1/update-images/{Hash}";

    public static Task<Release?> FindAsync(Database<FleetModule> database, long version, CancellationToken ct) =>
        database.QuerySingleOrDefaultAsync<Release>("SELECT version, sha256, size_bytes, url FROM update_releases WHERE version = @version", new { version }, ct);
}

/// <summary>Signs what vehicles are told about updates.</summary>
internal sealed class UpdateManifests(UpdateKeys keys)
{
    private readonly JsonWebTokenHandler _handler = new() { SetDefaultTimesOnTokenCreation = false };

    /// <summary>Install this.</summary>
    public async Task<VehicleUpdate> OfferAsync(Release release, CancellationToken ct) => new(release.Version, await SignAsync(UpdateWords.ManifestType, new()
    {
        [UpdateWords.Version] = release.Version,
        [UpdateWords.Sha256] = release.Hash,
        [UpdateWords.Size] = release.SizeBytes,
    }, ct), release.Address);

    /// <summary>Leave this version for the one before, or never install it.</summary>
    public async Task<VehicleUpdate> RecallAsync(long version, CancellationToken ct) =>
        new(version, await SignAsync(UpdateWords.ReturnType, new() { [UpdateWords.Version] = version }, ct), null);

    private async Task<string> SignAsync(string type, Dictionary<string, object> claims, CancellationToken ct)
    {
        await keys.RefreshAsync(SigningKeyRing.RememberedFor, ct);
        return _handler.CreateToken(new SecurityTokenDescriptor { TokenType = type, Issuer = UpdateWords.Issuer, SigningCredentials = keys.Current, Claims = claims });
    }
}
