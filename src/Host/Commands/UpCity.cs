using Mobility.Contracts;
using Mobility.Telemetry.Mqtt;
using Mobility.Twin.Client;
using Mobility.Twin.Living;
using Mobility.Twin.Stage;
using Mobility.Twin.Streets;

namespace Mobility.Host.Commands;

/// <summary>The people, vehicles and crew of an up's city, in real time: every vehicle answers whoever unlocks it, and some are on their way.</summary>
internal sealed partial class UpCity : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _living;
    private bool _isDisposed;

    private UpCity(MobilityApp app, CityPack pack, StaffAccount staff, int riders, StreetGraph? streets, string folder) =>
        _living = Task.Run(() => LiveAsync(app, pack, staff, riders, streets, folder, app.Web.Services.GetRequiredService<ILogger<UpCity>>(), _stopping.Token));

    /// <summary>
    /// Lets a city live. Null where that cannot be: without people, without an operations manager whose password is known, where riders' codes come by real mail, or where
    /// some modules run elsewhere.
    /// </summary>
    public static UpCity? Start(MobilityApp app, CityPack? pack, int riders, StreetGraph? streets, string folder) =>
        riders > 0 && pack?.Staff.FirstOrDefault(account => account is { Role: StaffRole.OperationsManager, DemoPassword: not null }) is { } staff
        && pack.Bays.Length > 0 && app.Modules.Count == Host.Modules.All().Count && app.Web.Configuration.GetValue<bool>("Notifications:Mailbox")
        && app.Web.Services.GetService<MqttDoor>() is { Port: not null }
            ? new UpCity(app, pack, staff, riders, streets, folder)
            : null;

    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        await _stopping.CancelAsync();
        await _living;
        _stopping.Dispose();
    }

    private static async Task LiveAsync(
        MobilityApp app, CityPack pack, StaffAccount staff, int riders, StreetGraph? streets, string folder, ILogger log, CancellationToken ct)
    {
        try
        {
            var platform = new PlatformHandle
            {
                Address = new Uri(app.Address),
                MqttPort = app.Web.Services.GetRequiredService<MqttDoor>().Port!.Value,
                Clock = new RunningClock(),
                City = pack,
                NextDueAsync = static _ => Task.FromResult<DateTimeOffset?>(null),
                SettleAsync = static _ => Task.CompletedTask,
            };
            var now = platform.Clock.GetUtcNow();
            var settings = new CityRunSettings
            {
                Riders = riders,
                Name = FormattableString.Invariant($"up-{now.ToUnixTimeSeconds()}"),
                Seed = now.DayOfYear,
                Streets = streets,
            };
            await using var run = new CityRun(platform, settings, staff, folder);
            await run.PrepareAsync(ct);
            await run.RunAsync(DateTimeOffset.MaxValue, new Progress<CityProgress>(), ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // the platform stops
        }
        catch (RefusedException refused)
        {
            LogEnded(log, refused.Step, refused.Code);
        }
        catch (Exception failure) when (!ct.IsCancellationRequested)
        {
            LogBroke(log, failure); // whoever tries the platform goes on without them
        }
    }

    [LoggerMessage(EventId = 901, Level = LogLevel.Warning, Message = "The city's people went home, the platform goes on. {Step}: {Code}.")]
    private static partial void LogEnded(ILogger log, string step, string code);

    [LoggerMessage(EventId = 902, Level = LogLevel.Error, Message = "The city's people went home, the platform goes on.")]
    private static partial void LogBroke(ILogger log, Exception exception);
}
