using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Host;
using Mobility.Identity;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Bus;
using Mobility.Platform.Events;
using Mobility.Platform.Postgres;
using Mobility.Telemetry.Mqtt;

namespace Mobility.Bench;

/// <summary>The platform as a bench drives it: a fresh private PostgreSQL, and the whole platform in a process of its own.</summary>
internal sealed class BenchPlatform : IAsyncDisposable
{
    /// <summary>The clients of a bench are few and busy, so the per-minute limits of people are lifted; everything else is as shipped.</summary>
    private static readonly Dictionary<string, string?> Settings = new()
    {
        ["Logging:LogLevel:Default"] = "Warning",
        ["Identity:KeyProtection"] = "YmVuY2hiZW5jaGJlbmNoYmVuY2hiZW5jaGJlbmNoYmU=",
        ["Database:PoolSize"] = "32", // a commit waits for the disk, so a slow disk wants more of them at once
        ["RateLimits:bookings"] = "100000000",
        ["RateLimits:quotes"] = "100000000",
        ["RateLimits:vehicle-reports"] = "100000000",
        ["RateLimits:vehicle-commands"] = "100000000",
        ["Telemetry:MqttPort"] = "0",
    };

    private readonly MobilityApp _keys;
    private readonly Process _server;
    private readonly string? _temporaryFolder;

    private BenchPlatform(PrivatePostgres postgres, MobilityApp keys, Process server, Uri address, int mqttPort, CityPack pack, string? temporaryFolder) =>
        (Postgres, _keys, _server, Address, MqttPort, Pack, _temporaryFolder) = (postgres, keys, server, address, mqttPort, pack, temporaryFolder);

    public PrivatePostgres Postgres { get; }

    public Uri Address { get; }

    public int MqttPort { get; }

    public CityPack Pack { get; }

    public static async Task<BenchPlatform> StartAsync(string? dataFolder, CityPack pack, Action<string> say, CancellationToken ct)
    {
        var folder = dataFolder is null ? Directory.CreateTempSubdirectory("mobility-bench-").FullName : Path.GetFullPath(dataFolder);
        if (dataFolder is null && !OperatingSystem.IsWindows())
            File.SetUnixFileMode(folder, (UnixFileMode)0b111_101_101); // PostgreSQL runs as another user when we are root
        say("starting a fresh PostgreSQL");
        await PrivatePostgres.DeleteAsync(folder, ct);
        var postgres = await PrivatePostgres.StartAsync(folder, null, new Dictionary<string, string>
        {
            ["logging_collector"] = "on",
            ["log_destination"] = "jsonlog",
            ["log_directory"] = "log",
            ["log_file_mode"] = "0644",
        }, null, ct);
        var keys = MobilityApp.Create(new MobilityAppOptions { ConnectionString = postgres.ConnectionString, Settings = Settings });
        say($"migrating and loading {pack.Fleet.Length} vehicles");
        await keys.MigrateAsync(ct);
        await keys.LoadPackAsync(pack, ct);
        foreach (var service in keys.Web.Services.GetServices<Microsoft.Extensions.Hosting.IHostedService>())
            if (service.GetType().Namespace == typeof(TokenIssuer).Namespace)
                await service.StartAsync(ct); // Identity's keys; the pumps run in the platform's own process
        var server = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["serve", postgres.ConnectionString])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        var address = await server.StandardOutput.ReadLineAsync(ct) ?? throw new PlatformStartException("The platform's process ended at once; its message stands above.");
        var mqttPort = int.Parse((await server.StandardOutput.ReadLineAsync(ct))!, CultureInfo.InvariantCulture);
        return new BenchPlatform(postgres, keys, server, new Uri(address), mqttPort, pack, dataFolder is null ? folder : null);
    }

    /// <summary>The platform's process: prints its address and the port of its MQTT door, runs until its standard input ends.</summary>
    public static async Task<int> ServeAsync(string connectionString, CancellationToken ct)
    {
        await using var app = MobilityApp.Create(new MobilityAppOptions { ConnectionString = connectionString, Settings = Settings });
        await app.StartAsync(ct);
        Console.WriteLine(app.Address);
        Console.WriteLine(app.Web.Services.GetRequiredService<MqttDoor>().Port);
        await Console.In.ReadToEndAsync(ct);
        await app.Web.StopAsync(CancellationToken.None);
        return 0;
    }

    public string RiderToken(AccountId rider) => Token(rider.Value, CallerKind.Rider, Roles.PermissionsOf(Roles.BookableRider));

    public string DeviceToken(VehicleId vehicle) => Token(vehicle.Value, CallerKind.Device, ["device.report"]);

    /// <summary>CPU time that the platform's process has used so far.</summary>
    public TimeSpan CpuTime
    {
        get
        {
            _server.Refresh();
            return _server.TotalProcessorTime;
        }
    }

    /// <summary>Waits until every reaction to what was asked has run; returns how long that took.</summary>
    public async Task<TimeSpan> CatchUpAsync(CancellationToken ct)
    {
        var began = Stopwatch.GetTimestamp();
        await new PlatformQuiet([.. _keys.Modules.Select(m => (m, _keys.Web.Services.GetRequiredKeyedService<ModuleDatabase>(m.Module)))], TimeProvider.System).WaitAsync(ct: ct);
        return Stopwatch.GetElapsedTime(began);
    }

    public async ValueTask DisposeAsync()
    {
        _server.StandardInput.Close();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await _server.WaitForExitAsync(patience.Token).ContinueWith(_ => { }, TaskScheduler.Default);
        if (!_server.HasExited)
            _server.Kill();
        await _keys.DisposeAsync();
        await Postgres.DisposeAsync();
        if (_temporaryFolder is not null)
            Directory.Delete(_temporaryFolder, recursive: true);
    }

    private string Token(Guid subject, CallerKind kind, IEnumerable<string> permissions) =>
        _keys.Web.Services.GetRequiredService<TokenIssuer>().Issue(subject, kind, permissions, TimeSpan.FromHours(6));
}
