using Microsoft.Extensions.Configuration;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;

namespace Mobility.Fleet;

/// <summary>The key pairs of unlock tokens. The private halves never leave the platform; vehicles hold the public ones.</summary>
internal sealed class UnlockKeys(Database<FleetModule> database, IConfiguration configuration, TimeProvider clock)
    : SigningKeyRing(database, new KeyProtection(configuration.GetSection("Fleet"), "unlock keys"), clock);

/// <summary>A token that we signed for the vehicle that names it. Whether it was still good is for the reader to decide.</summary>
internal sealed record ReadToken(BookingId Booking, string Nonce, DateTimeOffset IssuedAt, DateTimeOffset ExpiresAt);

/// <summary>Signs unlock tokens, and reads them again when a vehicle says which one opened it (UNL-1, UNL-2).</summary>
internal sealed class UnlockTokens(UnlockKeys keys, TimeProvider clock)
{
    public const int LengthMax = 2_048;

    private readonly JsonWebTokenHandler _handler = new() { SetDefaultTimesOnTokenCreation = false, MapInboundClaims = false };

    public async Task<UnlockToken> IssueAsync(VehicleId vehicle, BookingId booking, AccountId rider, CancellationToken ct)
    {
        await keys.RefreshAsync(SigningKeyRing.RememberedFor, ct);
        // A JWT knows whole seconds only; rounded down, a token never lives longer than it may.
        var now = DateTimeOffset.FromUnixTimeSeconds(clock.GetUtcNow().ToUnixTimeSeconds());
        var expiresAt = now.AddSeconds(UnlockTokenWords.LivesSeconds);
        return new UnlockToken(_handler.CreateToken(new SecurityTokenDescriptor
        {
            TokenType = UnlockTokenWords.Type,
            Issuer = UnlockTokenWords.Issuer,
            Audience = vehicle.ToString(),
            IssuedAt = now.UtcDateTime,
            Expires = expiresAt.UtcDateTime,
            SigningCredentials = keys.Current,
            Claims = new Dictionary<string, object>(StringComparer.Ordinal)
            {
                [JwtRegisteredClaimNames.Sub] = rider.ToString(),
                [JwtRegisteredClaimNames.Jti] = Id.NewValue(clock).ToString("N"),
                [UnlockTokenWords.Booking] = booking.ToString(),
            },
        }), expiresAt);
    }

    /// <summary>Null when it is no token of ours for this vehicle.</summary>
    public async Task<ReadToken?> ReadAsync(string? token, VehicleId vehicle, CancellationToken ct)
    {
        if (token is null || token.Length > LengthMax)
            return null;
        var result = await _handler.ValidateTokenAsync(token, new TokenValidationParameters
        {
            ValidTypes = [UnlockTokenWords.Type],
            ValidAlgorithms = [SecurityAlgorithms.EcdsaSha256],
            ValidIssuer = UnlockTokenWords.Issuer,
            ValidAudience = vehicle.ToString(),
            IssuerSigningKeys = await keys.GetAsync(KeyIdOf(token), ct),
            ValidateLifetime = false, // by the time of the report, not of its arrival: it may come a day later
        });
        return result.IsValid && result.SecurityToken is JsonWebToken read
               && Id.TryParse<BookingId>(read.TryGetPayloadValue<string>(UnlockTokenWords.Booking, out var text) ? text : null, out var booking)
            ? new ReadToken(booking, read.Id, read.IssuedAt, read.ValidTo)
            : null;
    }

    /// <summary>So that a key that this process does not know yet is looked for.</summary>
    private string? KeyIdOf(string token) => _handler.CanReadToken(token) && _handler.ReadJsonWebToken(token).Kid is { Length: > 0 } kid
        && keys.Published.All(key => key.Kid != kid) ? kid : null;
}
