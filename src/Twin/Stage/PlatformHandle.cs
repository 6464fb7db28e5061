using Mobility.Contracts;

namespace Mobility.Twin.Stage;

/// <summary>The platform that a twin lives on: its address, its clock, and what its host can say about time.</summary>
public sealed record PlatformHandle
{
    /// <summary>Of the HTTP API.</summary>
    public required Uri Address { get; init; }

    /// <summary>Of the MQTT door.</summary>
    public required int MqttPort { get; init; }

    /// <summary>Whether its clock is the machine's, which nobody moves.</summary>
    public bool IsInRealTime => Clock is RunningClock;

    /// <summary>The clock that the platform was started with.</summary>
    public required TwinClock Clock { get; init; }

    /// <summary>The city that was loaded.</summary>
    public required CityPack City { get; init; }

    /// <summary>When the next timeout or job of the platform is due; null when nothing waits for a time.</summary>
    public required Func<CancellationToken, Task<DateTimeOffset?>> NextDueAsync { get; init; }

    /// <summary>Returns when nothing is due and everything that was caused has happened.</summary>
    public required Func<CancellationToken, Task> SettleAsync { get; init; }

    /// <summary>Kills the platform as it is and starts it again at the same doors; null where it lives in the twin's own process.</summary>
    public Func<CancellationToken, Task>? CrashAsync { get; init; }
}
