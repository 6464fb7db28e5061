using System.Text.Json;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;

namespace Mobility.Telemetry.Ingest;

/// <summary>
/// The payload of <c>events/{vehicle}</c>: something happened to the vehicle. Its sequence counts apart from that of the reports. Members that are not named
/// here are kept with the event as they came.
/// </summary>
internal sealed record EventPayload
{
    public const int KindLengthMax = 40;
    public const int TokenLengthMax = 2_048;
    public const int ReasonLengthMax = 100;

    public required long Sequence { get; init; }

    public required DateTimeOffset At { get; init; }

    /// <summary>Lower snake case; <c>unlocked</c>, <c>locked</c>, <c>tamper</c> and <c>collision</c> have a meaning here, others are kept.</summary>
    public required string Kind { get; init; }

    public GeoPoint? Position { get; init; }

    public int? StateOfChargePercent { get; init; }

    public long? OdometerMeters { get; init; }

    /// <summary>The command that the vehicle obeyed.</summary>
    public string? Command { get; init; }

    /// <summary>The unlock token that opened the vehicle.</summary>
    public string? Token { get; init; }

    /// <summary>The update that it speaks of.</summary>
    public long? Version { get; init; }

    /// <summary>A stable code.</summary>
    public string? Reason { get; init; }

    public VehicleCommandId? CommandId => Id.TryParse<VehicleCommandId>(Command, out var id) ? id : null;

    /// <summary>What it means for those who watch over vehicles.</summary>
    public VehicleAlertKind? Alert => Kind switch
    {
        "tamper" => VehicleAlertKind.Tamper,
        "collision" => VehicleAlertKind.Collision,
        _ => null,
    };

    /// <summary>What it says of an update.</summary>
    public UpdateOutcome? Update => Kind switch
    {
        "update_applied" => UpdateOutcome.Applied,
        "update_rolled_back" => UpdateOutcome.RolledBack,
        "update_refused" => UpdateOutcome.Refused,
        _ => null,
    };

    public bool IsLockReport => Kind is "unlocked" or "locked";

    /// <summary>Null when the bytes are no such payload.</summary>
    public static EventPayload? Read(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, PayloadJson.Default.EventPayload);
        }
        catch (Exception e) when (e is JsonException or FormatException or OverflowException or InvalidOperationException)
        {
            return null;
        }
    }
}
