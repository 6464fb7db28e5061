using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Mobility.Host;
using Mobility.Platform;
using Mobility.Platform.Modules;
using Mobility.Tests.Support;

namespace Mobility.Tests.Targets;

/// <summary>Which modules a process gets.</summary>
public sealed class TargetTests
{
    private static readonly IReadOnlyList<IModule> All = new MobilityAppOptions { ConnectionString = "" }.AllModules;

    public static TheoryData<string> Names() => [.. All.Select(m => m.Name)];

    [Theory, MemberData(nameof(Names))]
    public async Task Each_target_alone_starts_and_is_alive(string module)
    {
        var connectionString = await TestPostgres.CreateDatabaseAsync(null);
        await using var app = MobilityApp.Create(new MobilityAppOptions
        {
            ConnectionString = connectionString,
            Targets = [module],
            Settings = new Dictionary<string, string?>(All.Select(m => KeyValuePair.Create($"Peers:{m.Name}", (string?)"http://127.0.0.1:9")))
            {
                ["Logging:LogLevel:Default"] = "Critical",
                ["Identity:KeyProtection"] = Convert.ToBase64String(new byte[32]),
            },
        });
        await app.MigrateAsync(CancellationToken.None);
        await app.StartAsync(CancellationToken.None);
        app.Modules.ShouldHaveSingleItem().Module.ShouldBe(module);
        using var http = new HttpClient { BaseAddress = new Uri(app.Address) };
        (await http.GetAsync("/health/live")).IsSuccessStatusCode.ShouldBeTrue();
        (await http.GetStringAsync("/modules")).ShouldContain(module);
    }

    [Fact]
    public async Task A_process_that_stops_leaves_nothing_running()
    {
        await using var app = MobilityApp.Create(new MobilityAppOptions
        {
            ConnectionString = await TestPostgres.CreateDatabaseAsync(null),
            Settings = new Dictionary<string, string?>
            {
                ["Logging:LogLevel:Default"] = "Critical",
                ["Database:PoolSize"] = "8",
                ["Identity:KeyProtection"] = Convert.ToBase64String(new byte[32]),
                ["Fleet:KeyProtection"] = Convert.ToBase64String(new byte[32]),
                ["Telemetry:KeyProtection"] = Convert.ToBase64String(new byte[32]),
            },
        });
        await app.MigrateAsync(CancellationToken.None);
        await app.StartAsync(CancellationToken.None);
        await app.Web.StopAsync(CancellationToken.None);
        var services = app.Web.Services.GetServices<IHostedService>().OfType<BackgroundService>().ToArray();
        services.Length.ShouldBeGreaterThan(5);
        services.Where(service => service.ExecuteTask is { IsCompleted: false }).Select(service => service.GetType().Name).ShouldBeEmpty();
    }

    [Fact]
    public void An_unknown_target_is_refused_by_name()
    {
        var refused = Should.Throw<PlatformStartException>(() => Resolve(["bookings"]));
        refused.Message.ShouldContain("'bookings'");
    }

    [Fact]
    public void A_module_that_asks_another_needs_it_here_or_as_a_peer()
    {
        Should.Throw<PlatformStartException>(() => Resolve(["booking"])).Message.ShouldContain("Peers:pricing");
        Resolve(["booking"], "Peers:pricing", "Peers:fleet", "Peers:zones").ShouldHaveSingleItem();
        Resolve(["booking", "pricing", "fleet", "zones"]).Count.ShouldBe(4);
    }

    [Fact]
    public void Modules_do_not_ask_each_other_in_circles()
    {
        IModule[] circle = [new Asking("a", "b"), new Asking("b", "c"), new Asking("c", "a")];
        Should.Throw<PlatformStartException>(() => PlatformServices.Resolve(circle, ["all"], new ConfigurationBuilder().Build())).Message.ShouldContain("a → b → c → a");
    }

    [Fact]
    public void The_questions_that_modules_may_ask_are_those_of_the_architecture()
    {
        var root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "ARCHITECTURE.md")))
            root = Path.GetDirectoryName(root) ?? throw new FileNotFoundException("ARCHITECTURE.md");
        var rows = File.ReadLines(Path.Combine(root, "ARCHITECTURE.md")).Select(line => line.Split('|', StringSplitOptions.TrimEntries)).Where(cells => cells.Length == 5)
            .ToDictionary(cells => cells[1].ToLowerInvariant(), cells => cells[3], StringComparer.Ordinal);
        foreach (var module in All)
            rows[module.Name].ShouldBe(module.Needs.Count == 0 ? "–" : string.Join(", ", module.Needs), $"ARCHITECTURE.md about {module.Name}");
    }

    private static IReadOnlyList<IModule> Resolve(string[] targets, params string[] peers) => PlatformServices.Resolve(All, targets,
        new ConfigurationBuilder().AddInMemoryCollection(peers.Select(p => KeyValuePair.Create(p, (string?)"http://127.0.0.1:9"))).Build());

    private sealed class Asking(string name, string need) : IModule
    {
        public string Name => name;

        public IReadOnlyList<string> Needs => [need];

        public void Configure(IModuleBuilder module)
        {
        }
    }
}
