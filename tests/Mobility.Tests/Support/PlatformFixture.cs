using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Host;
using Mobility.Host.Packs;
using Mobility.Platform.Bus;
using Mobility.Platform.Events;
using Npgsql;

namespace Mobility.Tests.Support;

/// <summary>A whole platform on a database of its own: every module, real Kestrel on a free port, real PostgreSQL, and a clock that the test moves.</summary>
public class PlatformFixture : IAsyncLifetime
{
    private static readonly Lazy<Task<string>> Template = new(MakeTemplateAsync);
    private readonly List<MobilityApp> _apps = [];

    public TestClock Clock { get; } = new();

    /// <summary>The process that has Identity; the only one unless a fixture splits the modules.</summary>
    public MobilityApp App => _apps.Count > 0 ? _apps[0] : throw new InvalidOperationException("The platform has not started.");

    /// <summary>All processes.</summary>
    public IReadOnlyList<MobilityApp> Apps => _apps;

    public string ConnectionString { get; private set; } = "";

    /// <summary>A client without a token.</summary>
    public HttpClient Http { get; private set; } = new();

    public IServiceProvider Services => App.Web.Services;

    /// <summary>Settings over the tests' usual ones.</summary>
    protected virtual IReadOnlyDictionary<string, string?> Settings { get; } = new Dictionary<string, string?>();

    /// <summary>The modules of each process; Identity in the first.</summary>
    protected virtual IReadOnlyList<string[]> Processes { get; } = [["all"]];

    public virtual async Task InitializeAsync()
    {
        ConnectionString = await TestPostgres.CreateDatabaseAsync(await Template.Value);
        var urls = Processes.Count == 1 ? ["http://127.0.0.1:0"] : Processes.Select(_ => FreeUrl()).ToArray();
        var peers = Processes.SelectMany((modules, i) => modules.Select(module => KeyValuePair.Create($"Peers:{module}", (string?)urls[i])));
        foreach (var (modules, url) in Processes.Zip(urls))
        {
            var settings = WithUsual(new Dictionary<string, string?>(Settings.Concat(Processes.Count == 1 ? [] : peers)));
            _apps.Add(MobilityApp.Create(new MobilityAppOptions { ConnectionString = ConnectionString, Clock = Clock, Settings = settings, Targets = modules, Url = url }));
        }
        foreach (var app in _apps)
            await app.StartAsync(CancellationToken.None);
        Http = NewClient();
    }

    public virtual async Task DisposeAsync()
    {
        Http.Dispose();
        foreach (var app in _apps)
            await app.DisposeAsync();
        NpgsqlConnection.ClearAllPools();
    }

    /// <summary>A client that sends a token, to whichever process serves the path.</summary>
    public HttpClient NewClient(string? token = null)
    {
        var client = new HttpClient(_apps.Count == 1 ? new SocketsHttpHandler() : new ByPath(_apps)) { BaseAddress = new Uri(App.Address) };
        if (token is not null)
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return client;
    }

    /// <summary>One value by SQL as superuser; the tests' way to look behind the doors.</summary>
    public async Task<T?> ScalarAsync<T>(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync() is { } value and not DBNull ? (T)value : default;
    }

    /// <summary>Waits until no subscription lags and nothing is due: what was caused has happened.</summary>
    public Task SettleAsync() => new PlatformQuiet(
        [.. _apps.SelectMany(app => app.Modules.Select(m => (m, app.Web.Services.GetRequiredKeyedService<ModuleDatabase>(m.Module))))], Clock).WaitAsync();

    private static string FreeUrl()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return $"http://{probe.LocalEndpoint}";
    }

    protected static IReadOnlyDictionary<string, string?> WithUsual(IReadOnlyDictionary<string, string?> settings)
    {
        var all = new Dictionary<string, string?>
        {
            ["Logging:LogLevel:Default"] = "Warning",
            ["Logging:LogLevel:Microsoft.AspNetCore"] = "Error",
            ["Logging:LogLevel:Mobility.Identity.IdentityStart"] = "Error",
            ["Database:PoolSize"] = "8",
            ["Identity:PasswordIterations"] = "1000",
            ["Identity:KeyProtection"] = Convert.ToBase64String(new byte[32]), // else a key file in the home folder is made
            ["Fleet:KeyProtection"] = Convert.ToBase64String(new byte[32]),
            ["Telemetry:KeyProtection"] = Convert.ToBase64String(new byte[32]),
        };
        foreach (var (key, value) in settings)
            all[key] = value;
        return all;
    }

    private static async Task<string> MakeTemplateAsync()
    {
        var connectionString = await TestPostgres.CreateDatabaseAsync(null);
        await using (var app = MobilityApp.Create(new MobilityAppOptions { ConnectionString = connectionString, Clock = new TestClock(), Settings = WithUsual(new Dictionary<string, string?>()) }))
        {
            await app.MigrateAsync(CancellationToken.None);
            await app.LoadPackAsync(Pack(), CancellationToken.None);
        }
        NpgsqlConnection.ClearAllPools(); // a template may have no connection
        return new NpgsqlConnectionStringBuilder(connectionString).Database!;
    }

    /// <summary>The small pack with open country around its town, so that a test may put its vehicles anywhere.</summary>
    private static CityPack Pack()
    {
        var tiny = CityPackReader.Read(Path.Combine(AppContext.BaseDirectory, "Packs", "fixtures", "tiny")).Pack!;
        var country = new Zone
        {
            Id = new ZoneId("country"),
            Name = "Country",
            Kind = ZoneKind.Operational,
            Area = new GeoMultiPolygon(new GeoPolygon([new(45, 5), new(45, 15), new(55, 15), new(55, 5), new(45, 5)])),
            Rules = [new ZoneRule { RideStartAllowed = true, RideEndAllowed = true, RideThroughAllowed = true }],
        };
        return tiny with { Zones = [.. tiny.Zones, country] };
    }

    /// <summary>Stands for the operator's reverse proxy in front of several processes: the first that has a route for the path gets the request.</summary>
    private sealed class ByPath(IReadOnlyList<MobilityApp> apps) : DelegatingHandler(new SocketsHttpHandler())
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var path = request.RequestUri!.AbsolutePath.Split('/');
            var app = apps.FirstOrDefault(a => a.Web.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>().Any(e => Matches(e, path))) ?? apps[0];
            request.RequestUri = new Uri(new Uri(app.Address), request.RequestUri.PathAndQuery);
            return base.SendAsync(request, cancellationToken);
        }

        private static bool Matches(RouteEndpoint endpoint, string[] path)
        {
            var route = (endpoint.RoutePattern.RawText ?? "").Split('/');
            return route.Length == path.Length && route.Zip(path).All(pair => pair.First == pair.Second || pair.First.StartsWith('{'));
        }
    }
}
