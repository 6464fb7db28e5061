using Mobility.Platform.Auth;
using Mobility.Platform.Modules;

namespace Mobility.Host;

/// <summary>What every process tells about itself.</summary>
internal static class Observe
{
    public static void Add(WebApplicationBuilder builder)
    {
        _ = builder;
    }

    public static void Map(WebApplication app, IReadOnlyList<ModuleDefinition> modules, MobilityAppOptions options)
    {
        _ = options;
        app.MapGet("/health/live", () => "live").OpenToAll();
        app.MapGet("/modules", () => modules.Select(m => m.Module)).OpenToAll();
    }
}
