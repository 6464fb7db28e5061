using System.Diagnostics.Metrics;

namespace Mobility.Telemetry;

/// <summary>Telemetry's own signals.</summary>
internal static class TelemetryMetrics
{
    private static readonly Meter Meter = new("Mobility.Telemetry");

    public static readonly Counter<long> Accepted = Meter.CreateCounter<long>("mobility.telemetry.accepted", "{message}", "Messages of vehicles that became durable facts, by kind.");
    public static readonly Counter<long> Duplicates = Meter.CreateCounter<long>("mobility.telemetry.duplicates", "{message}", "Messages that were known already.");
    public static readonly Counter<long> Quarantined = Meter.CreateCounter<long>("mobility.telemetry.quarantined", "{message}", "Messages that broke a rule, by reason.");
    public static readonly Counter<long> MergedBatches = Meter.CreateCounter<long>("mobility.telemetry.merged_batches", "{batch}", "Batches that held a report which another process, or this one before its start, had stored.");
    public static readonly Counter<long> FailedBatches = Meter.CreateCounter<long>("mobility.telemetry.failed_batches", "{batch}", "Batches that the database refused; they are tried again.");
    public static readonly Counter<long> Alerts = Meter.CreateCounter<long>("mobility.telemetry.alerts", "{alert}", "Alerts that were raised, by kind.");
    public static readonly Counter<long> UntoldAlerts = Meter.CreateCounter<long>("mobility.telemetry.untold_alerts", "{alert}", "Alerts that found no room to wait.");
    public static readonly Histogram<double> CommitDuration = Meter.CreateHistogram<double>("mobility.telemetry.commit.duration", "s", "Time from taking a batch to its commit.");
    public static readonly Histogram<int> BatchSize = Meter.CreateHistogram<int>("mobility.telemetry.batch.size", "{message}", "Messages of a batch.");

    public static readonly UpDownCounter<int> Connections = Meter.CreateUpDownCounter<int>("mobility.mqtt.connections", "{connection}", "Vehicles connected over MQTT.");
    public static readonly Counter<long> Disconnects = Meter.CreateCounter<long>("mobility.mqtt.disconnects", "{connection}", "Connections that the door ended, by reason.");
    public static readonly Counter<long> RefusedConnects = Meter.CreateCounter<long>("mobility.mqtt.refused_connects", "{connection}", "Connections that were not let in, by reason.");
    public static readonly Counter<long> RefusedDevices = Meter.CreateCounter<long>("mobility.telemetry.refused_devices", "{device}", "Enrollments and renewals that were refused, by code.");
    public static readonly Counter<long> Delivered = Meter.CreateCounter<long>("mobility.mqtt.delivered", "{message}", "Messages sent to vehicles and observers.");
    public static readonly Counter<long> Dropped = Meter.CreateCounter<long>("mobility.mqtt.dropped", "{message}", "Messages with QoS 0 to observers who read too slowly.");
}
