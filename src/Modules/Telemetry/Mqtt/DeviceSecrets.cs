using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Mobility.Contracts;
using Mobility.Platform.Events;

namespace Mobility.Telemetry.Mqtt;

/// <summary>
/// What vehicles prove themselves with. Secrets have 256 random bits, so a plain hash protects them at rest. What was read is remembered for a minute: when a
/// city's network comes back, every vehicle connects at once and some again and again.
/// </summary>
internal sealed class DeviceSecrets(Database<TelemetryModule> database, TimeProvider clock) : IDisposable
{
    /// <summary>Longest time until another process heeds a new secret or a revoked certificate.</summary>
    public static readonly TimeSpan RememberedFor = TimeSpan.FromMinutes(1);

    /// <summary>Vehicles and certificates that are remembered.</summary>
    public const int RememberedMax = 200_000;

    /// <summary>Questions to the database at the same time; the others wait.</summary>
    public const int AskingMax = 4;

    private readonly ConcurrentDictionary<string, (byte[]? Value, long At)> _remembered = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _asking = new(AskingMax);

    /// <summary>Makes a new secret; the one before is worth nothing any more.</summary>
    public async Task<string> IssueAsync(VehicleId vehicle, CancellationToken ct)
    {
        var secret = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)).TrimEnd('=').Replace('+', '-').Replace('/', '_');
        await database.ExecuteAsync("""
            INSERT INTO device_secrets (vehicle, hash, issued_at) VALUES (@vehicle, @hash, @now)
            ON CONFLICT (vehicle) DO UPDATE SET hash = excluded.hash, issued_at = excluded.issued_at
            """, new { vehicle = vehicle.Value, hash = HashOf(Encoding.UTF8.GetBytes(secret)), now = clock.GetUtcNow() }, ct);
        _remembered.TryRemove(KeyOf(vehicle), out _);
        return secret;
    }

    public async ValueTask<bool> CheckAsync(VehicleId vehicle, byte[] secret, CancellationToken ct)
    {
        var hash = await RecallAsync(KeyOf(vehicle), "SELECT hash FROM device_secrets WHERE vehicle = @vehicle", new { vehicle = vehicle.Value }, ct);
        return CryptographicOperations.FixedTimeEquals(hash ?? new byte[SHA256.HashSizeInBytes], HashOf(secret)) && hash is not null;
    }

    /// <summary>Whether a certificate that our authority signed still holds.</summary>
    public async ValueTask<bool> IsCertificateGoodAsync(string serial, CancellationToken ct) =>
        await RecallAsync($"certificate {serial}", "SELECT '\\x01'::bytea FROM device_certificates WHERE serial = @serial AND revoked_at IS NULL", new { serial }, ct) is not null;

    /// <summary>Also the device that could renew them is revoked: else it would have the next one a moment later.</summary>
    public async Task RevokeCertificatesAsync(VehicleId vehicle, CancellationToken ct)
    {
        var serials = await database.QueryAsync<string>("""
            WITH device AS (UPDATE devices SET revoked_at = @now WHERE vehicle = @vehicle AND revoked_at IS NULL)
            UPDATE device_certificates SET revoked_at = @now WHERE vehicle = @vehicle AND revoked_at IS NULL RETURNING serial
            """, new { vehicle = vehicle.Value, now = clock.GetUtcNow() }, ct);
        foreach (var serial in serials)
            _remembered.TryRemove($"certificate {serial}", out _);
    }

    public void Dispose() => _asking.Dispose();

    private async ValueTask<byte[]?> RecallAsync(string key, string sql, object parameters, CancellationToken ct)
    {
        if (Known(key, out var value))
            return value;
        await _asking.WaitAsync(ct);
        try
        {
            if (Known(key, out value))
                return value;
            value = await database.QuerySingleOrDefaultAsync<byte[]>(sql, parameters, ct);
            if (_remembered.Count >= RememberedMax)
                _remembered.Clear();
            // That there is nothing is not remembered: a vehicle gets its secret and connects at once.
            if (value is not null)
                _remembered[key] = (value, clock.GetTimestamp());
            return value;
        }
        finally
        {
            _asking.Release();
        }
    }

    private bool Known(string key, out byte[]? value)
    {
        var isKnown = _remembered.TryGetValue(key, out var known) && clock.GetElapsedTime(known.At) < RememberedFor;
        value = known.Value;
        return isKnown;
    }

    private static string KeyOf(VehicleId vehicle) => $"secret {vehicle}";

    private static byte[] HashOf(byte[] secret) => SHA256.HashData(secret);
}
