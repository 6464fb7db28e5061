using Mobility.Platform.Auth;

namespace Mobility.Host;

/// <summary>The first page: what runs here, the city's map, and, for staff who sign in, the fleet. A client of the HTTP API like any other.</summary>
internal static class Overview
{
    private const string ContentPolicy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; form-action 'self'; base-uri 'none'";

    private static readonly Lazy<string> Page = new(() =>
    {
        using var stream = typeof(Overview).Assembly.GetManifestResourceStream("overview.html")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    });

    public static void Map(WebApplication app) => app.MapGet("/", (HttpContext http) =>
    {
        http.Response.Headers.ContentSecurityPolicy = ContentPolicy;
        return TypedResults.Text(Page.Value, "text/html; charset=utf-8");
    }).OpenToAll().ExcludeFromDescription();
}
