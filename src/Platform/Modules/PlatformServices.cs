using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Mobility.Platform.Auth;
using Mobility.Platform.Bus;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Platform.Modules;

/// <summary>Puts a process together from modules. The literal list of modules stands in the host; here is how any list becomes a process.</summary>
public static class PlatformServices
{
    /// <summary>Connections of one module when configuration names no other number (<c>Database:PoolSize</c>).</summary>
    public const int PoolSizeDefault = ModuleDatabase.DefaultPoolSizeMax;

    /// <summary>The modules of a target, in the order of the list.</summary>
    /// <param name="all">Every module there is.</param>
    /// <param name="targets"><c>all</c>, or module names.</param>
    /// <param name="configuration">Names the peers of modules that run elsewhere.</param>
    /// <exception cref="PlatformStartException">An unknown name, a cycle, or a module that is needed and neither here nor a peer.</exception>
    public static IReadOnlyList<IModule> Resolve(IReadOnlyList<IModule> all, IReadOnlyList<string> targets, IConfiguration configuration)
    {
        var byName = all.ToDictionary(m => m.Name, StringComparer.Ordinal);
        foreach (var target in targets)
            if (target != "all" && !byName.ContainsKey(target))
                throw new PlatformStartException($"There is no module '{target}'; there are {string.Join(", ", byName.Keys)} and all.");
        foreach (var module in all)
            RefuseCycle(module, byName, []);
        var chosen = all.Where(m => targets.Contains("all") || targets.Contains(m.Name)).ToArray();
        foreach (var module in chosen)
            foreach (var need in module.Needs)
                if (Array.TrueForAll(chosen, m => m.Name != need) && configuration[$"Peers:{need}"] is null)
                    throw new PlatformStartException($"{module.Name} asks {need}, which does not run here: add it to --target or say where it runs with Peers:{need}.");
        return chosen;
    }

    /// <summary>Registers the platform and the modules.</summary>
    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "The container disposes what it was given.")]
    public static IReadOnlyList<ModuleDefinition> AddModules(
        this IServiceCollection services, IReadOnlyList<IModule> modules, IConfiguration configuration, string connectionString)
    {
        var signals = new Signals();
        var poolSize = configuration.GetValue("Database:PoolSize", PoolSizeDefault);
        services.AddSingleton(signals);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(new Database<PlatformModule>(PlatformModule.Name, connectionString, 4));
        services.AddSingleton<TokenVerifier>().AddSingleton<RateLimiter>().AddSingleton<IAsk, Asker>().AddSingleton<Peers>().AddHttpClient();
        services.AddSingleton<BusTail>().AddHostedService(p => p.GetRequiredService<BusTail>());
        services.AddSingleton<Election>().AddHostedService(p => p.GetRequiredService<Election>());
        services.AddHostedService<Pumps>();
        services.AddHostedService<Retention>();
        services.AddExceptionHandler<EdgeExceptions>();
        services.Configure<JsonOptions>(o => MobilityJson.Apply(o.SerializerOptions));
        services.Configure<RouteHandlerOptions>(o => o.ThrowOnBadRequest = true);
        var definitions = new List<ModuleDefinition>();
        foreach (var module in modules)
        {
            var definition = new ModuleDefinition(module, services, configuration, signals);
            definitions.Add(definition);
            AddTyped.MakeGenericMethod(module.GetType()).Invoke(null, [services, definition, connectionString, poolSize]);
        }
        services.AddSingleton<IReadOnlyList<ModuleDefinition>>(definitions);
        services.TryAddSingleton<ITokenKeys, RemoteTokenKeys>(); // where Identity does not run in this process
        services.TryAddSingleton<IServiceTokens, RemoteServiceTokens>();
        return definitions;
    }

    private static readonly System.Reflection.MethodInfo AddTyped =
        typeof(PlatformServices).GetMethod(nameof(AddModule), System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Static)!;

    private static void AddModule<TModule>(IServiceCollection services, ModuleDefinition definition, string connectionString, int poolSize) where TModule : IModule
    {
        services.AddSingleton(new ModuleDefinition<TModule>(definition));
        services.AddSingleton(_ => new Database<TModule>(definition.Module, connectionString, poolSize));
        services.AddKeyedSingleton<ModuleDatabase>(definition.Module, (p, _) => p.GetRequiredService<Database<TModule>>());
        services.AddSingleton<CommandRunner<TModule>>();
    }

    /// <summary>Maps the endpoints of all modules; each belongs to its module's OpenAPI document.</summary>
    /// <exception cref="InvalidOperationException">An endpoint does not say who may call it.</exception>
    public static void MapModules(this WebApplication app, IReadOnlyList<ModuleDefinition> modules)
    {
        foreach (var module in modules)
        {
            var group = app.MapGroup("").WithGroupName(module.Module).WithTags(module.Module);
            foreach (var map in module.EndpointMaps)
                map(group);
        }
        Asker.Map(app, modules);
    }

    /// <summary>Refuses to start with an endpoint that is open by oversight.</summary>
    public static void RequireAccessRules(this WebApplication app)
    {
        foreach (var endpoint in ((IEndpointRouteBuilder)app).DataSources.SelectMany(s => s.Endpoints))
            if (endpoint.Metadata.GetMetadata<AccessRule>() is null)
                throw new InvalidOperationException($"The endpoint {endpoint.DisplayName} does not say who may call it.");
    }

    private static void RefuseCycle(IModule module, Dictionary<string, IModule> byName, List<string> path)
    {
        if (path.Contains(module.Name))
            throw new PlatformStartException($"Modules ask each other in a circle: {string.Join(" → ", path)} → {module.Name}.");
        foreach (var need in module.Needs)
            RefuseCycle(byName.TryGetValue(need, out var next) ? next : throw new PlatformStartException($"{module.Name} needs the unknown module '{need}'."),
                byName, [.. path, module.Name]);
    }
}
