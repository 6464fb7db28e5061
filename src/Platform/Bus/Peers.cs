using System.Text.Json;
using Microsoft.Extensions.Configuration;

namespace Mobility.Platform.Bus;

/// <summary>The processes that run what this one does not, as configuration names them (<c>Peers:module</c>), and the patience with them.</summary>
public sealed class Peers(IConfiguration configuration, IHttpClientFactory clients)
{
    /// <summary>How long an answer is waited for (<c>Peers:AnswerWithin</c>). A rider waits: better no answer than a late one.</summary>
    public TimeSpan AnswerWithin { get; } = configuration.GetValue("Peers:AnswerWithin", TimeSpan.FromSeconds(3));

    /// <summary>Calls the process that runs a module; <paramref name="call"/> gets the URI of <paramref name="path"/> there.</summary>
    /// <exception cref="PeerUnavailableException">No address, no answer in time, or one that cannot be read.</exception>
    public async Task<T> CallAsync<T>(string module, string path, Func<HttpClient, Uri, CancellationToken, Task<T>> call, CancellationToken ct)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(AnswerWithin);
        try
        {
            var address = configuration[$"Peers:{module}"] ?? throw new PeerUnavailableException(module, null);
            return await call(clients.CreateClient("peers"), new Uri($"{address.TrimEnd('/')}{path}"), patience.Token);
        }
        catch (Exception e) when (!ct.IsCancellationRequested && e is HttpRequestException or OperationCanceledException or JsonException or ArgumentException or UriFormatException)
        {
            throw new PeerUnavailableException(module, e);
        }
    }
}
