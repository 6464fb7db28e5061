using System.Diagnostics;
using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mobility.Platform.Http;

/// <summary>The one place where a <see cref="Problem"/> becomes an RFC 9457 problem document.</summary>
public static class Problems
{
    /// <summary>The status of a kind of problem.</summary>
    public static int StatusOf(ProblemKind kind) => kind switch
    {
        ProblemKind.Invalid => StatusCodes.Status400BadRequest,
        ProblemKind.Unauthenticated => StatusCodes.Status401Unauthorized,
        ProblemKind.PaymentRequired => StatusCodes.Status402PaymentRequired,
        ProblemKind.Forbidden => StatusCodes.Status403Forbidden,
        ProblemKind.NotFound => StatusCodes.Status404NotFound,
        ProblemKind.Conflict => StatusCodes.Status409Conflict,
        ProblemKind.Outdated => StatusCodes.Status412PreconditionFailed,
        ProblemKind.Unprocessable => StatusCodes.Status422UnprocessableEntity,
        ProblemKind.TooMany => StatusCodes.Status429TooManyRequests,
        ProblemKind.Unavailable => StatusCodes.Status503ServiceUnavailable,
        _ => throw new UnreachableException(),
    };

    /// <summary>The HTTP answer of a problem.</summary>
    public static IResult ToResult(this Problem problem) => new ProblemResult(problem);

    /// <summary>Writes a problem to a response that has not begun.</summary>
    public static Task WriteAsync(HttpContext http, Problem problem, int? status = null)
    {
        var document = new Dictionary<string, object?>
        {
            ["type"] = $"urn:mobility:problem:{problem.Code}",
            ["title"] = problem.Code,
            ["status"] = status ?? StatusOf(problem.Kind),
            ["code"] = problem.Code,
            ["detail"] = problem.Detail,
            ["traceId"] = Activity.Current?.TraceId.ToString() ?? http.TraceIdentifier,
        };
        if (problem.Field is not null)
            document["field"] = problem.Field;
        foreach (var (name, value) in problem.Extensions ?? new Dictionary<string, object?>())
            document[name] = value;
        http.Response.StatusCode = (int)document["status"]!;
        return http.Response.WriteAsJsonAsync(document, MobilityJson.Http, "application/problem+json", http.RequestAborted);
    }

    private sealed class ProblemResult(Problem problem) : IResult, IStatusCodeHttpResult
    {
        public int? StatusCode => StatusOf(problem.Kind);

        public Task ExecuteAsync(HttpContext httpContext) => WriteAsync(httpContext, problem);
    }
}

/// <summary>Exceptions at the edge: bad input becomes 400 with the field, a peer or database that does not answer 503, anything else 500 and a log line.</summary>
internal sealed partial class EdgeExceptions(ILogger<EdgeExceptions> log) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        if (httpContext.RequestAborted.IsCancellationRequested)
        {
            httpContext.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
            return true;
        }
        var problem = ToProblem(exception, out var status);
        if (problem is null)
        {
            LogUnexpected(log, exception, httpContext.Request.Method, httpContext.Request.Path);
            problem = new Problem(ProblemKind.Unavailable, "platform.unexpected", "Something failed on our side; it is logged under this trace id.");
            status = StatusCodes.Status500InternalServerError;
        }
        else if (problem.Kind == ProblemKind.Unavailable)
        {
            LogUnavailable(log, httpContext.Request.Method, httpContext.Request.Path, problem.Code, exception.Message);
        }
        await Problems.WriteAsync(httpContext, problem, status);
        return true;
    }

    private static Problem? ToProblem(Exception exception, out int? status)
    {
        status = null;
        switch (exception)
        {
            case BadHttpRequestException { InnerException: JsonException json }:
                return Problem.Invalid("request.malformed_json", DetailOf(json), json.Path);
            case BadHttpRequestException bad:
                status = bad.StatusCode;
                return bad.StatusCode == StatusCodes.Status415UnsupportedMediaType
                    ? Problem.Invalid("request.unsupported_media_type", "Send application/json in UTF-8.")
                    : bad.StatusCode == StatusCodes.Status413PayloadTooLarge ? Problem.Invalid("request.too_large", "The body is too large.")
                    : Problem.Invalid("request.invalid_parameter", "A parameter is missing or has the wrong form.", ParameterOf(bad.Message));
            case PeerUnavailableException peer:
                return new Problem(ProblemKind.Unavailable, "platform.peer_unavailable", $"The module {peer.Module} does not answer; try again.");
            case PostgresException { SqlState: PostgresErrorCodes.DiskFull }:
                return new Problem(ProblemKind.Unavailable, "platform.database_unavailable", "The database's disk is full; try again when an operator has made room.");
            case NpgsqlException { IsTransient: true } or TimeoutException:
                return new Problem(ProblemKind.Unavailable, "platform.database_unavailable", "The database does not answer; try again.");
            default:
                return null;
        }
    }

    private static string DetailOf(JsonException json)
    {
        // The serializer's sentence names .NET types and repeats path and position, which the field says already.
        var sentence = json.Message.Split(" Path:", 2)[0].Split(" LineNumber:", 2)[0];
        if (sentence.StartsWith("The JSON value could not be converted to", StringComparison.Ordinal))
            sentence = WordsOf(json) is { } words ? $"Send one of: {words}." : "The value has the wrong type or is out of range.";
        else if (sentence.StartsWith("The JSON property '", StringComparison.Ordinal) && sentence.Contains("could not be mapped", StringComparison.Ordinal))
            sentence = "The member is unknown.";
        else if (sentence.StartsWith("JSON deserialization for type", StringComparison.Ordinal))
            sentence = $"Members are missing: {sentence[(sentence.LastIndexOf(':') + 1)..].Trim()}";
        return json.LineNumber is { } line ? $"{sentence} (line {line + 1}, byte {json.BytePositionInLine + 1})" : sentence;
    }

    /// <summary>The words of the enumeration that was expected; null when it was another type. The serializer names it, or the type that has a member of it.</summary>
    private static string? WordsOf(JsonException json)
    {
        var name = Regex.Match(json.Message, @"Mobility\.[\w.+]+\w").Value;
        var type = AppDomain.CurrentDomain.GetAssemblies().Select(assembly => name.Length == 0 ? null : assembly.GetType(name)).FirstOrDefault(found => found is not null);
        if (type is { IsEnum: false } && json.Path?.Split('.')[^1] is { } member)
            type = type.GetProperty(member, BindingFlags.Public | BindingFlags.Instance | BindingFlags.IgnoreCase)?.PropertyType;
        type = type is null ? null : Nullable.GetUnderlyingType(type) ?? type;
        return type is { IsEnum: true } ? string.Join(", ", Enum.GetValues(type).Cast<object>().Select(value => JsonSerializer.SerializeToElement(value, type, MobilityJson.Http))) : null;
    }

    private static string? ParameterOf(string message) => Regex.Match(message, "parameter \"[^\"]*?([A-Za-z0-9_-]+)\"") is { Success: true } match ? match.Groups[1].Value : null;

    [LoggerMessage(EventId = 202, Level = LogLevel.Warning, Message = "{Method} {Path} was not served, {Code}: {Reason}")]
    private static partial void LogUnavailable(ILogger log, string method, string path, string code, string reason);

    [LoggerMessage(EventId = 201, Level = LogLevel.Error, Message = "{Method} {Path} failed unexpectedly.")]
    private static partial void LogUnexpected(ILogger log, Exception exception, string method, string path);
}
