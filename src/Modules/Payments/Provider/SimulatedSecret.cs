using System.Security.Cryptography;
using Mobility.Platform.Events;

namespace Mobility.Payments.Provider;

/// <summary>The secret that both sides of the simulated webhooks share; made at random once per database, so that there is no well-known one.</summary>
internal sealed class SimulatedSecret(Database<PaymentsModule> database)
{
    private byte[]? _secret;

    public async Task<byte[]> GetAsync(CancellationToken ct)
    {
        if (_secret is { } known)
            return known;
        await database.ExecuteAsync("INSERT INTO sim_settings (name, value) VALUES ('webhook_secret', @value) ON CONFLICT DO NOTHING",
            new { value = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)) }, ct);
        var secret = await database.QuerySingleOrDefaultAsync<string>("SELECT value FROM sim_settings WHERE name = 'webhook_secret'", null, ct);
        return _secret = Convert.FromHexString(secret!);
    }
}
