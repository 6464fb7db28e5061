using Mobility.Platform;
using Mobility.Platform.Http;

namespace Mobility.Host;

/// <summary>Refuses requests that no endpoint should see: NUL bytes in the query (the web server refuses them in the path), and answers empty error statuses with a problem document.</summary>
internal static class RequestGuard
{
    public static void Use(WebApplication app)
    {
        app.Use(async (http, next) =>
        {
            if (http.Request.QueryString.Value?.Contains("%00", StringComparison.Ordinal) is true)
            {
                await Problems.WriteAsync(http, Problem.Invalid("request.nul_character", "The query contains a NUL character."));
                return;
            }
            await next(http);
            if (!http.Response.HasStarted && http.Response.ContentLength is null && http.Response.ContentType is null)
                await DescribeAsync(http);
        });
    }

    /// <summary>The framework answers some faults with a bare status (405, 413, 415); a client deserves the same form everywhere.</summary>
    private static Task DescribeAsync(HttpContext http) => http.Response.StatusCode switch
    {
        StatusCodes.Status404NotFound => Problems.WriteAsync(http, Problem.NotFound("request.no_such_endpoint", "There is nothing at this path.")),
        StatusCodes.Status405MethodNotAllowed => Problems.WriteAsync(http, Problem.Invalid("request.method_not_allowed", "The path does not take this method."), 405),
        StatusCodes.Status413PayloadTooLarge => Problems.WriteAsync(http, Problem.Invalid("request.too_large", "The body is too large."), 413),
        StatusCodes.Status415UnsupportedMediaType => Problems.WriteAsync(http, Problem.Invalid("request.unsupported_media_type", "Send application/json in UTF-8."), 415),
        _ => Task.CompletedTask,
    };
}
