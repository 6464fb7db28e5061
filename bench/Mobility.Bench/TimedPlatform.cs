using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Host;
using Mobility.Host.Commands;
using Mobility.Platform;
using Mobility.Telemetry.Mqtt;
using Mobility.Twin.Replaying;

namespace Mobility.Bench;

/// <summary>
/// A platform on injected time in a process of its own, so that its memory and the twin's are told apart. The twin moves its clock over the process's standard input, a line
/// each way: <c>move TICKS</c>, <c>due</c>, <c>settle</c>, <c>audit</c>.
/// </summary>
internal sealed class TimedPlatform : IAsyncDisposable
{
    private readonly Process _process;
    private readonly SemaphoreSlim _line = new(1);

    private TimedPlatform(Process process) => _process = process;

    public PlatformHandle Handle { get; private set; } = null!;

    /// <summary>Most memory that the platform's process has held, in megabytes.</summary>
    public double PeakMegabytes => PeakMegabytesOf(_process.Id);

    /// <summary>Migrates, loads the city and starts the process.</summary>
    public static async Task<TimedPlatform> StartAsync(string connectionString, CityPack city, DateTimeOffset start, CancellationToken ct)
    {
        await using (var loader = MobilityApp.Create(new MobilityAppOptions { ConnectionString = connectionString, Clock = new ReplayClock(start), Settings = ReplaySettings.All }))
        {
            await loader.MigrateAsync(ct);
            await loader.LoadPackAsync(city, ct);
        }
        var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["serve-timed", connectionString, start.UtcTicks.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        var platform = new TimedPlatform(process);
        var address = await process.StandardOutput.ReadLineAsync(ct) ?? throw new PlatformStartException("The platform's process ended at once; its message stands above.");
        platform.Handle = new PlatformHandle
        {
            Address = new Uri(address),
            MqttPort = int.Parse((await process.StandardOutput.ReadLineAsync(ct))!, CultureInfo.InvariantCulture),
            Clock = new RemoteClock(start, platform),
            City = city,
            NextDueAsync = async token => await platform.AskAsync("due", token) is var due && due == "-" ? null : new DateTimeOffset(long.Parse(due, CultureInfo.InvariantCulture), TimeSpan.Zero),
            SettleAsync = async token => await platform.AskAsync("settle", token),
        };
        return platform;
    }

    /// <summary>Violations of all laws.</summary>
    public async Task<int> AuditAsync(CancellationToken ct) => int.Parse(await AskAsync("audit", ct), CultureInfo.InvariantCulture);

    /// <summary>The platform's side.</summary>
    public static async Task<int> ServeAsync(string connectionString, long startTicks, CancellationToken ct)
    {
        var clock = new ReplayClock(new DateTimeOffset(startTicks, TimeSpan.Zero));
        await using var app = MobilityApp.Create(new MobilityAppOptions { ConnectionString = connectionString, Clock = clock, Settings = ReplaySettings.All });
        await app.StartAsync(ct);
        await using var due = new PlatformDue(app, connectionString, clock);
        Console.WriteLine(app.Address);
        Console.WriteLine(app.Web.Services.GetRequiredService<MqttDoor>().Port);
        while (await Console.In.ReadLineAsync(ct) is { } line)
        {
            if (line.StartsWith("move ", StringComparison.Ordinal))
                clock.MoveTo(new DateTimeOffset(long.Parse(line.AsSpan(5), CultureInfo.InvariantCulture), TimeSpan.Zero));
            else if (line == "settle")
                await due.SettleAsync(ct);
            Console.WriteLine(line switch
            {
                "due" => (await due.NextAsync(ct))?.UtcTicks.ToString(CultureInfo.InvariantCulture) ?? "-",
                "audit" => AuditCommand.CountViolations(await AuditCommand.CheckAsync(app, clock.GetUtcNow(), new Progress<string>(), ct)).ToString(CultureInfo.InvariantCulture),
                _ => "ok",
            });
        }
        await app.Web.StopAsync(CancellationToken.None);
        return 0;
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await _process.WaitForExitAsync(patience.Token).ContinueWith(_ => { }, TaskScheduler.Default);
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
        _line.Dispose();
    }

    /// <summary>Most memory that a process has held (Linux), in megabytes.</summary>
    public static double PeakMegabytesOf(int process) => File.ReadLines($"/proc/{process}/status").First(line => line.StartsWith("VmHWM", StringComparison.Ordinal))
        .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1] is var kilobytes ? double.Parse(kilobytes, CultureInfo.InvariantCulture) / 1024 : 0;

    private async Task<string> AskAsync(string line, CancellationToken ct)
    {
        await _line.WaitAsync(ct);
        try
        {
            await _process.StandardInput.WriteLineAsync(line);
            await _process.StandardInput.FlushAsync(ct);
            return await _process.StandardOutput.ReadLineAsync(ct) ?? throw new PlatformStartException("The platform's process ended; its message stands above.");
        }
        finally
        {
            _line.Release();
        }
    }

    /// <summary>Moves the process's clock with its own; who moves it waits until it is there.</summary>
    private sealed class RemoteClock(DateTimeOffset start, TimedPlatform platform) : ReplayClock(start)
    {
        public override void MoveTo(DateTimeOffset time)
        {
            if (time <= GetUtcNow())
                return;
            platform.AskAsync(FormattableString.Invariant($"move {time.UtcTicks}"), CancellationToken.None).GetAwaiter().GetResult();
            base.MoveTo(time);
        }
    }
}
