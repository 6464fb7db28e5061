using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http.Metadata;
using Mobility.Platform.Auth;
using Mobility.Platform.Modules;
using Mobility.Platform.Observability;

namespace Mobility.Host;

/// <summary>
/// What every process tells about itself. Health, version, modules and metrics are open: probes, load balancers and scrapers have no account, and nothing there
/// names a person, an address or a secret. The process listens on the loopback address; a deployment keeps these paths inside its network. What is configured
/// needs the permission <c>ops.read</c>.
/// </summary>
internal static class Observe
{
    public const string MetricsContentType = "text/plain; version=0.0.4; charset=utf-8";
    private static readonly string[] Methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

    public static void Add(WebApplicationBuilder builder)
    {
        builder.Logging.AddLogLines(builder.Configuration);
        builder.Services.AddTelemetry();
        builder.Services.AddSingleton<Health>();
    }

    /// <summary>
    /// Names the request's span by method and route, and says how it ended: the framework does so itself from version 11 on. First in the pipeline.
    /// </summary>
    public static void Use(WebApplication app) => app.Use(async (http, next) =>
    {
        if (Activity.Current is not { IsAllDataRequested: true } span)
        {
            await next(http);
            return;
        }
        var method = Methods.Contains(http.Request.Method) ? http.Request.Method : "_OTHER";
        span.SetTag("http.request.method", method);
        await next(http);
        // The exception handler takes the endpoint away and leaves it in its feature.
        var endpoint = http.GetEndpoint() ?? http.Features.Get<IExceptionHandlerFeature>()?.Endpoint;
        if (endpoint?.Metadata.GetMetadata<IRouteDiagnosticsMetadata>()?.Route is { } route)
        {
            span.DisplayName = $"{method} {route}";
            span.SetTag("http.route", route);
        }
        span.SetTag("http.response.status_code", http.Response.StatusCode);
        if (http.Response.StatusCode >= StatusCodes.Status500InternalServerError)
            span.SetStatus(ActivityStatusCode.Error);
    });

    public static void Map(WebApplication app, IReadOnlyList<ModuleDefinition> modules, MobilityAppOptions options)
    {
        var telemetry = app.Services.GetRequiredService<SignalExport>(); // listens from now on
        var doors = app.MapGroup("").ExcludeFromDescription();
        doors.MapGet("/health/live", () => new { status = "healthy" }).OpenToAll();
        doors.MapGet("/health/ready", async (HttpContext http, Health health, CancellationToken ct) =>
        {
            var report = await health.LookAsync(ct);
            http.Response.Headers.CacheControl = "no-store";
            return TypedResults.Json(report, statusCode: report.Ready ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
        }).OpenToAll();
        doors.MapGet("/metrics", async (CancellationToken ct) => TypedResults.Text(await telemetry.ReadMetricsAsync(ct), MetricsContentType)).OpenToAll();
        doors.MapGet("/modules", () => modules.Select(m => new
        {
            name = m.Module,
            needs = m.Type.Needs,
            subscriptions = m.Subscriptions.Select(s => new { name = s.Name, contract = s.Contract }),
            views = m.Views.Select(v => new { name = v.Name, exact = v.Exact }),
        })).OpenToAll();
        doors.MapGet("/version", async (Health health, CancellationToken ct) =>
        {
            if (health.PostgresVersion is null)
                await health.LookAsync(ct);
            return new
            {
                version = SignalExport.VersionOf(typeof(Observe).Assembly),
                runtime = RuntimeInformation.FrameworkDescription,
                postgres = health.PostgresVersion,
            };
        }).OpenToAll();
        doors.MapGet("/config", (IConfiguration configuration) =>
        {
            var settings = EffectiveSettings.Read(configuration);
            return new { targets = options.Targets, overrides = settings.Where(s => s.Overridden).ToDictionary(s => s.Name, s => s.Value), settings };
        }).RequirePermission("ops.read");
        Operations.Map(app, modules);
    }
}
