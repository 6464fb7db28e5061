using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;
using Mobility.Platform.Observability;

namespace Mobility.Platform.Http;

/// <summary>What an attempt at a command comes to: a reply that is stored with the facts, or a refusal that stores nothing.</summary>
public readonly record struct Outcome
{
    private Outcome(Problem? problem, int status, object? body) => (Problem, Status, Body) = (problem, status, body);

    /// <summary>Why it is refused; null when accepted.</summary>
    public Problem? Problem { get; }

    /// <summary>HTTP status of the reply.</summary>
    public int Status { get; }

    /// <summary>Body of the reply, written as JSON.</summary>
    public object? Body { get; }

    /// <summary>200 with a body.</summary>
    public static Outcome Ok(object body) => new(null, StatusCodes.Status200OK, body);

    /// <summary>201 with a body.</summary>
    public static Outcome Created(object body) => new(null, StatusCodes.Status201Created, body);

    /// <summary>202 with a body: the rest happens later and can be followed.</summary>
    public static Outcome Accepted(object body) => new(null, StatusCodes.Status202Accepted, body);

    /// <summary>204.</summary>
    public static Outcome Done() => new(null, StatusCodes.Status204NoContent, null);

    /// <summary>Refused.</summary>
    public static Outcome Refuse(Problem problem) => new(problem, 0, null);

    /// <summary>Refused.</summary>
    public static implicit operator Outcome(Problem problem) => Refuse(problem);
}

/// <summary>
/// Runs a command that came over HTTP: 1. attempt (load, decide, collect); 2. commit events, exact views, messages and the stored reply in
/// one transaction; 3. when another was faster, or when it is refused on what the process only remembered, attempt again on what the database says, at most
/// <see cref="AttemptsMax"/> times; 4. when the same Idempotency-Key was stored already, answer with that reply, or 422 if it was another request.
/// </summary>
/// <typeparam name="TModule">The module whose facts are written.</typeparam>
public sealed class CommandRunner<TModule>(Database<TModule> database, ModuleDefinition<TModule> module, TimeProvider clock) where TModule : IModule
{
    /// <summary>Tries until a command that keeps losing races is answered with 409.</summary>
    public const int AttemptsMax = 4;

    /// <summary>Longest Idempotency-Key.</summary>
    public const int KeyLengthMax = 100;

    /// <summary>Runs a command that reserves, unlocks or charges: it needs an Idempotency-Key.</summary>
    /// <param name="http">The request.</param>
    /// <param name="caller">Who asks; keys of different callers never meet.</param>
    /// <param name="body">What distinguishes this request beside its path; hashed in its JSON form.</param>
    /// <param name="attempt">Loads, decides and collects; called again after a lost race, with a new <see cref="Work"/>.</param>
    /// <param name="ct">Ends waiting; what is committed stays.</param>
    public Task<IResult> RunIdempotentAsync(HttpContext http, Caller caller, object? body, Func<Work, CancellationToken, Task<Outcome>> attempt, CancellationToken ct)
    {
        var key = http.Request.Headers[IdempotencyKeys.Header].ToString();
        if (key.Length is 0 or > KeyLengthMax || !key.All(c => c is >= ' ' and <= '~'))
            return Task.FromResult(Problem.Invalid("request.idempotency_key",
                $"Send an Idempotency-Key header of 1 to {KeyLengthMax} printable ASCII characters.", "Idempotency-Key").ToResult());
        return RunAsync(http, caller, new Ticket(caller.Subject, key, HashOf(http, body)), attempt, ct);
    }

    /// <summary>Runs a command whose repetition does no harm.</summary>
    public Task<IResult> RunAsync(HttpContext http, Caller caller, Func<Work, CancellationToken, Task<Outcome>> attempt, CancellationToken ct) =>
        RunAsync(http, caller, null, attempt, ct);

    /// <summary>A new unit of work for code that commits by itself (loaders, webhooks).</summary>
    public Work NewWork(string actor) => NewWork(actor, trustsMemory: true);

    private Work NewWork(string actor, bool trustsMemory) =>
        new(database, module.Definition, clock, new Causation(actor, Activity.Current?.Id, Activity.Current?.TraceId.ToString()), trustsMemory);

    private async Task<IResult> RunAsync(
        HttpContext http, Caller caller, Ticket? ticket, Func<Work, CancellationToken, Task<Outcome>> attempt, CancellationToken ct)
    {
        _ = http;
        for (var tries = 0; tries < AttemptsMax; tries++)
        {
            var work = NewWork(caller.Actor, trustsMemory: tries == 0);
            var outcome = await attempt(work, ct);
            if (outcome.Problem is not null && work.UsedMemory)
                continue;
            if (outcome.Problem is { } problem)
                return await StoredReplyAsync(ticket, ct) ?? Refuse(problem);
            var reply = outcome.Body is null ? null : JsonSerializer.Serialize(outcome.Body, outcome.Body.GetType(), MobilityJson.Http);
            if (ticket is { } t)
                work.Remember(t.Caller, t.Key, t.RequestHash, outcome.Status, reply);
            var result = await work.CommitAsync(ct);
            switch (result.Outcome)
            {
                case CommitOutcome.Committed:
                    return new StoredReply(outcome.Status, reply);
                case CommitOutcome.DuplicateCommand:
                    return await StoredReplyAsync(ticket, ct) ?? throw new InvalidOperationException("A stored reply disappeared.");
                case CommitOutcome.Refused:
                    return await StoredReplyAsync(ticket, ct) ?? Refuse(result.Problem!);
                case CommitOutcome.VersionConflict:
                    PlatformMetrics.Conflicts.Add(1);
                    break;
                case CommitOutcome.Fenced:
                    throw new InvalidOperationException("A command has no fence.");
                default:
                    throw new UnreachableException();
            }
        }
        return await StoredReplyAsync(ticket, ct) ?? Refuse(Problem.Conflict("platform.busy", "Others change the same thing right now; try again."));
    }

    private async Task<IResult?> StoredReplyAsync(Ticket? ticket, CancellationToken ct)
    {
        if (ticket is not { } t)
            return null;
        var stored = await database.QuerySingleOrDefaultAsync<StoredRow>(
            "SELECT request_hash, status, reply FROM idempotency WHERE caller = @Caller AND key = @Key", new { t.Caller, t.Key }, ct);
        if (stored is null)
            return null;
        return stored.RequestHash.AsSpan().SequenceEqual(t.RequestHash)
            ? new StoredReply(stored.Status, stored.Reply)
            : Refuse(Problem.Unprocessable("request.idempotency_key_reused", "This Idempotency-Key was used for another request.", IdempotencyKeys.Header));
    }

    private static IResult Refuse(Problem problem)
    {
        PlatformMetrics.Refused.Add(1, new KeyValuePair<string, object?>("code", problem.Code));
        return problem.ToResult();
    }

    private static byte[] HashOf(HttpContext http, object? body) => SHA256.HashData(Encoding.UTF8.GetBytes(
        $"{http.Request.Method} {http.Request.Path}\n{(body is null ? "" : JsonSerializer.Serialize(body, body.GetType(), MobilityJson.Http))}"));

    private readonly record struct Ticket(Guid Caller, string Key, byte[] RequestHash);

    private sealed record StoredRow(byte[] RequestHash, int Status, string? Reply);

    /// <summary>The reply as bytes that were or could have been stored: the first answer and its repetition are the same.</summary>
    private sealed class StoredReply(int status, string? json) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.StatusCode = status;
            if (json is null)
                return Task.CompletedTask;
            httpContext.Response.ContentType = "application/json; charset=utf-8";
            return httpContext.Response.WriteAsync(json, httpContext.RequestAborted);
        }
    }
}

/// <summary>How endpoints say that their requests carry a key, so that a repetition acts once; for the API documents.</summary>
public static class IdempotencyKeys
{
    /// <summary>The request header.</summary>
    public const string Header = "Idempotency-Key";

    /// <summary>Marks an endpoint.</summary>
    public static TBuilder TakesIdempotencyKey<TBuilder>(this TBuilder builder) where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new Mark());

    /// <summary>Whether an endpoint is marked.</summary>
    public static bool AreTakenBy(IEnumerable<object> metadata) => metadata.OfType<Mark>().Any();

    private sealed record Mark;
}
