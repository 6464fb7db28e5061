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
    public const int RefusalLengthMax = 40;
    public const int AgentVersionLengthMax = 40;
    public const int SpeedLimitKphMax = 130;

    public required long Sequence { get; init; }

    public required DateTimeOffset At { get; init; }

    /// <summary>Lower snake case; <c>unlocked</c>, <c>locked</c>, <c>command_done</c>, <c>command_refused</c>, <c>twin_reported</c>, <c>tamper</c> and <c>collision</c> have a meaning here, others are kept.</summary>
    public required string Kind { get; init; }

    public GeoPoint? Position { get; init; }

    public int? StateOfChargePercent { get; init; }

    public long? OdometerMeters { get; init; }

    /// <summary>The command that the vehicle obeyed or refused.</summary>
    public string? Command { get; init; }

    /// <summary>Why; of any length in events of other kinds, which are only kept.</summary>
    public string? Reason { get; init; }

    /// <summary>The unlock token that opened the vehicle.</summary>
    public string? Token { get; init; }

    /// <summary>The update that it speaks of.</summary>
    public long? Version { get; init; }

    /// <summary>Whether the vehicle opens for nobody.</summary>
    public bool? Disabled { get; init; }

    /// <summary>The limit that the vehicle was told.</summary>
    public int? SpeedLimitKph { get; init; }

    /// <summary>Of the program on the vehicle's board.</summary>
    public string? AgentVersion { get; init; }

    /// <summary>Of the image that the vehicle was last updated with.</summary>
    public long? FirmwareVersion { get; init; }

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

    public bool IsAnswer => Kind is "command_done" or "command_refused";

    public bool IsTwin => Kind == "twin_reported";

    /// <summary>Lower snake case, not empty and of bounded length: what may stand in a stable code.</summary>
    public static bool IsWord(string text, int lengthMax) =>
        text.Length > 0 && text.Length <= lengthMax && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_');

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
