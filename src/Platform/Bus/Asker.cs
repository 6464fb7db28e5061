using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;
using Mobility.Platform.Modules;

namespace Mobility.Platform.Bus;

/// <summary>Gives this process's token for calls to other processes of the platform.</summary>
public interface IServiceTokens
{
    /// <summary>An access token with the permission <c>internal.ask</c>.</summary>
    Task<string> GetAsync(CancellationToken ct);
}

/// <summary>Answers from this process when the owner runs in it, else from the peer that configuration names (<c>Peers:module</c>).</summary>
internal sealed class Asker(
    IReadOnlyList<ModuleDefinition> modules, IServiceProvider services, IConfiguration configuration, IServiceTokens tokens, IHttpClientFactory clients) : IAsk
{
    /// <summary>A rider waits: better no answer than a late one.</summary>
    public static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(3);

    private readonly Dictionary<string, QuestionHandler> _local = modules.SelectMany(m => m.Answers).ToDictionary(StringComparer.Ordinal);

    public async Task<TAnswer> AskAsync<TAnswer>(IContractQuery<TAnswer> question, CancellationToken ct)
    {
        var contract = ContractNames.Of(question.GetType());
        if (_local.TryGetValue(contract, out var handler))
            return (TAnswer)(await handler.Handle(question, services, ct))!;
        var owner = contract[..contract.IndexOf('.', StringComparison.Ordinal)];
        var peer = configuration[$"Peers:{owner}"] ?? throw new PeerUnavailableException(owner, null);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri($"{peer.TrimEnd('/')}/internal/ask/{contract}"))
        {
            Content = JsonContent.Create(question, question.GetType(), options: MobilityJson.Stored),
        };
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(AnswerWithin);
        try
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", await tokens.GetAsync(patience.Token));
            using var reply = await clients.CreateClient("peers").SendAsync(request, patience.Token);
            reply.EnsureSuccessStatusCode();
            return (await reply.Content.ReadFromJsonAsync<TAnswer>(MobilityJson.Stored, patience.Token))!;
        }
        catch (Exception e) when (!ct.IsCancellationRequested && e is HttpRequestException or OperationCanceledException or JsonException)
        {
            throw new PeerUnavailableException(owner, e);
        }
    }

    /// <summary>The door through which other processes ask this one.</summary>
    internal static void Map(IEndpointRouteBuilder app, IReadOnlyList<ModuleDefinition> modules)
    {
        var answers = modules.SelectMany(m => m.Answers).ToDictionary(StringComparer.Ordinal);
        app.MapPost("/internal/ask/{contract}", async (string contract, HttpContext http, CancellationToken ct) =>
        {
            if (!answers.TryGetValue(contract, out var handler))
                return Problem.NotFound("platform.no_such_question", $"This process does not answer {contract}.").ToResult();
            object? question;
            try
            {
                question = await http.Request.ReadFromJsonAsync(handler.Question, MobilityJson.Stored, ct);
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
                return Problem.Invalid("request.malformed_json", "The question cannot be read.").ToResult();
            }
            return question is null
                ? Problem.Invalid("request.malformed_json", "The question is empty.").ToResult()
                : TypedResults.Json(await handler.Handle(question, http.RequestServices, ct), MobilityJson.Stored);
        }).RequirePermission("internal.ask").ExcludeFromDescription();
    }
}
