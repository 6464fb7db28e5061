using System.Collections.Concurrent;
using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Mobility.Platform.Http;
using Mobility.Platform.Observability;

namespace Mobility.Platform.Auth;

/// <summary>Where the public keys of the platform's tokens come from: the Identity module itself, or its JWKS over HTTP.</summary>
public interface ITokenKeys
{
    /// <summary>The keys in force; <paramref name="unknownKeyId"/> names one that was not among the last ones.</summary>
    Task<IReadOnlyList<SecurityKey>> GetAsync(string? unknownKeyId, CancellationToken ct);
}

/// <summary>Verifies the platform's JWTs (ES256 only, issuer, audience, times by the injected clock) and remembers verified ones for a while.</summary>
public sealed class TokenVerifier(ITokenKeys keys, TimeProvider clock)
{
    /// <summary>The issuer of the platform's tokens.</summary>
    public const string Issuer = "mobility";

    /// <summary>The audience of the platform's API.</summary>
    public const string Audience = "mobility-api";

    /// <summary>Claim with the caller's kind: rider, staff, service or device.</summary>
    public const string KindClaim = "kind";

    /// <summary>Claim with the permissions, separated by blanks (RFC 8693 form).</summary>
    public const string ScopeClaim = "scope";

    /// <summary>Verified tokens that are remembered.</summary>
    public const int RememberedMax = 50_000;

    /// <summary>Tokens longer than this are refused unread.</summary>
    public const int TokenLengthMax = 4_096;

    private readonly JsonWebTokenHandler _handler = new() { MapInboundClaims = false };
    private readonly ConcurrentDictionary<string, (Caller Caller, DateTimeOffset ExpiresAt)> _remembered = new(StringComparer.Ordinal);

    /// <summary>The caller that a token proves; null when it proves nothing.</summary>
    public async ValueTask<Caller?> VerifyAsync(string token, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        // An ES256 check costs about 0.1 ms, more than the rest of a small request; the same token comes many times.
        if (_remembered.TryGetValue(token, out var known))
            return known.ExpiresAt > now ? known.Caller : null;
        if (token.Length > TokenLengthMax)
            return null;
        var result = await ValidateAsync(token, await keys.GetAsync(null, ct), now);
        if (result.Exception is SecurityTokenSignatureKeyNotFoundException)
            result = await ValidateAsync(token, await keys.GetAsync(((JsonWebToken?)result.SecurityToken)?.Kid ?? "?", ct), now);
        if (!result.IsValid || ToCaller(result.ClaimsIdentity) is not { } caller)
            return null;
        if (_remembered.Count >= RememberedMax)
            _remembered.Clear();
        _remembered[token] = (caller, result.SecurityToken.ValidTo);
        return caller;
    }

    private Task<TokenValidationResult> ValidateAsync(string token, IReadOnlyList<SecurityKey> signingKeys, DateTimeOffset now) =>
        _handler.ValidateTokenAsync(token, new TokenValidationParameters
        {
            ValidIssuer = Issuer,
            ValidAudience = Audience,
            ValidAlgorithms = [SecurityAlgorithms.EcdsaSha256],
            IssuerSigningKeys = signingKeys,
            RequireExpirationTime = true,
            LifetimeValidator = (notBefore, expires, _, _) => expires > now.UtcDateTime && (notBefore is null || notBefore <= now.UtcDateTime.AddMinutes(1)),
        });

    private static Caller? ToCaller(ClaimsIdentity identity)
    {
        if (!Guid.TryParse(identity.FindFirst("sub")?.Value, out var subject) || !Enum.TryParse<CallerKind>(identity.FindFirst(KindClaim)?.Value, true, out var kind))
            return null;
        var scope = identity.FindFirst(ScopeClaim)?.Value ?? "";
        return new Caller(subject, kind, scope.Split(' ', StringSplitOptions.RemoveEmptyEntries).ToHashSet(StringComparer.Ordinal), $"{kind}:{subject}");
    }
}

/// <summary>Authenticates each request and holds every endpoint's <see cref="AccessRule"/>; what has no rule is refused.</summary>
public static partial class AccessControl
{
    /// <summary>A token says what its account could do when it was issued, so the last step of a registration shows in the next one only.</summary>
    private static string WayOut(Caller caller) => caller.Kind == CallerKind.Rider
        ? " Riders get theirs when their registration is complete: GET /v1/accounts/me says what is missing; then sign in again."
        : "";

    /// <summary>Adds the step; after routing, before endpoints.</summary>
    public static void UseAccessControl(this IApplicationBuilder app) => app.Use(async (http, next) =>
    {
        if (http.GetEndpoint() is not { } endpoint)
        {
            await Problems.WriteAsync(http, Problem.NotFound("request.no_such_endpoint", "There is nothing at this path."));
            return;
        }
        if (endpoint is not RouteEndpoint)
        {
            await next(http); // the router's own answer to a wrong method or media type
            return;
        }
        var rule = endpoint.Metadata.GetMetadata<AccessRule>();
        string? header = http.Request.Headers.Authorization;
        Caller? caller = null;
        if (header?.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) is true)
            http.Items[Caller.ItemKey] = caller = await http.RequestServices.GetRequiredService<TokenVerifier>().VerifyAsync(header[7..].Trim(), http.RequestAborted);
        var problem = rule switch
        {
            { Anonymous: true } => null,
            _ when caller is null => new Problem(ProblemKind.Unauthenticated, "auth.token_required", "Send a valid access token as 'Authorization: Bearer …'."),
            null => Problem.Forbidden("auth.closed", "This endpoint is open to nobody."),
            { Permission: { } permission } when !caller.May(permission) => Problem.Forbidden("auth.forbidden", $"This needs the permission {permission}.{WayOut(caller)}"),
            _ => null,
        };
        if (problem is null)
        {
            await next(http);
            return;
        }
        PlatformMetrics.Denied.Add(1, new KeyValuePair<string, object?>("code", problem.Code));
        if (caller is not null)
            LogDenied(http.RequestServices.GetRequiredService<ILogger<TokenVerifier>>(), caller.Actor, endpoint.DisplayName, problem.Detail);
        if (problem.Kind == ProblemKind.Unauthenticated)
            http.Response.Headers.WWWAuthenticate = "Bearer";
        await Problems.WriteAsync(http, problem);
    });

    [LoggerMessage(EventId = 301, Level = LogLevel.Warning, Message = "{Actor} was denied {Endpoint}: {Reason}")]
    private static partial void LogDenied(ILogger log, string actor, string? endpoint, string reason);
}
