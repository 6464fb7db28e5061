using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Mobility.Platform.Observability;

/// <summary>The platform's own signals; they cost nothing while nobody listens.</summary>
public static class PlatformMetrics
{
    /// <summary>Name of the platform's activity source and meter.</summary>
    public const string Name = "Mobility.Platform";

    /// <summary>Spans of the bus, the schedule and the command runner.</summary>
    public static ActivitySource Activities { get; } = new(Name);

    private static readonly Meter Meter = new(Name);

    internal static readonly Counter<long> Delivered = Meter.CreateCounter<long>("mobility.bus.delivered", "{message}", "Messages that a subscription has handled.");
    internal static readonly Counter<long> Parked = Meter.CreateCounter<long>("mobility.bus.parked", "{message}", "Messages that were parked for an operator.");
    internal static readonly Counter<long> Replayed = Meter.CreateCounter<long>("mobility.bus.replayed", "{message}", "Parked messages that an operator sent on.");
    internal static readonly Counter<long> Refused = Meter.CreateCounter<long>("mobility.command.refused", "{command}", "Commands refused, by problem code.");
    internal static readonly Counter<long> Conflicts = Meter.CreateCounter<long>("mobility.command.conflicts", "{command}", "Commands that lost a race and were decided again.");
    internal static readonly Counter<long> SharedCommits = Meter.CreateCounter<long>("mobility.commit.shared", "{work}", "Units of work that shared a transaction with others.");
    internal static readonly Counter<long> RateLimited = Meter.CreateCounter<long>("mobility.http.rate_limited", "{request}", "Requests refused by a rate limit.");
    internal static readonly Counter<long> Denied = Meter.CreateCounter<long>("mobility.http.denied", "{request}", "Requests refused by access control, by problem code.");
    internal static readonly Counter<long> Trimmed = Meter.CreateCounter<long>("mobility.retention.deleted", "{row}", "Rows deleted because their time was over.");

    private static readonly ConcurrentDictionary<ILagSource, bool> LagSources = new();

    static PlatformMetrics()
    {
        Meter.CreateObservableGauge("mobility.bus.lag", () => Worst("subscription", s => s.BusLags(), lag => (long)lag.Count),
            "{message}", "Messages that a subscription of this process has not handled yet.");
        Meter.CreateObservableGauge("mobility.bus.lag_age", () => Worst("subscription", s => s.BusLags(), lag => lag.Age.TotalSeconds),
            "s", "Age of the oldest message that a subscription of this process has not handled yet.");
        Meter.CreateObservableGauge("mobility.view.lag_age", () => Worst("view", s => s.ViewLags(), lag => lag.Age.TotalSeconds),
            "s", "How far an asynchronous view of this process is behind its events.");
    }

    internal static void Observe(ILagSource source) => LagSources.TryAdd(source, true);

    internal static void Forget(ILagSource source) => LagSources.TryRemove(source, out _);

    /// <summary>Several apps of one process (tests) may run the same subscription on different databases: one series each, the worst one counts.</summary>
    private static IEnumerable<Measurement<T>> Worst<T>(string tag, Func<ILagSource, IEnumerable<Lag>> read, Func<Lag, T> measure) where T : struct, IComparable<T> =>
        LagSources.Keys.SelectMany(read).GroupBy(lag => lag.Name, StringComparer.Ordinal)
            .Select(group => new Measurement<T>(group.Max(measure), new KeyValuePair<string, object?>(tag, group.Key)));
}

/// <summary>How far one reader is behind.</summary>
internal readonly record struct Lag(string Name, int Count, TimeSpan Age);

/// <summary>Tells how far the readers that this process runs now are behind; asked at each scrape, from memory only.</summary>
internal interface ILagSource
{
    IEnumerable<Lag> BusLags();

    IEnumerable<Lag> ViewLags();
}
