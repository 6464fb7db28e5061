using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Mobility.Platform;
using Mobility.Platform.Auth;

namespace Mobility.Identity;

/// <summary>
/// Signs access tokens. The token endpoint uses it; benchmarks, replay and twin, which live in the same process, take it from dependency
/// injection and give thousands of riders and vehicles their tokens without passwords (about 0.1 ms each).
/// </summary>
internal sealed class TokenIssuer(SigningKeys keys, TimeProvider clock)
{
    /// <summary>Requirement catalogue, section 5, row 36.</summary>
    public static readonly TimeSpan AccessLifetime = TimeSpan.FromMinutes(15);

    /// <summary>RFC 9068.</summary>
    private const string TokenType = "at+jwt";

    private readonly JsonWebTokenHandler _handler = new() { SetDefaultTimesOnTokenCreation = false };

    /// <summary>A token for a subject with permissions, valid from now by the injected clock.</summary>
    /// <param name="subject">The account; for a device, the vehicle.</param>
    /// <param name="kind">The sort of account.</param>
    /// <param name="permissions">For example <see cref="Roles.PermissionsOf(string)"/> of <see cref="Roles.BookableRider"/>.</param>
    /// <param name="lifetime">Usually <see cref="AccessLifetime"/>; at most <see cref="SigningKeyRing.PublishedAfterSigning"/> survives a change of keys.</param>
    public string Issue(Guid subject, CallerKind kind, IEnumerable<string> permissions, TimeSpan lifetime)
    {
        var now = clock.GetUtcNow();
        return _handler.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = TokenVerifier.Issuer,
            Audience = TokenVerifier.Audience,
            IssuedAt = now.UtcDateTime,
            NotBefore = now.UtcDateTime,
            Expires = (now + lifetime).UtcDateTime,
            TokenType = TokenType,
            SigningCredentials = keys.Current,
            Claims = new Dictionary<string, object>(StringComparer.Ordinal)
            {
                ["sub"] = subject.ToString(),
                ["jti"] = Id.NewValue(clock).ToString("N"),
                [TokenVerifier.KindClaim] = kind.ToString().ToLowerInvariant(),
                [TokenVerifier.ScopeClaim] = string.Join(' ', permissions),
            },
        });
    }
}
