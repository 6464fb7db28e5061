using Mobility.Geo;
using Mobility.Platform;

namespace Mobility.Contracts;

/// <summary>A vehicle said over its own wire that it unlocked or locked. The message is durable; Fleet judges what it means.</summary>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="Unlocked">True for unlocked, false for locked.</param>
/// <param name="Command">The command it obeyed; null when it acted by itself or on a token.</param>
/// <param name="At">By the vehicle's own clock.</param>
/// <param name="Position">Where.</param>
/// <param name="StateOfChargePercent">0 to 100.</param>
/// <param name="OdometerMeters">Total distance so far.</param>
/// <param name="Sequence">Of the vehicle's events; a repetition has the same.</param>
/// <param name="Token">The unlock token that opened it.</param>
[ContractName("telemetry.vehicle_reported_lock.v1")]
public sealed record VehicleReportedLockV1(
    VehicleId Vehicle, bool Unlocked, VehicleCommandId? Command, DateTimeOffset At, GeoPoint Position, int StateOfChargePercent, long OdometerMeters,
    long Sequence, string? Token = null) : IContractEvent;

/// <summary>A vehicle said over its own wire what became of a command: obeyed, if it is none that a lock answers, or refused, whatever it was. Fleet judges.</summary>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="Command">The command.</param>
/// <param name="Done">True for done, false for refused.</param>
/// <param name="Reason">Why it refused: a lower_snake word of the vehicle's, at most 40 characters.</param>
/// <param name="At">By the vehicle's own clock.</param>
/// <param name="Position">Where it was, if it said.</param>
/// <param name="Sequence">Of the vehicle's events; a repetition has the same.</param>
[ContractName("telemetry.vehicle_answered_command.v1")]
public sealed record VehicleAnsweredCommandV1(
    VehicleId Vehicle, VehicleCommandId Command, bool Done, string? Reason, DateTimeOffset At, GeoPoint? Position, long Sequence) : IContractEvent;

/// <summary>A vehicle said over its own wire how it is: when it starts, and when it is back after being away. Fleet compares it with what is wanted.</summary>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="Disabled">Whether it opens for nobody.</param>
/// <param name="SpeedLimitKph">The limit that it was told; null when there is none.</param>
/// <param name="AgentVersion">Of the program on its board.</param>
/// <param name="FirmwareVersion">Of the image that it was last updated with.</param>
/// <param name="At">By the vehicle's own clock.</param>
/// <param name="Sequence">Of the vehicle's events; a repetition has the same.</param>
[ContractName("telemetry.vehicle_twin_reported.v1")]
public sealed record VehicleTwinReportedV1(
    VehicleId Vehicle, bool Disabled, int? SpeedLimitKph, string? AgentVersion, long? FirmwareVersion, DateTimeOffset At, long Sequence) : IContractEvent;

/// <summary>A vehicle stands, by its newest reports; told once for each <see cref="StandstillWantedV1"/>.</summary>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="Command">That of the wait.</param>
/// <param name="Since">Since when its reports say so, by its own clock.</param>
/// <param name="At">Of the newest report.</param>
/// <param name="Position">Where.</param>
[ContractName("telemetry.vehicle_stands.v1")]
public sealed record VehicleStandsV1(VehicleId Vehicle, VehicleCommandId Command, DateTimeOffset Since, DateTimeOffset At, GeoPoint Position) : IContractEvent;

/// <summary>What may be wrong with a vehicle.</summary>
public enum VehicleAlertKind
{
    /// <summary>Charge below 15 %; over when it reaches 20 %.</summary>
    LowBattery,
    /// <summary>In no operating area of its city; over when it is back in one.</summary>
    OutsideArea,
    /// <summary>Nothing heard for 10 minutes; over with the next report.</summary>
    Silent,
    /// <summary>It said to be where it cannot be; a moment.</summary>
    ImpossibleJump,
    /// <summary>It was moved or opened by force, by its own word; a moment.</summary>
    Tamper,
    /// <summary>It crashed, by its own word; a moment.</summary>
    Collision,
}

/// <summary>Something may be wrong with a vehicle. A kind that lasts is not raised again before it was cleared.</summary>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="Kind">What.</param>
/// <param name="At">By the vehicle's own clock; for silence by ours.</param>
/// <param name="Position">Where it was last.</param>
[ContractName("telemetry.alert_raised.v1")]
public sealed record VehicleAlertRaisedV1(VehicleId Vehicle, VehicleAlertKind Kind, DateTimeOffset At, GeoPoint? Position) : IContractEvent;

/// <summary>It is well again.</summary>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="Kind">What.</param>
/// <param name="At">Since when.</param>
[ContractName("telemetry.alert_cleared.v1")]
public sealed record VehicleAlertClearedV1(VehicleId Vehicle, VehicleAlertKind Kind, DateTimeOffset At) : IContractEvent;

/// <summary>A vehicle's movement crossed the boundary of zones.</summary>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="City">Its city.</param>
/// <param name="Left">Zones in which it is no more.</param>
/// <param name="Entered">Zones in which it is now.</param>
/// <param name="Crossed">Zones through which it came between two reports.</param>
/// <param name="At">By the vehicle's own clock.</param>
/// <param name="Position">Where it is now.</param>
[ContractName("telemetry.zones_crossed.v1")]
public sealed record VehicleZonesCrossedV1(
    VehicleId Vehicle, CityId City, IReadOnlyList<ZoneId> Left, IReadOnlyList<ZoneId> Entered, IReadOnlyList<ZoneId> Crossed, DateTimeOffset At,
    GeoPoint Position) : IContractEvent;

/// <summary>A device enrolled by itself and is a vehicle of ours from now on (zero-touch provisioning).</summary>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="Serial">Of the board.</param>
/// <param name="ExpiresAt">End of its first certificate.</param>
/// <param name="At">When.</param>
[ContractName("telemetry.device_provisioned.v1")]
public sealed record DeviceProvisionedV1(VehicleId Vehicle, string Serial, DateTimeOffset ExpiresAt, DateTimeOffset At) : IContractEvent;

/// <summary>A vehicle has a new certificate.</summary>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="ExpiresAt">Its end.</param>
/// <param name="At">When.</param>
[ContractName("telemetry.certificate_rotated.v1")]
public sealed record CertificateRotatedV1(VehicleId Vehicle, DateTimeOffset ExpiresAt, DateTimeOffset At) : IContractEvent;

/// <summary>What came of an update on a vehicle.</summary>
public enum UpdateOutcome
{
    /// <summary>It runs and is healthy.</summary>
    Applied,
    /// <summary>The vehicle left it for the image before.</summary>
    RolledBack,
    /// <summary>The vehicle did not install it.</summary>
    Refused,
}

/// <summary>A vehicle said over its own wire what came of an update. The message is durable; Fleet judges what it means.</summary>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="Outcome">What came of it.</param>
/// <param name="Version">Of the update; null when the vehicle could not read one.</param>
/// <param name="Reason">A stable code; null when it is applied.</param>
/// <param name="At">By the vehicle's own clock.</param>
/// <param name="Sequence">Of the vehicle's events; a repetition has the same.</param>
[ContractName("telemetry.vehicle_reported_update.v1")]
public sealed record VehicleReportedUpdateV1(
    VehicleId Vehicle, UpdateOutcome Outcome, long? Version, string? Reason, DateTimeOffset At, long Sequence) : IContractEvent;
