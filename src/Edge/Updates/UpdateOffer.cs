using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Mobility.Contracts;
using Mobility.Edge.Unlock;
using Mobility.Platform;

namespace Mobility.Edge.Updates;

/// <summary>What the door said on <c>updates/{vehicle}</c>: install that, or return. Nothing of it is believed before its signature.</summary>
internal static class UpdateOffer
{
    private static readonly JsonWebTokenHandler Handler = new() { MapInboundClaims = false };

    /// <summary>Null when it is none.</summary>
    public static VehicleUpdate? Read(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize<VehicleUpdate>(json, MobilityJson.Stored) is { Manifest: not null } offer ? offer : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The version that a signed order to return names; null when it is not authentic.</summary>
    public static async Task<long?> ReadReturnAsync(string text, SigningKeys keys)
    {
        if (text.Length > UpdateManifest.LengthMax || !Handler.CanReadToken(text))
            return null;
        var result = await Handler.ValidateTokenAsync(text, new TokenValidationParameters
        {
            ValidTypes = [UpdateWords.ReturnType],
            ValidAlgorithms = [SecurityAlgorithms.EcdsaSha256],
            IssuerSigningKeys = keys.Keys,
            RequireSignedTokens = true,
            ValidateIssuer = false,
            ValidateAudience = false,
            ValidateLifetime = false, // an order to return stands until a newer version is there
        });
        return result.IsValid && ((JsonWebToken)result.SecurityToken).TryGetPayloadValue<long>(UpdateWords.Version, out var version) && version > 0 ? version : null;
    }
}
