using Microsoft.IdentityModel.Tokens;
using Mobility.Platform.Bus;

namespace Mobility.Platform.Auth;

/// <summary>
/// The public keys of the platform's tokens, read from the JWKS of the process where Identity runs (configuration <c>Peers:identity</c>). While that
/// process does not answer, the keys that were read before go on verifying.
/// </summary>
public sealed class RemoteTokenKeys(Peers peers, TimeProvider clock) : ITokenKeys, IDisposable
{
    /// <summary>How long the keys are remembered.</summary>
    public static readonly TimeSpan RememberedFor = TimeSpan.FromMinutes(5);

    /// <summary>A token with an unknown key, and a peer that did not answer, are asked about again, but not more often than this.</summary>
    public static readonly TimeSpan AskAgainEvery = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _asking = new(1);
    private volatile Known? _known;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<SecurityKey>> GetAsync(string? unknownKeyId, CancellationToken ct)
    {
        if (IsFresh(unknownKeyId) is { } fresh)
            return fresh.Keys;
        await _asking.WaitAsync(ct);
        try
        {
            if (IsFresh(unknownKeyId) is { } meanwhile)
                return meanwhile.Keys;
            _known = new Known(await FetchAsync(ct), clock.GetTimestamp(), clock.GetTimestamp());
            return _known.Keys;
        }
        catch (PeerUnavailableException) when (_known is { } old)
        {
            _known = old with { AskedAt = clock.GetTimestamp() };
            return old.Keys;
        }
        finally
        {
            _asking.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _asking.Dispose();

    private Known? IsFresh(string? unknownKeyId)
    {
        if (_known is not { } known)
            return null;
        var wanted = unknownKeyId is null && clock.GetElapsedTime(known.ReadAt) < RememberedFor;
        return wanted || clock.GetElapsedTime(known.AskedAt) < AskAgainEvery ? known : null;
    }

    private Task<IReadOnlyList<SecurityKey>> FetchAsync(CancellationToken ct) =>
        peers.CallAsync<IReadOnlyList<SecurityKey>>("identity", "/.well-known/jwks.json",
            async (http, uri, within) => [.. new JsonWebKeySet(await http.GetStringAsync(uri, within)).Keys], ct);

    private sealed record Known(IReadOnlyList<SecurityKey> Keys, long ReadAt, long AskedAt);
}
