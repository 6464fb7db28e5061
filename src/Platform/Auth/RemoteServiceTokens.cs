using System.Net.Http.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Configuration;
using Mobility.Platform.Bus;

namespace Mobility.Platform.Auth;

/// <summary>
/// This process's own token where Identity runs elsewhere: client credentials (<c>Service:ClientId</c>, <c>Service:ClientSecret</c>) at the token endpoint
/// of <c>Peers:identity</c>, kept until shortly before it is over.
/// </summary>
public sealed class RemoteServiceTokens(IConfiguration configuration, Peers peers, TimeProvider clock) : IServiceTokens, IDisposable
{
    /// <summary>A token this close to its end is not used any more.</summary>
    public static readonly TimeSpan Margin = TimeSpan.FromMinutes(1);

    private readonly SemaphoreSlim _asking = new(1);
    private volatile Known? _known;

    /// <inheritdoc/>
    /// <exception cref="PeerUnavailableException">Identity does not answer, or does not know this process.</exception>
    public async Task<string> GetAsync(CancellationToken ct)
    {
        if (_known is { } known && known.Until > clock.GetUtcNow())
            return known.Token;
        await _asking.WaitAsync(ct);
        try
        {
            if (_known is { } meanwhile && meanwhile.Until > clock.GetUtcNow())
                return meanwhile.Token;
            var askedAt = clock.GetUtcNow();
            var reply = await AskAsync(ct);
            _known = new Known(reply.AccessToken, askedAt + TimeSpan.FromSeconds(reply.ExpiresIn) - Margin);
            return reply.AccessToken;
        }
        finally
        {
            _asking.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _asking.Dispose();

    private async Task<Reply> AskAsync(CancellationToken ct)
    {
        using var form = new FormUrlEncodedContent(new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["grant_type"] = "client_credentials",
            ["client_id"] = configuration["Service:ClientId"] ?? "",
            ["client_secret"] = configuration["Service:ClientSecret"] ?? "",
        });
        return await peers.CallAsync("identity", "/oauth2/token", async (http, uri, within) =>
        {
            using var reply = await http.PostAsync(uri, form, within);
            reply.EnsureSuccessStatusCode();
            return (await reply.Content.ReadFromJsonAsync<Reply>(MobilityJson.Stored, within))!;
        }, ct);
    }

    private sealed record Reply(
        [property: JsonPropertyName("access_token")] string AccessToken, [property: JsonPropertyName("expires_in")] int ExpiresIn);

    private sealed record Known(string Token, DateTimeOffset Until);
}
