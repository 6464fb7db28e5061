using Mobility.Contracts;
using Mobility.Geo;

namespace Mobility.Telemetry.Ingest;

/// <summary>One valid report of a vehicle: where it was and how it was, by its own clock.</summary>
internal sealed record VehicleReport
{
    public required VehicleId Vehicle { get; init; }

    /// <summary>Counts up for as long as the vehicle lives; with the vehicle it names the report, so a repetition is recognized.</summary>
    public required long Sequence { get; init; }

    /// <summary>The vehicle's own clock.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>Our clock when it came in; up to a day later when the vehicle had no network.</summary>
    public required DateTimeOffset ReceivedAt { get; init; }

    public required GeoPoint Position { get; init; }

    public float? AccuracyMeters { get; init; }

    public float? HeadingDegrees { get; init; }

    public float? SpeedMetersPerSecond { get; init; }

    public short? StateOfChargePercent { get; init; }

    /// <summary>When the charge was so: at the report's own time, unless it is an older one's.</summary>
    public DateTimeOffset? ChargeAt { get => StateOfChargePercent is null ? null : field ?? At; init; }

    public string? BatteryId { get; init; }

    public bool? Locked { get; init; }

    public long? OdometerMeters { get; init; }

    public float? TemperatureCelsius { get; init; }

    /// <summary>Codes of the vehicle's own faults; empty when it has none.</summary>
    public IReadOnlyList<string> ErrorCodes { get; init; } = [];

    /// <summary>This report with what it does not say and an older one did: not every report tells of everything.</summary>
    public VehicleReport Over(VehicleReport older) => this with
    {
        StateOfChargePercent = StateOfChargePercent ?? older.StateOfChargePercent,
        ChargeAt = ChargeAt ?? older.ChargeAt,
        BatteryId = BatteryId ?? older.BatteryId,
        Locked = Locked ?? older.Locked,
        OdometerMeters = OdometerMeters ?? older.OdometerMeters,
        TemperatureCelsius = TemperatureCelsius ?? older.TemperatureCelsius,
    };
}
