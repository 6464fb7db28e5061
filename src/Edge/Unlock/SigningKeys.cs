using Microsoft.IdentityModel.Tokens;

namespace Mobility.Edge.Unlock;

/// <summary>Public keys that the vehicle believes, from a JSON Web Key Set (RFC 7517): EC keys on P-256 and nothing else.</summary>
public sealed class SigningKeys
{
    /// <summary>Longest key set.</summary>
    public const int BytesMax = 64 * 1024;

    private SigningKeys(IReadOnlyList<SecurityKey> keys) => Keys = keys;

    internal IReadOnlyList<SecurityKey> Keys { get; }

    /// <summary>Reads a key set.</summary>
    /// <exception cref="FormatException">It is none, or has no P-256 key for signatures.</exception>
    public static SigningKeys Parse(string json)
    {
        JsonWebKeySet set;
        try
        {
            set = new JsonWebKeySet(json.Length <= BytesMax ? json : throw new FormatException($"A key set has at most {BytesMax} bytes."));
        }
        catch (ArgumentException e)
        {
            throw new FormatException("The keys are no JSON Web Key Set.", e);
        }
        var keys = set.Keys.Where(key => key is { Kty: "EC", Crv: "P-256" } && key.Use is null or "" or "sig").ToList();
        return keys.Count > 0 ? new SigningKeys(keys) : throw new FormatException("The key set has no EC key on P-256.");
    }
}
