using System.Text.Json;

namespace Mobility.Telemetry.Ingest;

/// <summary>A report as the payload it was, for the quarantine.</summary>
internal static class ReportText
{
    public static byte[] Write(VehicleReport report) => JsonSerializer.SerializeToUtf8Bytes(
        new ReportPayload
        {
            Sequence = report.Sequence,
            At = report.At,
            Position = report.Position,
            AccuracyMeters = report.AccuracyMeters,
            HeadingDegrees = report.HeadingDegrees,
            SpeedMetersPerSecond = report.SpeedMetersPerSecond,
            StateOfChargePercent = report.StateOfChargePercent,
            BatteryId = report.BatteryId,
            Locked = report.Locked,
            OdometerMeters = report.OdometerMeters,
            TemperatureCelsius = report.TemperatureCelsius,
            ErrorCodes = report.ErrorCodes,
        }, PayloadJson.Default.ReportPayload);
}
