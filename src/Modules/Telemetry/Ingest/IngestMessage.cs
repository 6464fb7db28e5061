using Mobility.Contracts;

namespace Mobility.Telemetry.Ingest;

/// <summary>Who waits for the word that a message is durable.</summary>
internal interface IAwaitDurable
{
    /// <summary>Notes that the message is durable. True when the sender must be flushed once the whole batch is noted.</summary>
    bool NoteDurable(ushort packetId);

    /// <summary>Sends what was noted.</summary>
    void FlushNoted();
}

internal enum MessageKind
{
    Report,
    Status,
    Event,
    Quarantine,
}

/// <summary>A message of a vehicle on its way to the database.</summary>
/// <param name="Kind">What becomes of it.</param>
/// <param name="Vehicle">The sender.</param>
/// <param name="ReceivedAt">Our clock.</param>
/// <param name="Payload">As it came; null for reports.</param>
/// <param name="Report">For reports.</param>
/// <param name="Reason">For quarantine: the rule that it broke.</param>
/// <param name="Topic">For quarantine.</param>
/// <param name="Source">Told when it is durable; null when nobody waits.</param>
/// <param name="PacketId">What the source knows it by.</param>
internal readonly record struct IngestMessage(
    MessageKind Kind, VehicleId Vehicle, DateTimeOffset ReceivedAt, byte[]? Payload, VehicleReport? Report, string? Reason, string? Topic, IAwaitDurable? Source,
    ushort PacketId)
{
    /// <summary>For events.</summary>
    public EventPayload? Event { get; init; }
}
