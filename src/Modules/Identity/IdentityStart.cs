using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Mobility.Platform.Auth;
using Mobility.Platform.Bus;
using Mobility.Platform.Events;

namespace Mobility.Identity;

/// <summary>Before the first request: the signing keys are there, and the services that configuration names (<c>Identity:Services:name = secret</c>).</summary>
internal sealed class IdentityStart(SigningKeys keys, Database<IdentityModule> database, IConfiguration configuration, TimeProvider clock) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await keys.RefreshAsync(SigningKeys.RememberedFor, cancellationToken);
        foreach (var service in configuration.GetSection("Identity:Services").GetChildren())
            if (service.Value is { Length: > 0 } secret)
                await Clients.PutAsync(database, service.Key, "service", PutServiceAccount.AccountOf(service.Key).Value, secret,
                    Roles.PermissionsOf(Roles.Service), clock.GetUtcNow(), cancellationToken);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

/// <summary>Where Identity runs in the process, the process's own token needs no network.</summary>
internal sealed class LocalServiceTokens(SigningKeys keys, TokenIssuer issuer) : IServiceTokens
{
    private static readonly Guid Self = PutServiceAccount.AccountOf("platform").Value;

    public async Task<string> GetAsync(CancellationToken ct)
    {
        await keys.RefreshAsync(SigningKeys.RememberedFor, ct);
        return issuer.Issue(Self, CallerKind.Service, Roles.PermissionsOf(Roles.Service), TokenIssuer.AccessLifetime);
    }
}
