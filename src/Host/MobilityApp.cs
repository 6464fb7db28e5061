using Microsoft.AspNetCore.Routing.Constraints;
using Mobility.Contracts;
using Mobility.Host.Packs;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Modules;
using Mobility.Platform.Postgres;

namespace Mobility.Host;

/// <summary>What a process of the platform is started with.</summary>
public sealed record MobilityAppOptions
{
    /// <summary>PostgreSQL, as a user who may create roles and schemas.</summary>
    public required string ConnectionString { get; init; }

    /// <summary><c>all</c> or module names.</summary>
    public IReadOnlyList<string> Targets { get; init; } = ["all"];

    /// <summary>The modules there are; tests of the platform itself bring their own.</summary>
    public IReadOnlyList<IModule> AllModules { get; init; } = Host.Modules.All();

    /// <summary>Where it listens; port 0 picks a free one.</summary>
    public string Url { get; init; } = "http://127.0.0.1:0";

    /// <summary>The clock; tests and replays bring their own.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Settings over those of files and environment.</summary>
    public IReadOnlyDictionary<string, string?> Settings { get; init; } = new Dictionary<string, string?>();
}

/// <summary>One process of the platform. The program runs it, tests start it, two of them in one test are the split mode.</summary>
public sealed class MobilityApp : IAsyncDisposable
{
    private readonly MobilityAppOptions _options;
    private bool _isDisposed;

    private MobilityApp(WebApplication web, IReadOnlyList<ModuleDefinition> modules, MobilityAppOptions options) =>
        (Web, Modules, _options) = (web, modules, options);

    /// <summary>The web application.</summary>
    public WebApplication Web { get; }

    /// <summary>The modules of this process.</summary>
    public IReadOnlyList<ModuleDefinition> Modules { get; }

    /// <summary>The database it works on.</summary>
    internal string ConnectionString => _options.ConnectionString;

    /// <summary>The address it listens on, once started.</summary>
    public string Address => Web.Urls.First();

    /// <summary>Puts the process together; nothing runs and no database is touched yet.</summary>
    /// <exception cref="PlatformStartException">The target cannot be resolved.</exception>
    public static MobilityApp Create(MobilityAppOptions options)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.AddEnvironmentVariables("MOBILITY_");
        builder.Configuration.AddInMemoryCollection(options.Settings);
        builder.WebHost.UseUrls(options.Url);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 256 * 1024;
            kestrel.Limits.MaxRequestHeadersTotalSize = 16 * 1024;
        });
        builder.Services.AddSingleton(options.Clock);
        builder.Services.Configure<RouteOptions>(routes => routes.SetParameterPolicy<RegexInlineRouteConstraint>("regex")); // the slim builder leaves it out
        var chosen = PlatformServices.Resolve(options.AllModules, options.Targets, builder.Configuration);
        var modules = builder.Services.AddModules(chosen, builder.Configuration, options.ConnectionString);
        Observe.Add(builder);
        ApiDocuments.Add(builder.Services, modules);
        var web = builder.Build();
        Observe.Use(web);
        web.UseExceptionHandler(_ => { });
        web.UseRouting();
        RequestGuard.Use(web);
        web.UseAccessControl();
        web.MapModules(modules);
        Observe.Map(web, modules, options);
        ApiDocuments.Map(web, modules);
        Overview.Map(web);
        web.RequireAccessRules();
        return new MobilityApp(web, modules, options);
    }

    /// <summary>Brings the database forward for the modules of this process.</summary>
    public Task MigrateAsync(CancellationToken ct) => Migrator.MigrateAsync(_options.ConnectionString, Modules, _options.Clock, ct);

    /// <summary>Loads a city pack into the modules of this process; loading it again changes nothing.</summary>
    /// <exception cref="PlatformStartException">The pack has errors; all of them are in the sentence.</exception>
    public async Task LoadPackAsync(string directory, CancellationToken ct)
    {
        var reading = CityPackReader.Read(directory);
        if (reading.Pack is not { } pack)
            throw new PlatformStartException($"The city pack {directory} has {reading.ErrorsTotal} errors:\n{string.Join('\n', reading.Errors)}");
        await LoadPackAsync(pack, ct);
    }

    /// <summary>Loads a city pack that did not come from a folder.</summary>
    public async Task LoadPackAsync(CityPack pack, CancellationToken ct)
    {
        foreach (var loader in Web.Services.GetServices<IPackLoader>())
            await loader.LoadAsync(pack, ct);
    }

    /// <summary>Starts listening and reacting.</summary>
    /// <exception cref="PlatformStartException">The address is taken, or the pools need more connections than the server allows.</exception>
    public async Task StartAsync(CancellationToken ct)
    {
        await ConnectionBudget.RequireAsync(ConnectionString, Modules, Web.Configuration, ct);
        try
        {
            await Web.StartAsync(ct);
        }
        catch (IOException e) when (e.InnerException is Microsoft.AspNetCore.Connections.AddressInUseException)
        {
            throw new PlatformStartException($"{_options.Url} is taken by another program; choose another with --port.", e);
        }
    }

    /// <summary>Stops what runs, unless that was done, and lets go of everything.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        if (Web.Lifetime.ApplicationStarted.IsCancellationRequested && !Web.Lifetime.ApplicationStopped.IsCancellationRequested)
            await Web.StopAsync();
        await Web.DisposeAsync();
    }
}
