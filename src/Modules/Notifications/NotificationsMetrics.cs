using System.Diagnostics.Metrics;

namespace Mobility.Notifications;

/// <summary>The module's signals.</summary>
internal static class NotificationsMetrics
{
    private static readonly Meter Meter = new("Mobility.Notifications");

    public static readonly Counter<long> Held =
        Meter.CreateCounter<long>("mobility.notifications.held", "{message}", "Messages that could not be sent because no provider is configured.");
}
