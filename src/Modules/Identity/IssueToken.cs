using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Identity;

/// <summary>
/// The token endpoint of OAuth 2.0: people sign in with a password (our own apps only, until the authorization code with PKCE comes) or a refresh token,
/// machines with client id and secret.
/// </summary>
internal static partial class IssueToken
{
    /// <summary>Tries to sign in to one account in a minute, from wherever.</summary>
    public const int SignInsPerAccount = 10;

    /// <summary>Requests of one address in a minute.</summary>
    public const int RequestsPerAddress = 60;

    /// <summary>Our own apps; they keep no secret.</summary>
    public static readonly IReadOnlyList<string> FirstPartyClients = ["rider-app", "console", "cli"];

    /// <summary>A machine that may ask for tokens.</summary>
    public sealed record Client
    {
        public required string Kind { get; init; }
        public required Guid Subject { get; init; }
        public required byte[] SecretHash { get; init; }
        public required string[] Permissions { get; init; }
    }

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/oauth2/token", Handle).WithName("IssueToken").OpenToAll().DisableAntiforgery()
        .TakesForm(["grant_type"], ["username", "password", "refresh_token", "client_id", "client_secret"]).Produces<OAuth.TokenReply>().Produces<OAuth.Error>(400).Produces<OAuth.Error>(401)
        .Produces<OAuth.Error>(429);

    private static async Task<IResult> Handle(
        HttpContext http, Database<IdentityModule> database, Passwords passwords, SigningKeys keys, TokenIssuer issuer, RateLimiter limiter, TimeProvider clock,
        ILogger<IdentityModule> log, CancellationToken ct)
    {
        if (limiter.TryTake("token", http.Connection.RemoteIpAddress?.ToString() ?? "?", RequestsPerAddress) is { } wait)
            return TooMany(http, wait);
        if (await OAuth.ReadFormAsync(http, ct) is not { } form)
            return OAuth.InvalidRequest("Send application/x-www-form-urlencoded with each field once.");
        if (!OAuth.TryReadClient(http, form, out var client))
            return OAuth.InvalidClient();
        await keys.RefreshAsync(SigningKeys.RememberedFor, ct);
        var door = new Door(http, form, database, passwords, issuer, limiter, clock, log);
        return form.GetValueOrDefault("grant_type") switch
        {
            null or "" => OAuth.InvalidRequest("grant_type is missing."),
            "password" => await SignInAsync(door, ct),
            "refresh_token" => await RefreshAsync(door, ct),
            "client_credentials" => await MachineAsync(door, client, ct),
            _ => OAuth.Refuse("unsupported_grant_type", "Use password, refresh_token or client_credentials."),
        };
    }

    private static async Task<IResult> SignInAsync(Door door, CancellationToken ct)
    {
        if (door.Form.TryGetValue("client_id", out var app) && !FirstPartyClients.Contains(app))
            return OAuth.Refuse("unauthorized_client", "Only our own apps may ask for passwords.");
        if (!door.Form.TryGetValue("username", out var email) || !door.Form.TryGetValue("password", out var password))
            return OAuth.InvalidRequest("username and password are needed.");
        if (email.Length > RegisterAccount.EmailLengthMax || password.Length > Passwords.LengthMax)
            return WrongPassword();
        if (door.Limiter.TryTake("sign_in", Accounts.KeyOf(email), SignInsPerAccount) is { } wait)
            return TooMany(door.Http, wait);
        var account = await Accounts.FindByEmailAsync(door.Database, email, ct);
        if (!await door.Passwords.CheckAsync(account?.PasswordHash, password, ct))
        {
            LogSignInFailed(door.Log, account?.Id);
            return WrongPassword();
        }
        return Reply(door, account!, await Sessions.OpenAsync(door.Database, account!.Id, door.Clock, ct));
    }

    private static async Task<IResult> RefreshAsync(Door door, CancellationToken ct)
    {
        if (!door.Form.TryGetValue("refresh_token", out var token))
            return OAuth.InvalidRequest("refresh_token is needed.");
        return await Sessions.RotateAsync(door.Database, token, door.Clock, ct) is { } rotated
            && await Accounts.FindAsync(door.Database, rotated.Account, ct) is { } account
                ? Reply(door, account, rotated.Token)
                : OAuth.Refuse("invalid_grant", "The refresh token is unknown, too old or was used before; sign in again.");
    }

    private static async Task<IResult> MachineAsync(Door door, OAuth.ClientSecret? given, CancellationToken ct)
    {
        if (given is null)
            return OAuth.InvalidClient();
        var client = await door.Database.QuerySingleOrDefaultAsync<Client>(
            "SELECT kind, subject, secret_hash, permissions FROM clients WHERE id = @Id", new { given.Id }, ct);
        if (client is null || !CryptographicOperations.FixedTimeEquals(client.SecretHash, Secrets.Hash(given.Secret)))
            return OAuth.InvalidClient();
        var kind = client.Kind == "device" ? CallerKind.Device : CallerKind.Service;
        return Reply(door.Http, door.Issuer.Issue(client.Subject, kind, client.Permissions, TokenIssuer.AccessLifetime), client.Permissions, null);
    }

    private static IResult Reply(Door door, Account account, string refreshToken) => Reply(door.Http,
        door.Issuer.Issue(account.Id, account.CallerKind, account.Permissions, TokenIssuer.AccessLifetime), account.Permissions, refreshToken);

    private static IResult Reply(HttpContext http, string accessToken, IReadOnlyList<string> permissions, string? refreshToken)
    {
        http.Response.Headers.CacheControl = "no-store";
        return TypedResults.Json(
            new OAuth.TokenReply(accessToken, "Bearer", (int)TokenIssuer.AccessLifetime.TotalSeconds, string.Join(' ', permissions), refreshToken), MobilityJson.Http);
    }

    private static IResult WrongPassword() => OAuth.Refuse("invalid_grant", "The e-mail address or the password is wrong.");

    private static IResult TooMany(HttpContext http, TimeSpan wait)
    {
        http.Response.Headers.RetryAfter = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds)).ToString();
        return OAuth.Refuse("temporarily_unavailable", "Too many tries; wait as long as Retry-After says.", StatusCodes.Status429TooManyRequests);
    }

    private sealed record Door(
        HttpContext Http, IReadOnlyDictionary<string, string> Form, Database<IdentityModule> Database, Passwords Passwords, TokenIssuer Issuer, RateLimiter Limiter,
        TimeProvider Clock, ILogger Log);

    [LoggerMessage(EventId = 1001, Level = LogLevel.Information, Message = "A sign-in failed; account {AccountId}.")]
    private static partial void LogSignInFailed(ILogger log, Guid? accountId);
}
