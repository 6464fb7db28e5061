using System.Globalization;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Mobility.Contracts;
using Mobility.Platform;

namespace Mobility.Edge.Unlock;

/// <summary>A token that may open this vehicle, once.</summary>
/// <param name="Nonce">Taken once.</param>
/// <param name="Booking">For which it opens.</param>
/// <param name="ExpiresAt">Afterwards it is refused in any case, so the nonce may be forgotten a little later.</param>
internal sealed record CheckedToken(string Nonce, BookingId Booking, DateTimeOffset ExpiresAt)
{
    /// <summary>Tokens have about 400 characters; longer ones are refused unread.</summary>
    public const int LengthMax = 2_048;

    public const int NonceLengthMax = 64;

    /// <summary>How far the vehicle's clock may be off; satellites set it, so it is little.</summary>
    public static readonly TimeSpan Skew = TimeSpan.FromSeconds(5);

    private static readonly JsonWebTokenHandler Handler = new() { MapInboundClaims = false };

    /// <summary>Checks everything but whether the nonce was used; a stable code when the token does not open this vehicle.</summary>
    public static async Task<(CheckedToken? Token, string? Refusal)> CheckAsync(string text, VehicleId vehicle, SigningKeys keys, DateTimeOffset now)
    {
        if (text.Length > LengthMax || !Handler.CanReadToken(text))
            return (null, "token_malformed");
        var result = await Handler.ValidateTokenAsync(text, new TokenValidationParameters
        {
            ValidTypes = [UnlockTokenWords.Type],
            ValidAlgorithms = [SecurityAlgorithms.EcdsaSha256],
            ValidIssuer = UnlockTokenWords.Issuer,
            ValidAudience = vehicle.ToString(),
            IssuerSigningKeys = keys.Keys,
            RequireSignedTokens = true,
            RequireExpirationTime = true,
            ClockSkew = Skew,
            LifetimeValidator = (_, _, _, _) => true, // by our clock, below
        });
        if (!result.IsValid)
            return (null, CodeOf(result.Exception));
        return Decide((JsonWebToken)result.SecurityToken, now);
    }

    /// <summary>The times of a token whose signature is good.</summary>
    private static (CheckedToken?, string?) Decide(JsonWebToken token, DateTimeOffset now)
    {
        if (SecondsOf(token, "iat") is not { } issued || SecondsOf(token, "exp") is not { } expires || issued > expires)
            return (null, "token_malformed");
        if (expires - issued > UnlockTokenWords.LivesSeconds)
            return (null, "token_lives_too_long");
        var (issuedAt, expiresAt) = (DateTimeOffset.FromUnixTimeSeconds(issued), DateTimeOffset.FromUnixTimeSeconds(expires));
        if (now >= expiresAt + Skew)
            return (null, "token_expired");
        if (now < issuedAt - Skew)
            return (null, "token_not_yet_valid");
        if (token.Id is not { Length: > 0 and <= NonceLengthMax } nonce || string.IsNullOrEmpty(token.Subject)
            || !token.TryGetPayloadValue<string>(UnlockTokenWords.Booking, out var text) || !Id.TryParse<BookingId>(text, out var booking))
            return (null, "token_malformed");
        return (new CheckedToken(nonce, booking, expiresAt), null);
    }

    /// <summary>RFC 7519 allows fractions; ours are whole, and only a range that a calendar has is read.</summary>
    private static long? SecondsOf(JsonWebToken token, string claim) =>
        token.TryGetClaim(claim, out var found)
        && long.TryParse(found.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds < 253_402_300_000
            ? seconds
            : null;

    private static string CodeOf(Exception? fault) => fault switch
    {
        SecurityTokenInvalidTypeException => "token_wrong_type",
        SecurityTokenInvalidAlgorithmException => "token_wrong_algorithm",
        SecurityTokenInvalidAudienceException => "token_wrong_vehicle",
        SecurityTokenInvalidIssuerException => "token_wrong_issuer",
        SecurityTokenMalformedException or ArgumentException => "token_malformed",
        _ => "token_not_authentic", // wrong or unknown key, no signature, or anything else that does not convince
    };
}
