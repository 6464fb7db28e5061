using Mobility.Contracts;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Telemetry.Ingest;

namespace Mobility.Telemetry.Mqtt;

/// <summary>What every connection needs of the rest of the module.</summary>
internal sealed record MqttServices(
    IngestPump Ingest, EventPump Events, DeviceSecrets Secrets, TokenVerifier Tokens, ICommandSource Commands, UpdateSource Updates, LastStatuses Statuses);

/// <summary>The last status of vehicles, as it was stored.</summary>
internal sealed class LastStatuses(Database<TelemetryModule> database)
{
    /// <summary>Statuses that one subscription to all vehicles is told.</summary>
    public const int Max = 1_000;

    public async Task<IReadOnlyList<(VehicleId Vehicle, byte[] Payload)>> LastAsync(VehicleId? vehicle, CancellationToken ct)
    {
        var rows = await database.QueryAsync<Row>($"""
            SELECT vehicle, payload FROM last_statuses WHERE {(vehicle is null ? "" : "vehicle = @vehicle AND ")}length(payload) > 0 ORDER BY vehicle LIMIT @Max
            """, new { vehicle = vehicle?.Value, Max }, ct);
        return [.. rows.Select(row => (new VehicleId(row.Vehicle), row.Payload))];
    }

    private sealed record Row
    {
        public required Guid Vehicle { get; init; }

        public required byte[] Payload { get; init; }
    }
}
