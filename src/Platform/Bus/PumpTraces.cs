using System.Diagnostics;
using Mobility.Platform.Events;
using Mobility.Platform.Observability;

namespace Mobility.Platform.Bus;

/// <summary>The spans of a subscription; null while nobody listens or the trace is not recorded.</summary>
internal static class PumpTraces
{
    /// <summary>One message is handled, in the trace of whoever published it.</summary>
    public static Activity? StartProcess(string subscription, BusMessage message, Causation cause)
    {
        var activity = PlatformMetrics.Activities.StartActivity($"{subscription} process", ActivityKind.Consumer, cause.Trace);
        return activity?.SetTag("messaging.system", "postgresql").SetTag("messaging.operation.type", "process")
            .SetTag("messaging.destination.name", message.Type).SetTag("messaging.message.id", message.Id.ToString());
    }

    /// <summary>The one transaction of many messages belongs to the trace of the first and is linked to those of the others.</summary>
    public static Activity? StartCommit(string subscription, List<Activity?> handled) => handled.Find(a => a is { Recorded: true }) is { } first
        ? PlatformMetrics.Activities.StartActivity($"{subscription} commit", ActivityKind.Internal, first.Context,
            links: handled.Where(a => a is { Recorded: true } && a != first).Select(a => new ActivityLink(a!.Context)))
        : null;
}
