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
    internal static readonly Counter<long> Refused = Meter.CreateCounter<long>("mobility.command.refused", "{command}", "Commands refused, by problem code.");
    internal static readonly Counter<long> Conflicts = Meter.CreateCounter<long>("mobility.command.conflicts", "{command}", "Commands that lost a race and were decided again.");
    internal static readonly Counter<long> RateLimited = Meter.CreateCounter<long>("mobility.http.rate_limited", "{request}", "Requests refused by a rate limit.");
    internal static readonly Counter<long> Denied = Meter.CreateCounter<long>("mobility.http.denied", "{request}", "Requests refused by access control, by problem code.");

    private static readonly System.Collections.Concurrent.ConcurrentDictionary<Func<IEnumerable<(string, int)>>, bool> LagSources = new();

    static PlatformMetrics() => Meter.CreateObservableGauge("mobility.bus.lag",
        () => LagSources.Keys.SelectMany(read => read()).Select(lag => new Measurement<long>(lag.Item2, new KeyValuePair<string, object?>("subscription", lag.Item1))),
        "{message}", "Messages that a subscription has not handled yet.");

    internal static void ObserveLag(Func<IEnumerable<(string Subscription, int Messages)>> read) => LagSources.TryAdd(read, true);

    internal static void ForgetLag(Func<IEnumerable<(string Subscription, int Messages)>> read) => LagSources.TryRemove(read, out _);
}
