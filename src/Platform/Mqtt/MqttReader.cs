using System.Buffers;
using System.Text;

namespace Mobility.Platform.Mqtt;

/// <summary>What a look at the received bytes came to.</summary>
public enum ReadOutcome
{
    /// <summary>A packet was taken off the front.</summary>
    Packet,
    /// <summary>The front is the beginning of a packet; nothing was taken.</summary>
    NeedMore,
    /// <summary>The front is no packet; the connection ends.</summary>
    Fault,
}

/// <summary>Reads packets of MQTT 3.1.1 and 5.0, of either direction. Any bytes in any pieces: it never throws.</summary>
/// <param name="packetBytesMax">Longest packet without its head; a longer one is a fault before it is read.</param>
public sealed class MqttReader(int packetBytesMax)
{
    /// <summary>Longest topic and filter; ours have 40 bytes.</summary>
    public const int TopicBytesMax = 256;

    /// <summary>Topics of one SUBSCRIBE or UNSUBSCRIBE.</summary>
    public const int TopicsMax = 32;

    /// <summary>The version that CONNECT said; before it only CONNECT and CONNACK can be read.</summary>
    public MqttVersion Version { get; set; } = MqttVersion.V311;

    /// <summary>Takes one packet off the front of the buffer; its topic and payload point into the buffer.</summary>
    /// <param name="buffer">What was received; begins behind the packet afterwards.</param>
    /// <param name="packet">Set when a packet was taken.</param>
    /// <param name="fault">Set when the front is no packet.</param>
    public ReadOutcome TryRead(ref ReadOnlySequence<byte> buffer, out MqttPacket? packet, out MqttFault? fault)
    {
        (packet, fault) = (null, null);
        Span<byte> head = stackalloc byte[1 + VariableInteger.BytesMax];
        var headLength = (int)Math.Min(buffer.Length, head.Length);
        if (headLength < 2)
            return ReadOutcome.NeedMore;
        buffer.Slice(0, headLength).CopyTo(head);
        switch (VariableInteger.TryRead(head[1..headLength], out var length, out var lengthBytes))
        {
            case null:
                return ReadOutcome.NeedMore;
            case false:
                fault = new MqttFault(ReasonCode.MalformedPacket, "The remaining length has more than four bytes.");
                return ReadOutcome.Fault;
        }
        if (length > packetBytesMax)
        {
            fault = new MqttFault(ReasonCode.PacketTooLarge, $"A packet has at most {packetBytesMax} bytes here.");
            return ReadOutcome.Fault;
        }
        if (buffer.Length < 1 + lengthBytes + length)
            return ReadOutcome.NeedMore;
        var slice = buffer.Slice(1 + lengthBytes, (int)length);
        var body = new PacketBody(slice.IsSingleSegment ? slice.First : slice.ToArray());
        packet = Parse((PacketType)(head[0] >> 4), (byte)(head[0] & 0x0F), ref body);
        if (body.Fault is null && body.Left > 0)
            body.Fail(ReasonCode.MalformedPacket, "The packet is longer than what it holds.");
        if (body.Fault is { } found)
        {
            (packet, fault) = (null, found);
            return ReadOutcome.Fault;
        }
        buffer = buffer.Slice(slice.End);
        return ReadOutcome.Packet;
    }

    private MqttPacket? Parse(PacketType type, byte flags, ref PacketBody body)
    {
        var flagsWanted = type is PacketType.Subscribe or PacketType.Unsubscribe or PacketType.PubRel ? 2 : 0;
        if (type != PacketType.Publish && flags != flagsWanted)
        {
            body.Fail(ReasonCode.MalformedPacket, "The packet's flags are not what its type asks for.");
            return null;
        }
        switch (type)
        {
            case PacketType.Connect:
                return Connect(ref body);
            case PacketType.ConnAck:
                return ConnAck(ref body);
            case PacketType.Publish:
                return Publish(flags, ref body);
            case PacketType.PubAck:
                return new PubAckPacket(body.PacketId(), Reason(ref body)) { Properties = LateProperties(type, ref body) };
            case PacketType.PubRec or PacketType.PubRel or PacketType.PubComp:
                var id = body.PacketId();
                Reason(ref body);
                return new ExactlyOncePacket(type, id) { Properties = LateProperties(type, ref body) };
            case PacketType.Subscribe:
                return Subscribe(ref body);
            case PacketType.SubAck:
                return new SubAckPacket(body.PacketId(), []) { Properties = Properties(type, ref body) } with { Codes = body.Rest().ToArray() };
            case PacketType.Unsubscribe:
                return Unsubscribe(ref body);
            case PacketType.UnsubAck:
                return new UnsubAckPacket(body.PacketId(), []) { Properties = Properties(type, ref body) } with { Codes = body.Rest().ToArray() };
            case PacketType.PingReq:
                return PingReqPacket.Instance;
            case PacketType.PingResp:
                return PingRespPacket.Instance;
            case PacketType.Disconnect:
                return new DisconnectPacket(Reason(ref body)) { Properties = LateProperties(type, ref body) };
            case PacketType.Auth when Version == MqttVersion.V5:
                return new AuthPacket(Reason(ref body)) { Properties = LateProperties(type, ref body) };
            default:
                body.Fail(ReasonCode.MalformedPacket, "There is no packet of this type.");
                return null;
        }
    }

    private static ConnectPacket? Connect(ref PacketBody body)
    {
        var name = body.TextBytes();
        var level = body.Byte();
        if (body.Fault is not null)
            return null;
        if (!name.Span.SequenceEqual("MQTT"u8) || level is not ((byte)MqttVersion.V311 or (byte)MqttVersion.V5))
        {
            body.Fail(ReasonCode.UnsupportedProtocolVersion, "This door speaks MQTT 3.1.1 and 5.0.");
            return null;
        }
        var version = (MqttVersion)level;
        var flags = body.Byte();
        var (hasUser, hasPassword, hasWill) = ((flags & 0x80) != 0, (flags & 0x40) != 0, (flags & 0x04) != 0);
        var (willRetain, willQos) = ((flags & 0x20) != 0, (byte)(flags >> 3 & 3));
        if ((flags & 0x01) != 0 || willQos == 3 || (!hasWill && (willRetain || willQos > 0)) || (version == MqttVersion.V311 && hasPassword && !hasUser))
            body.Fail(ReasonCode.MalformedPacket, "The flags of CONNECT contradict each other.");
        var keepAlive = body.Two();
        var properties = version == MqttVersion.V5 ? body.Properties(PacketType.Connect) : MqttProperties.None;
        var clientId = body.Text();
        WillMessage? will = null;
        if (hasWill)
        {
            var willProperties = version == MqttVersion.V5 ? body.Properties(MqttProperties.Will) : MqttProperties.None;
            will = new WillMessage(Encoding.UTF8.GetString(Topic(ref body).Span), body.Binary().ToArray(), willQos, willRetain, willProperties);
        }
        return new ConnectPacket
        {
            Version = version,
            CleanStart = (flags & 0x02) != 0,
            KeepAliveSeconds = keepAlive,
            ClientId = clientId,
            Will = will,
            UserName = hasUser ? body.Text() : null,
            Password = hasPassword ? body.Binary().ToArray() : null,
            Properties = properties,
        };
    }

    private ConnAckPacket ConnAck(ref PacketBody body)
    {
        var flags = body.Byte();
        if (flags > 1)
            body.Fail(ReasonCode.MalformedPacket, "The flags of CONNACK are 0 or 1.");
        return new ConnAckPacket(flags == 1, body.Byte()) { Properties = Properties(PacketType.ConnAck, ref body) };
    }

    private PublishPacket Publish(byte flags, ref PacketBody body)
    {
        var qos = (byte)(flags >> 1 & 3);
        var duplicate = (flags & 8) != 0;
        if (qos == 3 || (qos == 0 && duplicate))
            body.Fail(ReasonCode.MalformedPacket, "The flags of PUBLISH contradict each other.");
        var topic = Topic(ref body, mayBeEmpty: Version == MqttVersion.V5);
        var packetId = qos > 0 ? body.PacketId() : (ushort)0;
        var properties = Properties(PacketType.Publish, ref body);
        if (topic.IsEmpty && properties.Number(PropertyId.TopicAlias) is null)
            body.Fail(ReasonCode.ProtocolError, "A PUBLISH names a topic or an alias.");
        return new PublishPacket
        {
            Topic = topic,
            Qos = qos,
            Retain = (flags & 1) != 0,
            Duplicate = duplicate,
            PacketId = packetId,
            Properties = properties,
            Payload = body.Rest(),
        };
    }

    private SubscribePacket Subscribe(ref PacketBody body)
    {
        var packetId = body.PacketId();
        var properties = Properties(PacketType.Subscribe, ref body);
        var topics = new List<TopicRequest>();
        while (body.Left > 0 && topics.Count < TopicsMax)
        {
            var filter = Filter(ref body);
            var options = body.Byte();
            if ((options & 3) == 3 || (options & 0xC0) != 0 || (options >> 4 & 3) == 3 || (Version == MqttVersion.V311 && options > 2))
                body.Fail(ReasonCode.MalformedPacket, "The options of a subscription contradict each other.");
            topics.Add(new TopicRequest(filter, (byte)(options & 3), (byte)(options >> 4 & 3), (options & 4) != 0, (options & 8) != 0));
        }
        CheckTopics(topics.Count, ref body);
        return new SubscribePacket(packetId, topics) { Properties = properties };
    }

    private UnsubscribePacket Unsubscribe(ref PacketBody body)
    {
        var packetId = body.PacketId();
        var properties = Properties(PacketType.Unsubscribe, ref body);
        var filters = new List<string>();
        while (body.Left > 0 && filters.Count < TopicsMax)
            filters.Add(Filter(ref body));
        CheckTopics(filters.Count, ref body);
        return new UnsubscribePacket(packetId, filters) { Properties = properties };
    }

    private static void CheckTopics(int count, ref PacketBody body)
    {
        if (count == 0)
            body.Fail(ReasonCode.ProtocolError, "At least one topic is named.");
        else if (body.Left > 0)
            body.Fail(ReasonCode.QuotaExceeded, $"At most {TopicsMax} topics are named in one packet.");
    }

    private static ReadOnlyMemory<byte> Topic(ref PacketBody body, bool mayBeEmpty = false)
    {
        var topic = body.TextBytes();
        if (topic.Length > TopicBytesMax || (topic.IsEmpty && !mayBeEmpty) || topic.Span.ContainsAny((byte)'#', (byte)'+'))
            body.Fail(ReasonCode.TopicNameInvalid, $"A topic has 1 to {TopicBytesMax} bytes and no wildcard.");
        return topic;
    }

    /// <summary>Whether the wildcards stand where they may is asked with the right to the topic: a wrong one is answered in SUBACK.</summary>
    private static string Filter(ref PacketBody body)
    {
        var filter = body.Text();
        if (filter.Length is 0 or > TopicBytesMax)
            body.Fail(ReasonCode.TopicFilterInvalid, $"A filter has 1 to {TopicBytesMax} characters.");
        return filter;
    }

    private MqttProperties Properties(PacketType type, ref PacketBody body) =>
        Version == MqttVersion.V5 && body.Fault is null ? body.Properties(type) : MqttProperties.None;

    /// <summary>In the packets that end in a reason, reason and properties may be left out.</summary>
    private ReasonCode Reason(ref PacketBody body) => Version == MqttVersion.V5 && body.Left > 0 ? (ReasonCode)body.Byte() : ReasonCode.Success;

    private MqttProperties LateProperties(PacketType type, ref PacketBody body) => body.Left > 0 ? Properties(type, ref body) : MqttProperties.None;
}
