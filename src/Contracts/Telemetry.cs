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
[ContractName("telemetry.vehicle_reported_lock.v1")]
public sealed record VehicleReportedLockV1(
    VehicleId Vehicle, bool Unlocked, VehicleCommandId? Command, DateTimeOffset At, GeoPoint Position, int StateOfChargePercent, long OdometerMeters,
    long Sequence) : IContractEvent;
