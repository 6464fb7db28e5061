using System.Text.Json;
using System.Text.Json.Serialization;
using Mobility.Contracts;
using Mobility.Geo;

namespace Mobility.Telemetry.Ingest;

/// <summary>The payload of <c>telemetry/{vehicle}</c>; docs/api/telemetry.schema.json says the same for others. Members that are not named here are passed over.</summary>
internal sealed record ReportPayload
{
    public required long Sequence { get; init; }

    public required DateTimeOffset At { get; init; }

    public required GeoPoint Position { get; init; }

    public float? AccuracyMeters { get; init; }

    public float? HeadingDegrees { get; init; }

    public float? SpeedMetersPerSecond { get; init; }

    public short? StateOfChargePercent { get; init; }

    public string? BatteryId { get; init; }

    public bool? Locked { get; init; }

    public long? OdometerMeters { get; init; }

    public float? TemperatureCelsius { get; init; }

    public IReadOnlyList<string>? ErrorCodes { get; init; }

    /// <summary>Null when the bytes are no such payload.</summary>
    public static VehicleReport? Read(ReadOnlySpan<byte> json, VehicleId vehicle, DateTimeOffset receivedAt)
    {
        try
        {
            return JsonSerializer.Deserialize(json, PayloadJson.Default.ReportPayload)?.Of(vehicle, receivedAt);
        }
        catch (Exception e) when (e is JsonException or FormatException or OverflowException or InvalidOperationException)
        {
            return null;
        }
    }

    private VehicleReport Of(VehicleId vehicle, DateTimeOffset receivedAt) => new()
    {
        Vehicle = vehicle,
        Sequence = Sequence,
        At = Instants.ToMicroseconds(At),
        ReceivedAt = Instants.ToMicroseconds(receivedAt),
        Position = Position,
        AccuracyMeters = AccuracyMeters,
        HeadingDegrees = HeadingDegrees,
        SpeedMetersPerSecond = SpeedMetersPerSecond,
        StateOfChargePercent = StateOfChargePercent,
        BatteryId = BatteryId,
        Locked = Locked,
        OdometerMeters = OdometerMeters,
        TemperatureCelsius = TemperatureCelsius,
        ErrorCodes = ErrorCodes ?? [],
    };
}

/// <summary>PostgreSQL keeps microseconds: what is compared with what was stored is cut to them first.</summary>
internal static class Instants
{
    public static DateTimeOffset ToMicroseconds(DateTimeOffset at) => new(at.UtcTicks - at.UtcTicks % TimeSpan.TicksPerMicrosecond, TimeSpan.Zero);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, MaxDepth = 8)]
[JsonSerializable(typeof(ReportPayload))]
[JsonSerializable(typeof(EventPayload))]
internal sealed partial class PayloadJson : JsonSerializerContext;
