using System.Text;

namespace Mobility.Platform.Mqtt;

/// <summary>Control packet types of MQTT (section 2.1.2); the high half of the first byte.</summary>
public enum PacketType : byte
{
    /// <summary>First packet of a client.</summary>
    Connect = 1,
    /// <summary>Its answer.</summary>
    ConnAck = 2,
    /// <summary>A message.</summary>
    Publish = 3,
    /// <summary>Answer to a message with QoS 1.</summary>
    PubAck = 4,
    /// <summary>QoS 2, first answer.</summary>
    PubRec = 5,
    /// <summary>QoS 2, release.</summary>
    PubRel = 6,
    /// <summary>QoS 2, last answer.</summary>
    PubComp = 7,
    /// <summary>Asks for topics.</summary>
    Subscribe = 8,
    /// <summary>Its answer.</summary>
    SubAck = 9,
    /// <summary>Gives topics up.</summary>
    Unsubscribe = 10,
    /// <summary>Its answer.</summary>
    UnsubAck = 11,
    /// <summary>Sign of life of a client.</summary>
    PingReq = 12,
    /// <summary>Its answer.</summary>
    PingResp = 13,
    /// <summary>Goodbye.</summary>
    Disconnect = 14,
    /// <summary>Enhanced authentication, 5.0 only.</summary>
    Auth = 15,
}

/// <summary>The versions we speak, by their protocol level.</summary>
public enum MqttVersion : byte
{
    /// <summary>MQTT 3.1.1.</summary>
    V311 = 4,
    /// <summary>MQTT 5.0.</summary>
    V5 = 5,
}

/// <summary>A control packet. Of either version; what 3.1.1 does not have is empty.</summary>
public abstract record MqttPacket
{
    /// <summary>Empty in 3.1.1.</summary>
    public MqttProperties Properties { get; init; } = MqttProperties.None;
}

/// <summary>What the server publishes when the client goes without a goodbye.</summary>
/// <param name="Topic">No wildcards.</param>
/// <param name="Payload">At most 65,535 bytes.</param>
/// <param name="Qos">0 to 2.</param>
/// <param name="Retain">Whether it is kept for later subscribers.</param>
/// <param name="Properties">Of the will, not of CONNECT.</param>
public sealed record WillMessage(string Topic, byte[] Payload, byte Qos, bool Retain, MqttProperties Properties);

/// <summary>The first packet of a client (section 3.1).</summary>
public sealed record ConnectPacket : MqttPacket
{
    /// <summary>What all packets after it are written in.</summary>
    public required MqttVersion Version { get; init; }

    /// <summary>Whether a kept session is thrown away.</summary>
    public required bool CleanStart { get; init; }

    /// <summary>Longest silence of the client; 0 is any.</summary>
    public required ushort KeepAliveSeconds { get; init; }

    /// <summary>Names the session; empty lets the server name it.</summary>
    public required string ClientId { get; init; }

    /// <summary>Null when there is none.</summary>
    public string? UserName { get; init; }

    /// <summary>Null when there is none.</summary>
    public byte[]? Password { get; init; }

    /// <summary>Null when there is none.</summary>
    public WillMessage? Will { get; init; }
}

/// <summary>The answer to CONNECT (section 3.2).</summary>
/// <param name="SessionPresent">Whether the server kept the session.</param>
/// <param name="Reason">0 is yes; else a <see cref="ReasonCode"/> in 5.0, 1 to 5 in 3.1.1.</param>
public sealed record ConnAckPacket(bool SessionPresent, byte Reason) : MqttPacket;

/// <summary>Topic and payload point into the buffer the packet was read from: they are good until that buffer is given back.</summary>
public sealed record PublishPacket : MqttPacket
{
    /// <summary>Valid UTF-8 without wildcards; empty when the properties name an alias.</summary>
    public required ReadOnlyMemory<byte> Topic { get; init; }

    /// <summary>Any bytes.</summary>
    public required ReadOnlyMemory<byte> Payload { get; init; }

    /// <summary>0 to 2.</summary>
    public byte Qos { get; init; }

    /// <summary>To be kept, or was kept.</summary>
    public bool Retain { get; init; }

    /// <summary>Sent before, with the same identifier.</summary>
    public bool Duplicate { get; init; }

    /// <summary>1 to 65,535 with QoS 1; 0 with QoS 0.</summary>
    public ushort PacketId { get; init; }

    /// <summary>The topic as text.</summary>
    public string TopicText => Encoding.UTF8.GetString(Topic.Span);
}

/// <summary>The answer to a PUBLISH with QoS 1.</summary>
/// <param name="PacketId">Of the PUBLISH.</param>
/// <param name="Reason">Always success in 3.1.1.</param>
public sealed record PubAckPacket(ushort PacketId, ReasonCode Reason) : MqttPacket;

/// <summary>PUBREC, PUBREL or PUBCOMP: parts of QoS 2, which the door does not speak.</summary>
/// <param name="Type">Which of the three.</param>
/// <param name="PacketId">Of the PUBLISH.</param>
public sealed record ExactlyOncePacket(PacketType Type, ushort PacketId) : MqttPacket;

/// <summary>One topic of a SUBSCRIBE.</summary>
/// <param name="Filter">Valid UTF-8.</param>
/// <param name="Qos">0 to 2, the highest the subscriber wants.</param>
/// <param name="RetainHandling">0: send what is retained; 1: only when the subscription is new; 2: never. Always 0 in 3.1.1.</param>
/// <param name="NoLocal">Not what the subscriber itself published.</param>
/// <param name="RetainAsPublished">Pass the retain flag on as it came.</param>
public sealed record TopicRequest(string Filter, byte Qos, byte RetainHandling = 0, bool NoLocal = false, bool RetainAsPublished = false);

/// <summary>Asks for topics (section 3.8).</summary>
/// <param name="PacketId">1 to 65,535.</param>
/// <param name="Topics">At least one.</param>
public sealed record SubscribePacket(ushort PacketId, IReadOnlyList<TopicRequest> Topics) : MqttPacket;

/// <summary>The answer to SUBSCRIBE.</summary>
/// <param name="PacketId">Of the SUBSCRIBE.</param>
/// <param name="Codes">One for each topic: granted QoS, or from 0x80 a refusal.</param>
public sealed record SubAckPacket(ushort PacketId, IReadOnlyList<byte> Codes) : MqttPacket;

/// <summary>Gives topics up (section 3.10).</summary>
/// <param name="PacketId">1 to 65,535.</param>
/// <param name="Filters">At least one.</param>
public sealed record UnsubscribePacket(ushort PacketId, IReadOnlyList<string> Filters) : MqttPacket;

/// <summary>The answer to UNSUBSCRIBE.</summary>
/// <param name="PacketId">Of the UNSUBSCRIBE.</param>
/// <param name="Codes">One per filter in 5.0; not on the wire in 3.1.1.</param>
public sealed record UnsubAckPacket(ushort PacketId, IReadOnlyList<byte> Codes) : MqttPacket;

/// <summary>Sign of life of a client.</summary>
public sealed record PingReqPacket : MqttPacket
{
    /// <summary>The only one.</summary>
    public static readonly PingReqPacket Instance = new();
}

/// <summary>The answer to PINGREQ.</summary>
public sealed record PingRespPacket : MqttPacket
{
    /// <summary>The only one.</summary>
    public static readonly PingRespPacket Instance = new();
}

/// <summary>Goodbye; from the server in 5.0 only.</summary>
/// <param name="Reason">Always success in 3.1.1.</param>
public sealed record DisconnectPacket(ReasonCode Reason) : MqttPacket;

/// <summary>Enhanced authentication, which we do not speak.</summary>
/// <param name="Reason">As sent.</param>
public sealed record AuthPacket(ReasonCode Reason) : MqttPacket;
