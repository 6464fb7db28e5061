using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Platform;
using Mobility.Platform.Auth;

namespace Mobility.Identity;

/// <summary>What OpenID Connect clients and other processes read first: where the endpoints are, and the keys that verify tokens.</summary>
internal static class GetDiscovery
{
    /// <summary>OpenID Connect Discovery 1.0, section 3, as far as it is true here.</summary>
    public sealed record Document(
        [property: JsonPropertyName("issuer")] string Issuer,
        [property: JsonPropertyName("token_endpoint")] string TokenEndpoint,
        [property: JsonPropertyName("revocation_endpoint")] string RevocationEndpoint,
        [property: JsonPropertyName("jwks_uri")] string JwksUri,
        [property: JsonPropertyName("grant_types_supported")] IReadOnlyList<string> GrantTypes,
        [property: JsonPropertyName("token_endpoint_auth_methods_supported")] IReadOnlyList<string> AuthMethods,
        [property: JsonPropertyName("subject_types_supported")] IReadOnlyList<string> SubjectTypes,
        [property: JsonPropertyName("id_token_signing_alg_values_supported")] IReadOnlyList<string> SigningAlgorithms,
        [property: JsonPropertyName("response_types_supported")] IReadOnlyList<string> ResponseTypes,
        [property: JsonPropertyName("scopes_supported")] IReadOnlyList<string> Scopes);

    /// <summary>RFC 7517, public part of an elliptic-curve key.</summary>
    public sealed record Key(string Kty, string Crv, string Alg, string Use, string Kid, string X, string Y);

    /// <summary>RFC 7517, section 5.</summary>
    public sealed record KeySet(IReadOnlyList<Key> Keys);

    public static void Map(IEndpointRouteBuilder app)
    {
        app.MapGet("/.well-known/openid-configuration", Describe).WithName("GetDiscovery").OpenToAll().Produces<Document>();
        app.MapGet("/.well-known/jwks.json", ListKeys).WithName("GetKeys").OpenToAll().Produces<KeySet>();
    }

    private static IResult Describe(HttpContext http)
    {
        var address = $"{http.Request.Scheme}://{http.Request.Host}";
        return TypedResults.Json(new Document(
            TokenVerifier.Issuer, $"{address}/oauth2/token", $"{address}/oauth2/revoke", $"{address}/.well-known/jwks.json",
            ["password", "refresh_token", "client_credentials"], ["client_secret_basic", "client_secret_post", "none"], ["public"], ["ES256"], [],
            Roles.AllPermissions), MobilityJson.Http);
    }

    private static async Task<IResult> ListKeys(HttpContext http, SigningKeys keys, CancellationToken ct)
    {
        await keys.RefreshAsync(SigningKeys.LookAgainEvery, ct);
        http.Response.Headers.CacheControl = $"public, max-age={(int)SigningKeys.RememberedFor.TotalSeconds}";
        return TypedResults.Json(new KeySet([.. keys.Published.Select(k => new Key(k.Kty, k.Crv, k.Alg, k.Use, k.Kid, k.X, k.Y))]), MobilityJson.Http);
    }
}
