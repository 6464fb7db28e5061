using System.Text;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.OpenApi;
using Mobility.Platform;

namespace Mobility.Identity;

/// <summary>What RFC 6749 says about forms, client authentication and errors; the endpoints under <c>/oauth2</c> speak it instead of problem documents.</summary>
internal static class OAuth
{
    /// <summary>Section 5.1.</summary>
    public sealed record TokenReply(
        [property: JsonPropertyName("access_token")] string AccessToken,
        [property: JsonPropertyName("token_type")] string TokenType,
        [property: JsonPropertyName("expires_in")] int ExpiresIn,
        [property: JsonPropertyName("scope")] string Scope,
        [property: JsonPropertyName("refresh_token")] string? RefreshToken);

    /// <summary>Section 5.2.</summary>
    public sealed record Error([property: JsonPropertyName("error")] string Code, [property: JsonPropertyName("error_description")] string Description);

    /// <summary>Who the client says it is: from the Basic header or from the form.</summary>
    public sealed record ClientSecret(string Id, string Secret);

    public static IResult Refuse(string code, string description, int status = StatusCodes.Status400BadRequest) => new ErrorResult(new Error(code, description), status);

    public static IResult InvalidRequest(string description) => Refuse("invalid_request", description);

    public static IResult InvalidClient() => Refuse("invalid_client", "The client or its secret is wrong.", StatusCodes.Status401Unauthorized);

    /// <summary>The form's fields, each at most once and storable; null when the body is no such form.</summary>
    public static async Task<IReadOnlyDictionary<string, string>?> ReadFormAsync(HttpContext http, CancellationToken ct)
    {
        if (http.Request.ContentType?.StartsWith("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase) is not true)
            return null;
        IFormCollection form;
        try
        {
            form = await http.Request.ReadFormAsync(ct);
        }
        catch (Exception e) when (e is InvalidDataException or BadHttpRequestException or ArgumentException or InvalidOperationException or DecoderFallbackException)
        {
            return null;
        }
        return form.All(field => IsStorable(field.Value)) ? form.ToDictionary(f => f.Key, f => f.Value.ToString(), StringComparer.Ordinal) : null;
    }

    /// <summary>
    /// Describes the form in the API's document. The usual metadata would make routing answer another type of body with 415, where RFC 6749 wants its own error.
    /// </summary>
    public static RouteHandlerBuilder TakesForm(this RouteHandlerBuilder builder, IReadOnlyList<string> required, IReadOnlyList<string> optional) =>
        builder.AddOpenApiOperationTransformer((operation, _, _) =>
        {
            var fields = new Dictionary<string, IOpenApiSchema>();
            foreach (var name in required.Concat(optional))
                fields[name] = new OpenApiSchema { Type = JsonSchemaType.String };
            operation.RequestBody = new OpenApiRequestBody
            {
                Required = true,
                Content = new Dictionary<string, OpenApiMediaType>
                {
                    ["application/x-www-form-urlencoded"] = new()
                    {
                        Schema = new OpenApiSchema { Type = JsonSchemaType.Object, Properties = fields, Required = required.ToHashSet() },
                    },
                },
            };
            return Task.CompletedTask;
        });

    /// <summary>Section 2.3.1. False when the header is there but cannot be read.</summary>
    public static bool TryReadClient(HttpContext http, IReadOnlyDictionary<string, string> form, out ClientSecret? client)
    {
        client = form.TryGetValue("client_id", out var id) && form.TryGetValue("client_secret", out var secret) ? new ClientSecret(id, secret) : null;
        var header = http.Request.Headers.Authorization.ToString();
        if (!header.StartsWith("Basic ", StringComparison.OrdinalIgnoreCase))
            return true;
        var bytes = new byte[header.Length];
        if (!Convert.TryFromBase64String(header[6..].Trim(), bytes, out var length))
            return false;
        var text = Encoding.UTF8.GetString(bytes, 0, length);
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0 || text.Contains('\0', StringComparison.Ordinal))
            return false;
        client = new ClientSecret(Uri.UnescapeDataString(text[..colon]), Uri.UnescapeDataString(text[(colon + 1)..]));
        return !client.Id.Contains('\0', StringComparison.Ordinal);
    }

    private static bool IsStorable(StringValues values) =>
        values is [{ } value] && !value.Contains('\0', StringComparison.Ordinal) && value.EnumerateRunes().All(r => r != Rune.ReplacementChar);

    private sealed class ErrorResult(Error error, int status) : IResult, IStatusCodeHttpResult
    {
        public int? StatusCode => status;

        public Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.StatusCode = status;
            httpContext.Response.Headers.CacheControl = "no-store";
            if (status == StatusCodes.Status401Unauthorized)
                httpContext.Response.Headers.WWWAuthenticate = "Basic realm=\"mobility\"";
            return httpContext.Response.WriteAsJsonAsync(error, MobilityJson.Http, httpContext.RequestAborted);
        }
    }
}
