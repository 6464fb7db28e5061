using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
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
    IReadOnlyList<ModuleDefinition> modules, IServiceProvider services, IServiceTokens tokens, Peers peers) : IAsk
{
    private readonly Dictionary<string, QuestionHandler> _local = modules.SelectMany(m => m.Answers).ToDictionary(StringComparer.Ordinal);

    public async Task<TAnswer> AskAsync<TAnswer>(IContractQuery<TAnswer> question, CancellationToken ct)
    {
        var contract = ContractNames.Of(question.GetType());
        if (_local.TryGetValue(contract, out var handler))
            return (TAnswer)(await handler.Handle(question, services, ct))!;
        var owner = contract[..contract.IndexOf('.', StringComparison.Ordinal)];
        return await peers.CallAsync(owner, $"/internal/ask/{contract}", async (http, uri, within) =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, uri) { Content = JsonContent.Create(question, question.GetType(), options: MobilityJson.Stored) };
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", await tokens.GetAsync(within));
            using var reply = await http.SendAsync(request, within);
            reply.EnsureSuccessStatusCode();
            return (await reply.Content.ReadFromJsonAsync<TAnswer>(MobilityJson.Stored, within))!;
        }, ct);
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
