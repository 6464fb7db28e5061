using System.Diagnostics.Metrics;

namespace Mobility.Edge;

/// <summary>What agents of this process count.</summary>
internal static class EdgeMetrics
{
    private static readonly Meter Meter = new("Mobility.Edge");

    public static readonly Counter<long> Dropped = Meter.CreateCounter<long>("mobility.edge.dropped", "{message}", "Reports and events that were given up.");

    public static readonly Counter<long> Refused = Meter.CreateCounter<long>("mobility.edge.refused", "{message}", "Messages that the door refused for good.");

    public static readonly Counter<long> Connects = Meter.CreateCounter<long>("mobility.edge.connects", "{connection}", "Connections that the door accepted.");

    public static readonly Counter<long> TokensRefused = Meter.CreateCounter<long>("mobility.edge.tokens_refused", "{token}", "Unlock tokens that were refused.");
}
