using System.Text.Json;
using System.Text.Json.Serialization;
using Mobility.Edge.Board;
using Mobility.Geo;

namespace Mobility.Edge;

/// <summary>docs/api/telemetry.schema.json.</summary>
internal sealed record ReportBody
{
    public required long Sequence { get; init; }

    public required DateTimeOffset At { get; init; }

    public required GeoPoint Position { get; init; }

    public double? AccuracyMeters { get; init; }

    public double? HeadingDegrees { get; init; }

    public double? SpeedMetersPerSecond { get; init; }

    public int? StateOfChargePercent { get; init; }

    public string? BatteryId { get; init; }

    public bool Locked { get; init; }

    public long? OdometerMeters { get; init; }

    public double? TemperatureCelsius { get; init; }

    public IReadOnlyList<string>? ErrorCodes { get; init; }
}

/// <summary>docs/api/event.schema.json, with the members that the vehicle's own rules add.</summary>
internal sealed record EventBody
{
    public long Sequence { get; init; }

    public DateTimeOffset At { get; init; }

    public required string Kind { get; init; }

    public GeoPoint? Position { get; init; }

    public int? StateOfChargePercent { get; init; }

    public long? OdometerMeters { get; init; }

    /// <summary>The command that was obeyed or refused.</summary>
    public string? Command { get; init; }

    /// <summary>The unlock token that opened the vehicle.</summary>
    public string? Token { get; init; }

    /// <summary>A stable code.</summary>
    public string? Reason { get; init; }

    public string? Zone { get; init; }

    public int? LimitKph { get; init; }

    public double? SpeedMetersPerSecond { get; init; }

    public double? SpeedBeforeMetersPerSecond { get; init; }

    public double? PeakG { get; init; }

    public double? TiltDegrees { get; init; }

    public long? Version { get; init; }

    public bool? Disabled { get; init; }

    public int? SpeedLimitKph { get; init; }

    public string? AgentVersion { get; init; }

    public long? FirmwareVersion { get; init; }
}

/// <summary>Writes what goes over the wire. What a sensor says outside the schema's ranges is left out: one bad value must not cost the whole report.</summary>
internal static class EdgePayload
{
    private sealed record StatusBody(bool Online, DateTimeOffset? At);

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // it is read by a JSON reader, never by a browser
    };

    public static byte[] Status(bool isOnline, DateTimeOffset? at) => JsonSerializer.SerializeToUtf8Bytes(new StatusBody(isOnline, at), Json);

    public static byte[] Event(EventBody body) => JsonSerializer.SerializeToUtf8Bytes(body, Json);

    public static byte[] Report(long sequence, DateTimeOffset at, BoardReading reading, bool withCharge) => JsonSerializer.SerializeToUtf8Bytes(new ReportBody
    {
        Sequence = sequence,
        At = at,
        Position = reading.Position,
        AccuracyMeters = Within(reading.AccuracyMeters, 0, 100_000),
        HeadingDegrees = Within(reading.HeadingDegrees, 0, 360),
        SpeedMetersPerSecond = Within(reading.SpeedMetersPerSecond, 0, 70),
        StateOfChargePercent = withCharge ? Charge(reading) : null,
        BatteryId = withCharge ? reading.BatteryId : null,
        Locked = reading.IsLocked,
        OdometerMeters = reading.OdometerMeters is >= 0 and <= 10_000_000_000 ? reading.OdometerMeters : null,
        TemperatureCelsius = Within(reading.TemperatureCelsius, -60, 150),
        ErrorCodes = reading.ErrorCodes.Count is > 0 and <= 16 ? reading.ErrorCodes : null,
    }, Json);

    public static int Charge(BoardReading reading) => Math.Clamp(reading.StateOfChargePercent, 0, 100);

    private static double? Within(double? value, double low, double high) => value >= low && value <= high ? value : null; // NaN is neither
}
