using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Mobility.Platform.Mqtt;

/// <summary>Writes packets of either version and direction into a buffer writer, each in one piece.</summary>
public static class MqttWriter
{
    /// <summary>PUBACK without reason and properties, the packet that is written most.</summary>
    public const int ShortPubAckBytes = 4;

    /// <summary>Writes one packet.</summary>
    /// <param name="output">Gets the packet in one piece.</param>
    /// <param name="packet">Of either direction; its texts and lists are within what the standard can count.</param>
    /// <param name="version">What was agreed at CONNECT.</param>
    public static void Write(IBufferWriter<byte> output, MqttPacket packet, MqttVersion version)
    {
        var size = 1 + VariableInteger.BytesMax + SizeMaxOf(packet);
        var span = output.GetSpan(size);
        // The body is written behind room for the longest head, and moved up when the head turns out shorter.
        var body = new Output(span[5..], version);
        var first = WriteBody(ref body, packet);
        var headLength = 1 + VariableInteger.LengthOf(body.Length);
        span.Slice(5, body.Length).CopyTo(span[headLength..]);
        span[0] = first;
        var head = new Output(span[1..], version);
        head.Variable((uint)body.Length);
        output.Advance(headLength + body.Length);
    }

    /// <summary>A PUBACK that says success.</summary>
    public static void WritePubAck(Span<byte> output, ushort packetId)
    {
        output[0] = (byte)PacketType.PubAck << 4;
        output[1] = 2;
        BinaryPrimitives.WriteUInt16BigEndian(output[2..], packetId);
    }

    private static byte WriteBody(ref Output o, MqttPacket packet)
    {
        switch (packet)
        {
            case ConnectPacket p:
                Connect(ref o, p);
                return (byte)PacketType.Connect << 4;
            case ConnAckPacket p:
                o.Byte(p.SessionPresent ? (byte)1 : (byte)0);
                o.Byte(p.Reason);
                o.Properties(p.Properties);
                return (byte)PacketType.ConnAck << 4;
            case PublishPacket p:
                o.Binary(p.Topic.Span);
                if (p.Qos > 0)
                    o.Two(p.PacketId);
                o.Properties(p.Properties);
                o.Raw(p.Payload.Span);
                return (byte)((byte)PacketType.Publish << 4 | (p.Duplicate ? 8 : 0) | p.Qos << 1 | (p.Retain ? 1 : 0));
            case PubAckPacket p:
                o.Two(p.PacketId);
                o.ReasonAndProperties(p.Reason, p.Properties);
                return (byte)PacketType.PubAck << 4;
            case ExactlyOncePacket p:
                o.Two(p.PacketId);
                o.ReasonAndProperties(ReasonCode.Success, p.Properties);
                return (byte)((byte)p.Type << 4 | (p.Type == PacketType.PubRel ? 2 : 0));
            case SubscribePacket p:
                o.Two(p.PacketId);
                o.Properties(p.Properties);
                foreach (var topic in p.Topics)
                {
                    o.Text(topic.Filter);
                    o.Byte((byte)(topic.Qos | (topic.NoLocal ? 4 : 0) | (topic.RetainAsPublished ? 8 : 0) | topic.RetainHandling << 4));
                }
                return (byte)PacketType.Subscribe << 4 | 2;
            case SubAckPacket p:
                o.Two(p.PacketId);
                o.Properties(p.Properties);
                foreach (var code in p.Codes)
                    o.Byte(code);
                return (byte)PacketType.SubAck << 4;
            case UnsubscribePacket p:
                o.Two(p.PacketId);
                o.Properties(p.Properties);
                foreach (var filter in p.Filters)
                    o.Text(filter);
                return (byte)PacketType.Unsubscribe << 4 | 2;
            case UnsubAckPacket p:
                o.Two(p.PacketId);
                o.Properties(p.Properties);
                foreach (var code in o.Version == MqttVersion.V5 ? p.Codes : [])
                    o.Byte(code);
                return (byte)PacketType.UnsubAck << 4;
            case PingReqPacket:
                return (byte)PacketType.PingReq << 4;
            case PingRespPacket:
                return (byte)PacketType.PingResp << 4;
            case DisconnectPacket p:
                o.ReasonAndProperties(p.Reason, p.Properties);
                return (byte)PacketType.Disconnect << 4;
            case AuthPacket p:
                o.ReasonAndProperties(p.Reason, p.Properties);
                return (byte)((byte)PacketType.Auth << 4);
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private static void Connect(ref Output o, ConnectPacket p)
    {
        o.Binary("MQTT"u8);
        o.Byte((byte)p.Version);
        var flags = p.CleanStart ? 2 : 0;
        if (p.Will is { } w)
            flags |= 4 | w.Qos << 3 | (w.Retain ? 0x20 : 0);
        o.Byte((byte)(flags | (p.Password is null ? 0 : 0x40) | (p.UserName is null ? 0 : 0x80)));
        o.Two(p.KeepAliveSeconds);
        o.Properties(p.Properties);
        o.Text(p.ClientId);
        if (p.Will is { } will)
        {
            o.Properties(will.Properties);
            o.Text(will.Topic);
            o.Binary(will.Payload);
        }
        if (p.UserName is { } user)
            o.Text(user);
        if (p.Password is { } password)
            o.Binary(password);
    }

    /// <summary>An upper bound of the body's bytes.</summary>
    private static int SizeMaxOf(MqttPacket packet) => 64 + SizeMaxOf(packet.Properties) + packet switch
    {
        ConnectPacket p => Utf8(p.ClientId) + Utf8(p.UserName) + (p.Password?.Length ?? 0)
            + (p.Will is { } w ? 64 + Utf8(w.Topic) + w.Payload.Length + SizeMaxOf(w.Properties) : 0),
        PublishPacket p => p.Topic.Length + p.Payload.Length,
        SubscribePacket p => p.Topics.Sum(t => 3 + Utf8(t.Filter)),
        SubAckPacket p => p.Codes.Count,
        UnsubscribePacket p => p.Filters.Sum(f => 2 + Utf8(f)),
        UnsubAckPacket p => p.Codes.Count,
        _ => 0,
    };

    private static int SizeMaxOf(MqttProperties properties) =>
        properties.IsEmpty ? 1 : 4 + properties.Values.Sum(v => 7 + (v.Value is string s ? Utf8(s) : v.Value is byte[] b ? b.Length : 0))
            + properties.User.Sum(u => 5 + Utf8(u.Key) + Utf8(u.Value));

    private static int Utf8(string? text) => text is null ? 0 : Encoding.UTF8.GetByteCount(text);

    private ref struct Output(Span<byte> span, MqttVersion version)
    {
        private readonly Span<byte> _span = span;

        public int Length { get; private set; }

        public readonly MqttVersion Version => version;

        public void Byte(byte value) => _span[Length++] = value;

        public void Two(ushort value)
        {
            BinaryPrimitives.WriteUInt16BigEndian(_span[Length..], value);
            Length += 2;
        }

        public void Four(uint value)
        {
            BinaryPrimitives.WriteUInt32BigEndian(_span[Length..], value);
            Length += 4;
        }

        public void Variable(uint value)
        {
            while (value >= 0x80)
            {
                Byte((byte)(value & 0x7F | 0x80));
                value >>= 7;
            }
            Byte((byte)value);
        }

        public void Raw(ReadOnlySpan<byte> bytes)
        {
            bytes.CopyTo(_span[Length..]);
            Length += bytes.Length;
        }

        public void Binary(ReadOnlySpan<byte> bytes)
        {
            Two((ushort)bytes.Length);
            Raw(bytes);
        }

        public void Text(string text)
        {
            var length = Encoding.UTF8.GetBytes(text, _span[(Length + 2)..]);
            Two((ushort)length);
            Length += length;
        }

        public void ReasonAndProperties(ReasonCode reason, MqttProperties properties)
        {
            if (version != MqttVersion.V5 || (reason == ReasonCode.Success && properties.IsEmpty))
                return;
            Byte((byte)reason);
            if (!properties.IsEmpty)
                Properties(properties);
        }

        public void Properties(MqttProperties properties)
        {
            if (version != MqttVersion.V5)
                return;
            if (properties.IsEmpty)
            {
                Byte(0);
                return;
            }
            var list = new Output(_span[(Length + VariableInteger.BytesMax)..], version);
            foreach (var (id, value) in properties.Values)
                list.Property(id, value);
            foreach (var (key, value) in properties.User)
            {
                list.Byte((byte)PropertyId.UserProperty);
                list.Text(key);
                list.Text(value);
            }
            var written = _span.Slice(Length + VariableInteger.BytesMax, list.Length);
            Variable((uint)list.Length);
            Raw(written);
        }

        private void Property(PropertyId id, object value)
        {
            Byte((byte)id);
            switch (MqttProperties.Table[id].Kind)
            {
                case PropertyKind.Bit or PropertyKind.Byte:
                    Byte((byte)(uint)value);
                    break;
                case PropertyKind.Two:
                    Two((ushort)(uint)value);
                    break;
                case PropertyKind.Four:
                    Four((uint)value);
                    break;
                case PropertyKind.Variable:
                    Variable((uint)value);
                    break;
                case PropertyKind.Text:
                    Text((string)value);
                    break;
                default:
                    Binary((byte[])value);
                    break;
            }
        }
    }
}
