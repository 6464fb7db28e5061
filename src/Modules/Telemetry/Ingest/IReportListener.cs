namespace Mobility.Telemetry.Ingest;

/// <summary>
/// Hears every batch of reports after it is durable. Per vehicle the batches come in the order of arrival; a report of the offline backlog may be older than one
/// heard before, so compare <see cref="VehicleReport.At"/>. Called on the ingest's own thread: it must be quick and must not throw.
/// </summary>
internal interface IReportListener
{
    void OnDurable(ReadOnlySpan<VehicleReport> reports);

    /// <summary>A report that was refused because the vehicle cannot have come there; it is in quarantine.</summary>
    void OnJump(VehicleReport report)
    {
    }
}
