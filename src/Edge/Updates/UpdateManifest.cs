using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Mobility.Contracts;
using Mobility.Edge.Unlock;

namespace Mobility.Edge.Updates;

/// <summary>What a signed manifest says of an image.</summary>
/// <param name="Version">Grows with every release.</param>
/// <param name="Sha256">Of the image, lower-case hexadecimal.</param>
/// <param name="SizeBytes">Of the image.</param>
internal sealed record UpdateManifest(long Version, string Sha256, long SizeBytes)
{
    /// <summary>Header <c>typ</c>: neither an unlock token nor an access token installs anything, whoever signed it.</summary>
    public const string Type = UpdateWords.ManifestType;

    public const int LengthMax = 4_096;

    /// <summary>Larger than any image of ours; a manifest may not fill the disk.</summary>
    public const long SizeBytesMax = 256L * 1024 * 1024;

    private static readonly JsonWebTokenHandler Handler = new() { MapInboundClaims = false };

    /// <summary>A manifest that one of the keys signed with ES256; a stable code otherwise. It has no expiry: what is too old, its version says.</summary>
    public static async Task<(UpdateManifest? Manifest, string? Refusal)> ReadAsync(string text, SigningKeys keys)
    {
        if (text.Length > LengthMax || !Handler.CanReadToken(text))
            return (null, "manifest_malformed");
        var result = await Handler.ValidateTokenAsync(text, new TokenValidationParameters
        {
            ValidTypes = [Type],
            ValidAlgorithms = [SecurityAlgorithms.EcdsaSha256],
            IssuerSigningKeys = keys.Keys,
            RequireSignedTokens = true,
            ValidateIssuer = false,
            ValidateAudience = false,
            ValidateLifetime = false,
        });
        if (!result.IsValid)
            return (null, "manifest_not_authentic");
        var token = (JsonWebToken)result.SecurityToken;
        if (!token.TryGetPayloadValue<long>(UpdateWords.Version, out var version) || !token.TryGetPayloadValue<string>(UpdateWords.Sha256, out var sha256)
            || !token.TryGetPayloadValue<long>(UpdateWords.Size, out var size) || version < 1 || size is < 1 or > SizeBytesMax
            || sha256.Length != 64 || !sha256.All(char.IsAsciiHexDigitLower))
            return (null, "manifest_malformed");
        return (new UpdateManifest(version, sha256, size), null);
    }
}
