using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.IO.MemoryMappedFiles;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Modules;
using Mobility.Twin.Stage;

namespace Mobility.Host.Commands;

/// <summary>
/// A platform on injected time in a process of its own: its memory and the twin's are told apart, and it can be killed. Its clock lies in memory that both processes
/// share; the rest the twin asks over the process's standard input, a line each way: <c>due</c>, <c>settle</c>. It ends with that input.
/// </summary>
internal sealed class PlatformProcess : IAsyncDisposable
{
    private const string Name = "serve-timed";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly MobilityApp _loader;
    private readonly SharedClock _clock;
    private readonly SemaphoreSlim _line = new(1);
    private Process _process = null!;

    private PlatformProcess(MobilityApp loader, SharedClock clock) => (_loader, _clock) = (loader, clock);

    /// <summary>For the twin.</summary>
    public PlatformHandle Handle { get; private set; } = null!;

    /// <summary>Most memory that the process has held, in megabytes.</summary>
    public double PeakMegabytes => PeakMegabytesOf(_process.Id);

    /// <summary>Migrates, loads the city and starts the process.</summary>
    public static async Task<PlatformProcess> StartAsync(string connectionString, CityPack city, DateTimeOffset start, IProgress<string> progress, CancellationToken ct)
    {
        var clock = SharedClock.Create(start);
        var loader = MobilityApp.Create(new MobilityAppOptions { ConnectionString = connectionString, Clock = clock, Settings = ReplaySettings.All });
        var platform = new PlatformProcess(loader, clock);
        try
        {
            progress.Report("Bringing the database up to date");
            await loader.MigrateAsync(ct);
            progress.Report($"Loading {city.City.Name} with {city.Fleet.Length} vehicles");
            await loader.LoadPackAsync(city, ct);
            progress.Report("Starting the modules");
            var (address, mqttPort) = await platform.BeginAsync("http://127.0.0.1:0", "0", ct);
            platform.Handle = new PlatformHandle
            {
                Address = address,
                MqttPort = mqttPort,
                Clock = clock,
                City = city,
                NextDueAsync = async token =>
                    await platform.AskAsync("due", token) is var due && due == "-" ? null : new DateTimeOffset(long.Parse(due, CultureInfo.InvariantCulture), TimeSpan.Zero),
                SettleAsync = async token => await platform.AskAsync("settle", token),
                CrashAsync = platform.CrashAsync,
            };
            return platform;
        }
        catch
        {
            await platform.DisposeAsync();
            throw;
        }
    }

    /// <summary>Checks all laws on what the process has stored.</summary>
    public Task<IReadOnlyList<AuditResult>> AuditAsync(IProgress<string> progress, CancellationToken ct) => AuditCommand.CheckAsync(_loader, _clock.GetUtcNow(), progress, ct);

    /// <summary>The platform's side of it.</summary>
    public static Command Command()
    {
        var clock = new Argument<string>("clock");
        var url = new Argument<string>("url");
        var mqttPort = new Argument<string>("mqttPort");
        var command = new Command(Name, "A platform on somebody else's clock.") { clock, url, mqttPort };
        command.Hidden = true;
        command.SetAction((parsed, _) => ServeAsync(parsed.GetRequiredValue(clock), parsed.GetRequiredValue(url), parsed.GetRequiredValue(mqttPort)));
        return command;
    }

    /// <summary>Most memory that a process has held (Linux), in megabytes.</summary>
    public static double PeakMegabytesOf(int process) => File.ReadLines($"/proc/{process}/status").First(line => line.StartsWith("VmHWM", StringComparison.Ordinal))
        .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1] is var kilobytes ? double.Parse(kilobytes, CultureInfo.InvariantCulture) / 1024 : 0;

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            _process.StandardInput.Close();
            using var patience = new CancellationTokenSource(Patience);
            await _process.WaitForExitAsync(patience.Token).ContinueWith(_ => { }, TaskScheduler.Default);
            if (!_process.HasExited)
                _process.Kill();
            _process.Dispose();
        }
        await _loader.DisposeAsync();
        _clock.Dispose();
        File.Delete(_clock.File);
        _line.Dispose();
    }

    /// <summary>A signal of the terminal reaches this process too, but whoever started it decides when it ends.</summary>
    private static async Task<int> ServeAsync(string clockFile, string url, string mqttPort)
    {
        var connectionString = await Console.In.ReadLineAsync() ?? throw new PlatformStartException("Nobody says where the database is.");
        using var clock = SharedClock.Open(clockFile);
        await using var app = MobilityApp.Create(new MobilityAppOptions
        {
            ConnectionString = connectionString,
            Clock = clock,
            Url = url,
            Settings = new Dictionary<string, string?>(ReplaySettings.All) { ["Telemetry:MqttPort"] = mqttPort },
        });
        await using var due = new PlatformDue(app, connectionString, clock);
        await due.PassOverTakenAsync();
        await app.StartAsync(CancellationToken.None);
        Console.WriteLine(app.Address);
        Console.WriteLine(due.MqttPort);
        while (await Console.In.ReadLineAsync() is { } line)
            if (line == "due")
            {
                Console.WriteLine((await due.NextAsync(CancellationToken.None))?.UtcTicks.ToString(CultureInfo.InvariantCulture) ?? "-");
            }
            else
            {
                await due.SettleAsync(CancellationToken.None);
                Console.WriteLine("settled");
            }
        await app.Web.StopAsync(CancellationToken.None);
        return ExitCodes.Done;
    }

    private async Task<(Uri Address, int MqttPort)> BeginAsync(string url, string mqttPort, CancellationToken ct)
    {
        _process = Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "mobility-host"), [Name, _clock.File, url, mqttPort])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        await _process.StandardInput.WriteLineAsync(_loader.ConnectionString); // it has a password, so it is no argument
        await _process.StandardInput.FlushAsync(ct);
        return (new Uri(await ReadLineAsync(ct)), int.Parse(await ReadLineAsync(ct), CultureInfo.InvariantCulture));
    }

    /// <summary>Kills the process as it is, and starts it again at the same doors; returns when they are open.</summary>
    private async Task CrashAsync(CancellationToken ct)
    {
        await _line.WaitAsync(ct);
        try
        {
            _process.Kill();
            await _process.WaitForExitAsync(ct);
            _process.Dispose();
            await BeginAsync(Handle.Address.ToString(), Handle.MqttPort.ToString(CultureInfo.InvariantCulture), ct);
        }
        finally
        {
            _line.Release();
        }
    }

    private async Task<string> AskAsync(string line, CancellationToken ct)
    {
        await _line.WaitAsync(ct);
        try
        {
            await _process.StandardInput.WriteLineAsync(line);
            await _process.StandardInput.FlushAsync(ct);
            return await ReadLineAsync(ct);
        }
        finally
        {
            _line.Release();
        }
    }

    private async Task<string> ReadLineAsync(CancellationToken ct) =>
        await _process.StandardOutput.ReadLineAsync(ct) ?? throw new PlatformStartException("The platform's process ended; its message stands above.");

    /// <summary>A clock in a file that two processes have in their memory: who moves it, moves it in both at once.</summary>
    private sealed class SharedClock : TwinClock, IDisposable
    {
        private readonly MemoryMappedFile _mapped;
        private readonly MemoryMappedViewAccessor _ticks;

        private SharedClock(string file)
            : base(default)
        {
            File = file;
            _mapped = MemoryMappedFile.CreateFromFile(file, FileMode.Open, null, sizeof(long));
            _ticks = _mapped.CreateViewAccessor(0, sizeof(long));
        }

        public string File { get; }

        public static SharedClock Create(DateTimeOffset start)
        {
            var clock = new SharedClock(Path.GetTempFileName());
            clock.MoveTo(start);
            return clock;
        }

        public static SharedClock Open(string file) => new(file);

        public override DateTimeOffset GetUtcNow() => new(_ticks.ReadInt64(0), TimeSpan.Zero);

        public override void MoveTo(DateTimeOffset time)
        {
            if (time > GetUtcNow())
                _ticks.Write(0, time.UtcTicks);
        }

        public void Dispose()
        {
            _ticks.Dispose();
            _mapped.Dispose();
        }
    }
}
