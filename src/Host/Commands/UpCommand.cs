using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Mobility.Host.Packs;
using Mobility.Platform;

namespace Mobility.Host.Commands;

/// <summary>Starts the platform on its own PostgreSQL (or an external one) with a city, and stays until it is told to stop.</summary>
/// <remarks>
/// (1) lock the data folder and start the database; (2) migrate; (3) load the city pack; (4) start the modules and listen; (5) let the city live and say where;
/// (6) wait; (7) stop in reverse.
/// </remarks>
internal static class UpCommand
{
    private const int PortDefault = 8080;
    private const string MqttPortDefault = "1883";
    private const int RidersDefault = 3_000;
    private const int RidersMax = 100_000;
    private static readonly TimeSpan StopTimeLimit = TimeSpan.FromSeconds(30);

    private sealed record Request(string Data, string? Database, bool Fresh, int Port, IReadOnlyList<string> Targets, string Pack, int Riders, string? Streets);

    public static Command Create()
    {
        var fresh = new Option<bool>("--fresh") { Description = "Delete the data folder first" };
        var port = PlatformOptions.Number("--port", "Port of the HTTP API; 0 takes any free one", PortDefault, 0, IPEndPoint.MaxPort);
        var data = PlatformOptions.Data();
        var database = PlatformOptions.Database();
        var target = new Option<string>("--target")
        {
            HelpName = "MODULES",
            Description = "Modules of this process, separated by commas",
            DefaultValueFactory = _ => "all",
        };
        var pack = new Option<string>("--pack")
        {
            HelpName = "DIR",
            Description = "The city pack to load",
            DefaultValueFactory = _ => Path.Combine(PlatformOptions.Root, "packs", "demo"),
        };
        var riders = PlatformOptions.Number("--riders", "People who live in the city beside you, with all its vehicles; 0 for an empty city", RidersDefault, 0, RidersMax);
        var streets = StreetsOption.Create();
        var command = new Command("up", "Start the whole platform; Ctrl-C stops it.") { fresh, port, data, database, target, pack, riders, streets };
        command.SetAction((parsed, ct) => RunAsync(
            new Request(
                Path.GetFullPath(parsed.GetRequiredValue(data)),
                parsed.GetValue(database),
                parsed.GetValue(fresh),
                parsed.GetValue(port),
                parsed.GetRequiredValue(target).Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
                Path.GetFullPath(parsed.GetRequiredValue(pack)),
                parsed.GetValue(riders),
                parsed.GetValue(streets)),
            ct));
        return command;
    }

    private static async Task<int> RunAsync(Request request, CancellationToken ct)
    {
        RequireFreePort(request.Port, "choose another with --port");
        if (request.Port != 0 && int.TryParse(MqttPort(request), CultureInfo.InvariantCulture, out var mqttPort))
            RequireFreePort(mqttPort, "vehicles connect there (MQTT); choose another with MOBILITY_Telemetry__MqttPort, 0 takes any free one");
        if (!Directory.Exists(request.Pack))
            throw new PlatformStartException($"There is no folder {request.Pack} with a city pack.");
        var pack = CityPackReader.Read(request.Pack).Pack; // what is wrong with it is said when it is loaded
        var streets = request.Streets is { } extract && pack is not null ? StreetsOption.Read(extract, pack, ct) : null;
        await using var running = await Steps.ShowAsync(progress => StartAsync(request, progress, ct));
        await using var city = UpCity.Start(running.App, pack, request.Riders, streets, Path.Combine(request.Data, "city"));
        Announcement.Write(running.App, running.Database, request.Data, pack, city is null ? 0 : request.Riders);
        var lifetime = running.App.Web.Lifetime;
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(ct, lifetime.ApplicationStopping);
        await Task.Delay(Timeout.Infinite, ended.Token).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        await Steps.ShowAsync(async progress =>
        {
            if (city is not null)
            {
                progress.Report("The city's people go home");
                await city.DisposeAsync();
            }
            progress.Report("Stopping the modules");
            using var limit = new CancellationTokenSource(StopTimeLimit);
            await running.App.Web.StopAsync(limit.Token);
            progress.Report("Stopping the database");
            await running.DisposeAsync();
            return true;
        });
        if (!ct.IsCancellationRequested)
            throw new PlatformStartException("The platform stopped because one of its parts failed; the log above says which.");
        Console.WriteLine("Stopped. The data is kept; the next up continues with it.");
        return ExitCodes.Done;
    }

    private static async Task<Running> StartAsync(Request request, IProgress<string> progress, CancellationToken ct)
    {
        var database = await PlatformDatabase.StartAsync(request.Data, request.Database, request.Fresh, progress, ct);
        MobilityApp? app = null;
        try
        {
            app = MobilityApp.Create(new MobilityAppOptions
            {
                ConnectionString = database.ConnectionString,
                Targets = request.Targets,
                Url = $"http://127.0.0.1:{request.Port}",
                Settings = SettingsOf(request, database),
            });
            progress.Report("Bringing the database up to date");
            await app.MigrateAsync(ct);
            progress.Report($"Loading the city pack {request.Pack}");
            await app.LoadPackAsync(request.Pack, ct);
            progress.Report("Starting the modules");
            await app.StartAsync(ct);
            return new Running(app, database);
        }
        catch
        {
            if (app is not null)
                await app.DisposeAsync();
            await database.DisposeAsync();
            throw;
        }
    }

    /// <summary>What an up without any configuration needs. The mailbox shows codes to everybody, so it is for the private database only.</summary>
    private static Dictionary<string, string?> SettingsOf(Request request, PlatformDatabase database) => PlatformOptions.Settings(
        ("Logging:LogLevel:Microsoft.Hosting.Lifetime", "Warning"), // what it says, the announcement says
        ("Identity:KeyFile", Path.Combine(request.Data, "identity.key")),
        ("Telemetry:KeyFile", Path.Combine(request.Data, "telemetry.key")),
        ("Fleet:KeyFile", Path.Combine(request.Data, "fleet.key")),
        ("Telemetry:MqttPort", MqttPortOf(request)),
        ("Notifications:Mailbox", database.IsExternal ? "false" : "true"));

    private static string MqttPortOf(Request request) => request.Port == 0 ? "0" : MqttPortDefault;

    /// <summary>The port that vehicles will find, whoever has set it.</summary>
    private static string? MqttPort(Request request) => Environment.GetEnvironmentVariable("MOBILITY_Telemetry__MqttPort")
        ?? PlatformOptions.Settings(("Telemetry:MqttPort", MqttPortOf(request))).GetValueOrDefault("Telemetry:MqttPort");

    /// <summary>Asked before anything is started, so that the answer comes at once; Kestrel asks again.</summary>
    private static void RequireFreePort(int port, string advice)
    {
        if (port is <= 0 or > IPEndPoint.MaxPort)
            return; // any free one; what is no port is said later, by who opens it
        using var probe = new TcpListener(IPAddress.Loopback, port);
        try
        {
            probe.Start();
        }
        catch (SocketException refused)
        {
            throw new PlatformStartException(
                refused.SocketErrorCode == SocketError.AddressAlreadyInUse
                    ? $"Port {port} is taken by another program; {advice}."
                    : $"Port {port} cannot be used: {refused.Message}.",
                refused);
        }
    }

    private sealed record Running(MobilityApp App, PlatformDatabase Database) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await App.DisposeAsync();
            await Database.DisposeAsync();
        }
    }
}
