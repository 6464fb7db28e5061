using System.Globalization;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Bus;
using Mobility.Telemetry.Mqtt;
using Mobility.Twin.Stage;
using Npgsql;

namespace Mobility.Host.Commands;

/// <summary>What whoever moves an injected clock must know: when the platform waits for a time next, and whether everything up to now has happened.</summary>
internal sealed class PlatformDue : IAsyncDisposable
{
    private static readonly TimeSpan QuietPatience = TimeSpan.FromSeconds(15);
    private readonly MobilityApp _app;
    private readonly TwinClock _clock;
    private readonly NpgsqlDataSource _source;
    private readonly PlatformQuiet _quiet;
    private readonly string _nextSql;

    public PlatformDue(MobilityApp app, string connectionString, TwinClock clock)
    {
        (_app, _clock, _source) = (app, clock, NpgsqlDataSource.Create(connectionString));
        _quiet = new PlatformQuiet(app.Modules, app.Web.Services, clock);
        var modules = app.Modules.Select(module => $"SELECT min(due_at) AS due_at FROM {module.Module}.scheduled WHERE NOT parked");
        _nextSql = $"SELECT min(due_at) FROM ({string.Join(" UNION ALL ", modules)}) AS next";
    }

    /// <summary>Before the platform starts again after a kill: what the dead process had taken is not waited for.</summary>
    public Task PassOverTakenAsync() => _quiet.PassOverTakenAsync();

    /// <summary>Of the started platform.</summary>
    public int MqttPort => _app.Web.Services.GetRequiredService<MqttDoor>().Port!.Value;

    /// <summary>The started platform as a twin uses it.</summary>
    public PlatformHandle HandleOf(CityPack city) => new()
    {
        Address = new Uri(_app.Address),
        MqttPort = MqttPort,
        Clock = _clock,
        City = city,
        NextDueAsync = NextAsync,
        SettleAsync = SettleAsync,
    };

    /// <summary>When the next scheduled message is due; null when nothing waits for a time.</summary>
    public async Task<DateTimeOffset?> NextAsync(CancellationToken ct)
    {
        await using var command = _source.CreateCommand(_nextSql);
        return await command.ExecuteScalarAsync(ct) is DateTime due ? new DateTimeOffset(due, TimeSpan.Zero) : null;
    }

    /// <summary>
    /// Waits until the platform is quiet. What failed and waits for its next try is not quiet, and never will be while the clock stands still: after a while
    /// it is left to its time.
    /// </summary>
    /// <exception cref="PlatformStartException">Something is due and is not handled.</exception>
    public async Task SettleAsync(CancellationToken ct)
    {
        try
        {
            await _quiet.WaitAsync(QuietPatience, ct);
        }
        catch (TimeoutException e)
        {
            if (await NextAsync(ct) is { } due && due <= _clock.GetUtcNow())
                throw new PlatformStartException($"The platform does not handle what is due since {due:O}; the log above may say why. {e.Message}", e);
        }
    }

    public ValueTask DisposeAsync() => _source.DisposeAsync();
}

/// <summary>
/// Settings of a replay's platform. Few riders are used in turn, all from one address: what guards a real door against that is open. Their passwords are nobody's.
/// </summary>
internal static class ReplaySettings
{
    private const string Open = "1000000";

    public static readonly IReadOnlyDictionary<string, string?> All = new Dictionary<string, string?>
    {
        ["Fleet:CommandTimeout"] = UnderWay.CommandTimeout.ToString("c", CultureInfo.InvariantCulture),
        ["Identity:PasswordIterations"] = "1000",
        ["Notifications:Mailbox"] = "true",
        ["Telemetry:MqttPort"] = "0",
        ["RateLimits:bookings"] = Open,
        ["RateLimits:nearby"] = Open,
        ["RateLimits:registration"] = Open,
        ["RateLimits:token"] = Open,
        ["RateLimits:verification"] = Open,
        ["RateLimits:vehicle-commands"] = Open,
        ["Logging:LogLevel:Default"] = "Warning",
        ["Logging:LogLevel:Microsoft.AspNetCore"] = "Error",
        ["Logging:LogLevel:Mobility.Identity.IdentityStart"] = "Error",
        ["Logging:LogLevel:Microsoft.Hosting.Lifetime"] = "Error",
    };
}
