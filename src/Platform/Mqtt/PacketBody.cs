using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace Mobility.Platform.Mqtt;

/// <summary>
/// Reads the body of one packet. The first fault is kept and everything read after it is empty, so that a parser needs to look once, at the end; nothing throws.
/// </summary>
internal ref struct PacketBody(ReadOnlyMemory<byte> body)
{
    private readonly ReadOnlySpan<byte> _span = body.Span;
    private int _position;

    public MqttFault? Fault { get; private set; }

    public readonly int Left => _span.Length - _position;

    public void Fail(ReasonCode reason, string sentence)
    {
        Fault ??= new MqttFault(reason, sentence);
        _position = _span.Length;
    }

    public byte Byte()
    {
        if (Left < 1)
            return (byte)Short();
        return _span[_position++];
    }

    public ushort Two()
    {
        if (Left < 2)
            return (ushort)Short();
        _position += 2;
        return BinaryPrimitives.ReadUInt16BigEndian(_span[(_position - 2)..]);
    }

    public uint Four()
    {
        if (Left < 4)
            return Short();
        _position += 4;
        return BinaryPrimitives.ReadUInt32BigEndian(_span[(_position - 4)..]);
    }

    public uint Variable()
    {
        switch (VariableInteger.TryRead(_span[_position..], out var value, out var length))
        {
            case true:
                _position += length;
                return value;
            case false:
                Fail(ReasonCode.MalformedPacket, "A variable byte integer has more than four bytes.");
                return 0;
            default:
                return Short();
        }
    }

    public ReadOnlyMemory<byte> Bytes(int length)
    {
        if (Left < length)
        {
            Short();
            return default;
        }
        _position += length;
        return body.Slice(_position - length, length);
    }

    public ReadOnlyMemory<byte> Binary() => Bytes(Two());

    public ReadOnlyMemory<byte> Rest() => Bytes(Left);

    /// <summary>UTF-8 as section 1.5.4 wants it: well-formed and without U+0000.</summary>
    public ReadOnlyMemory<byte> TextBytes()
    {
        var bytes = Binary();
        if (Utf8.IsValid(bytes.Span) && !bytes.Span.Contains((byte)0))
            return bytes;
        Fail(ReasonCode.MalformedPacket, "A text is not UTF-8, or holds U+0000.");
        return default;
    }

    public string Text() => Encoding.UTF8.GetString(TextBytes().Span);

    public ushort PacketId()
    {
        var id = Two();
        if (id == 0)
            Fail(ReasonCode.ProtocolError, "A packet identifier is not 0.");
        return id;
    }

    /// <summary>The property list of a packet of MQTT 5.0.</summary>
    public MqttProperties Properties(PacketType packet)
    {
        var length = Variable();
        if (length == 0)
            return MqttProperties.None;
        if (length > Left)
        {
            Short();
            return MqttProperties.None;
        }
        var end = _position + (int)length;
        var properties = new MqttProperties();
        while (Fault is null && _position < end)
            Property(packet, properties);
        if (Fault is null && _position != end)
            Fail(ReasonCode.MalformedPacket, "A property goes beyond the end of its list.");
        return properties;
    }

    private void Property(PacketType packet, MqttProperties properties)
    {
        var number = Variable();
        if (number > byte.MaxValue || !MqttProperties.Table.TryGetValue((PropertyId)number, out var form))
        {
            Fail(ReasonCode.MalformedPacket, "There is no property with this identifier.");
            return;
        }
        var id = (PropertyId)number;
        if (Array.IndexOf(form.Packets, packet) < 0)
        {
            Fail(ReasonCode.ProtocolError, $"The property {id} does not belong here.");
            return;
        }
        if (form.Kind == PropertyKind.Pair)
        {
            var pair = KeyValuePair.Create(Text(), Text());
            if (properties.User.Count >= MqttProperties.UserPropertiesMax)
                Fail(ReasonCode.QuotaExceeded, $"A packet has at most {MqttProperties.UserPropertiesMax} user properties here.");
            else
                properties.User.Add(pair);
            return;
        }
        object value = form.Kind switch
        {
            PropertyKind.Bit or PropertyKind.Byte => (uint)Byte(),
            PropertyKind.Two => (uint)Two(),
            PropertyKind.Four => Four(),
            PropertyKind.Variable => Variable(),
            PropertyKind.Text => Text(),
            _ => Binary().ToArray(),
        };
        if (Fault is not null)
            return;
        if (!properties.TryAdd(id, value))
            Fail(ReasonCode.ProtocolError, $"The property {id} is there twice.");
        else if (form.Kind == PropertyKind.Bit && (uint)value > 1)
            Fail(ReasonCode.ProtocolError, $"The property {id} is 0 or 1.");
        else if (id == PropertyId.TopicAlias && (uint)value == 0)
            Fail(ReasonCode.TopicAliasInvalid, "A topic alias is not 0.");
        else if (id is PropertyId.ReceiveMaximum or PropertyId.MaximumPacketSize or PropertyId.SubscriptionId && (uint)value == 0)
            Fail(ReasonCode.ProtocolError, $"The property {id} is not 0.");
    }

    private uint Short()
    {
        Fail(ReasonCode.MalformedPacket, "The packet is shorter than what it says it holds.");
        return 0;
    }
}

/// <summary>The variable byte integer of section 1.5.5: seven bits a byte, at most four bytes, 0 to 268,435,455.</summary>
internal static class VariableInteger
{
    public const int BytesMax = 4;

    /// <summary>True: read. False: more than four bytes. Null: not all of it is there.</summary>
    public static bool? TryRead(ReadOnlySpan<byte> bytes, out uint value, out int length)
    {
        value = 0;
        for (length = 0; length < BytesMax; length++)
        {
            if (length == bytes.Length)
                return null;
            value |= (bytes[length] & 0x7Fu) << (7 * length);
            if (bytes[length] < 0x80)
            {
                length++;
                return true;
            }
        }
        return false;
    }

    public static int LengthOf(int value) => value < 1 << 7 ? 1 : value < 1 << 14 ? 2 : value < 1 << 21 ? 3 : 4;
}
