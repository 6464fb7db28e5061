using System.Text;

namespace Mobility.Telemetry.Mqtt;

/// <summary>Control packet types of MQTT (section 2.1.2); the high half of the first byte.</summary>
internal enum PacketType : byte
{
    Connect = 1,
    ConnAck = 2,
    Publish = 3,
    PubAck = 4,
    PubRec = 5,
    PubRel = 6,
    PubComp = 7,
    Subscribe = 8,
    SubAck = 9,
    Unsubscribe = 10,
    UnsubAck = 11,
    PingReq = 12,
    PingResp = 13,
    Disconnect = 14,
    Auth = 15,
}

/// <summary>The versions this door speaks, by their protocol level.</summary>
internal enum MqttVersion : byte
{
    V311 = 4,
    V5 = 5,
}

/// <summary>A control packet. Of either version; what 3.1.1 does not have is empty.</summary>
internal abstract record MqttPacket
{
    public MqttProperties Properties { get; init; } = MqttProperties.None;
}

internal sealed record WillMessage(string Topic, byte[] Payload, byte Qos, bool Retain, MqttProperties Properties);

internal sealed record ConnectPacket : MqttPacket
{
    public required MqttVersion Version { get; init; }

    public required bool CleanStart { get; init; }

    public required ushort KeepAliveSeconds { get; init; }

    public required string ClientId { get; init; }

    public string? UserName { get; init; }

    public byte[]? Password { get; init; }

    public WillMessage? Will { get; init; }
}

internal sealed record ConnAckPacket(bool SessionPresent, byte Reason) : MqttPacket;

/// <summary>Topic and payload point into the buffer the packet was read from: they are good until that buffer is given back.</summary>
internal sealed record PublishPacket : MqttPacket
{
    /// <summary>Valid UTF-8 without wildcards; empty when the properties name an alias.</summary>
    public required ReadOnlyMemory<byte> Topic { get; init; }

    public required ReadOnlyMemory<byte> Payload { get; init; }

    public byte Qos { get; init; }

    public bool Retain { get; init; }

    public bool Duplicate { get; init; }

    /// <summary>1 to 65,535 with QoS 1; 0 with QoS 0.</summary>
    public ushort PacketId { get; init; }

    public string TopicText => Encoding.UTF8.GetString(Topic.Span);
}

internal sealed record PubAckPacket(ushort PacketId, ReasonCode Reason) : MqttPacket;

/// <summary>PUBREC, PUBREL or PUBCOMP: parts of QoS 2, which this door does not speak.</summary>
internal sealed record ExactlyOncePacket(PacketType Type, ushort PacketId) : MqttPacket;

/// <param name="Filter">Valid UTF-8.</param>
/// <param name="Qos">0 to 2, the highest the subscriber wants.</param>
/// <param name="RetainHandling">0: send what is retained; 1: only when the subscription is new; 2: never. Always 0 in 3.1.1.</param>
internal sealed record TopicRequest(string Filter, byte Qos, byte RetainHandling = 0, bool NoLocal = false, bool RetainAsPublished = false);

internal sealed record SubscribePacket(ushort PacketId, IReadOnlyList<TopicRequest> Topics) : MqttPacket;

internal sealed record SubAckPacket(ushort PacketId, IReadOnlyList<byte> Codes) : MqttPacket;

internal sealed record UnsubscribePacket(ushort PacketId, IReadOnlyList<string> Filters) : MqttPacket;

/// <param name="Codes">One per filter in 5.0; not on the wire in 3.1.1.</param>
internal sealed record UnsubAckPacket(ushort PacketId, IReadOnlyList<byte> Codes) : MqttPacket;

internal sealed record PingReqPacket : MqttPacket
{
    public static readonly PingReqPacket Instance = new();
}

internal sealed record PingRespPacket : MqttPacket
{
    public static readonly PingRespPacket Instance = new();
}

internal sealed record DisconnectPacket(ReasonCode Reason) : MqttPacket;

internal sealed record AuthPacket(ReasonCode Reason) : MqttPacket;
