using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mobility.Platform.Auth;
using Mobility.Platform.Bus;
using Mobility.Platform.Events;

namespace Mobility.Identity;

/// <summary>Before the first request: the signing keys are there, and the services that configuration names (<c>Identity:Services:name = secret</c>).</summary>
internal sealed partial class IdentityStart(
    SigningKeys keys, Database<IdentityModule> database, IConfiguration configuration, IOptions<IdentityOptions> options, TimeProvider clock, ILogger<IdentityStart> log)
    : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.Value.PasswordIterations < IdentityOptions.SafeIterations)
            LogWeakHashes(log, options.Value.PasswordIterations);
        await keys.RefreshAsync(SigningKeys.RememberedFor, cancellationToken);
        foreach (var service in configuration.GetSection("Identity:Services").GetChildren())
            if (service.Value is { Length: > 0 } secret)
                await Clients.PutAsync(database, service.Key, "service", PutServiceAccount.AccountOf(service.Key).Value, secret,
                    Roles.PermissionsOf(Roles.Service), clock.GetUtcNow(), cancellationToken);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(EventId = 1001, Level = LogLevel.Warning, Message = "Passwords are hashed with {Count} rounds only: nobody's real password belongs here.")]
    private static partial void LogWeakHashes(ILogger log, int count);
}

/// <summary>
/// Where Identity runs in the process, the process's own token needs no network. It is used until shortly before its end: who is asked remembers tokens that
/// were verified.
/// </summary>
internal sealed class LocalServiceTokens(SigningKeys keys, TokenIssuer issuer, TimeProvider clock) : IServiceTokens
{
    private static readonly Guid Self = PutServiceAccount.AccountOf("platform").Value;
    private volatile Known? _known;

    public async Task<string> GetAsync(CancellationToken ct)
    {
        if (_known is { } known && known.Until > clock.GetUtcNow())
            return known.Token;
        await keys.RefreshAsync(SigningKeys.RememberedFor, ct);
        var until = clock.GetUtcNow() + TokenIssuer.AccessLifetime - RemoteServiceTokens.Margin;
        _known = new Known(issuer.Issue(Self, CallerKind.Service, Roles.PermissionsOf(Roles.Service), TokenIssuer.AccessLifetime), until);
        return _known.Token;
    }

    private sealed record Known(string Token, DateTimeOffset Until);
}
