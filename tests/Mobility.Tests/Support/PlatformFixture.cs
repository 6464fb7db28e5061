using System.Net.Http.Headers;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Host;
using Mobility.Platform.Bus;
using Mobility.Platform.Modules;
using Npgsql;

namespace Mobility.Tests.Support;

/// <summary>A whole platform on a database of its own: every module, real Kestrel on a free port, real PostgreSQL, and a clock that the test moves.</summary>
public class PlatformFixture : IAsyncLifetime
{
    private static readonly Lazy<Task<string>> Template = new(MakeTemplateAsync);
    private MobilityApp? _app;

    public TestClock Clock { get; } = new();

    public MobilityApp App => _app ?? throw new InvalidOperationException("The platform has not started.");

    public string ConnectionString { get; private set; } = "";

    /// <summary>A client without a token.</summary>
    public HttpClient Http { get; private set; } = new();

    public IServiceProvider Services => App.Web.Services;

    /// <summary>Settings over the tests' usual ones.</summary>
    protected virtual IReadOnlyDictionary<string, string?> Settings { get; } = new Dictionary<string, string?>();

    public virtual async Task InitializeAsync()
    {
        ConnectionString = await TestPostgres.CreateDatabaseAsync(await Template.Value);
        _app = MobilityApp.Create(new MobilityAppOptions { ConnectionString = ConnectionString, Clock = Clock, Settings = WithUsual(Settings) });
        await _app.StartAsync(CancellationToken.None);
        Http = NewClient();
    }

    public virtual async Task DisposeAsync()
    {
        Http.Dispose();
        if (_app is not null)
            await _app.DisposeAsync();
        NpgsqlConnection.ClearAllPools();
    }

    /// <summary>A client that sends a token.</summary>
    public HttpClient NewClient(string? token = null)
    {
        var client = new HttpClient { BaseAddress = new Uri(App.Address) };
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
    public Task SettleAsync() => PlatformQuiet.WaitAsync(Services.GetRequiredService<IReadOnlyList<ModuleDefinition>>(), Services, Clock);

    protected static IReadOnlyDictionary<string, string?> WithUsual(IReadOnlyDictionary<string, string?> settings)
    {
        var all = new Dictionary<string, string?>
        {
            ["Logging:LogLevel:Default"] = "Warning",
            ["Logging:LogLevel:Microsoft.AspNetCore"] = "Error",
            ["Database:PoolSize"] = "8",
            ["Identity:KeyProtection"] = Convert.ToBase64String(new byte[32]), // else a key file in the home folder is made
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
            await app.LoadPackAsync(Path.Combine(AppContext.BaseDirectory, "Packs", "fixtures", "tiny"), CancellationToken.None);
        }
        NpgsqlConnection.ClearAllPools(); // a template may have no connection
        return new NpgsqlConnectionStringBuilder(connectionString).Database!;
    }
}
