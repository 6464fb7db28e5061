using System.Collections.Frozen;

namespace Mobility.Platform.Mqtt;

/// <summary>Property identifiers of MQTT 5.0 (section 2.2.2.2).</summary>
public enum PropertyId : byte
{
    /// <summary>1: the payload is UTF-8.</summary>
    PayloadFormat = 0x01,
    /// <summary>Seconds until the message is worth nothing.</summary>
    MessageExpiry = 0x02,
    /// <summary>Of the payload.</summary>
    ContentType = 0x03,
    /// <summary>Where an answer goes.</summary>
    ResponseTopic = 0x08,
    /// <summary>Ties answer to question.</summary>
    CorrelationData = 0x09,
    /// <summary>Names a subscription.</summary>
    SubscriptionId = 0x0B,
    /// <summary>Seconds that the session outlives its connection.</summary>
    SessionExpiry = 0x11,
    /// <summary>The server named the client.</summary>
    AssignedClientId = 0x12,
    /// <summary>Keep-alive that the server wants, in seconds.</summary>
    ServerKeepAlive = 0x13,
    /// <summary>Of enhanced authentication.</summary>
    AuthenticationMethod = 0x15,
    /// <summary>Of enhanced authentication.</summary>
    AuthenticationData = 0x16,
    /// <summary>0: no reason strings.</summary>
    RequestProblemInformation = 0x17,
    /// <summary>Seconds until the will speaks.</summary>
    WillDelay = 0x18,
    /// <summary>1: tell a response topic.</summary>
    RequestResponseInformation = 0x19,
    /// <summary>Ground of response topics.</summary>
    ResponseInformation = 0x1A,
    /// <summary>Another server to use.</summary>
    ServerReference = 0x1C,
    /// <summary>A sentence for people.</summary>
    ReasonString = 0x1F,
    /// <summary>PUBLISH with QoS 1 and 2 that may be unanswered.</summary>
    ReceiveMaximum = 0x21,
    /// <summary>Highest alias that is taken.</summary>
    TopicAliasMaximum = 0x22,
    /// <summary>A number for a topic.</summary>
    TopicAlias = 0x23,
    /// <summary>Highest quality of service.</summary>
    MaximumQos = 0x24,
    /// <summary>0: nothing is retained.</summary>
    RetainAvailable = 0x25,
    /// <summary>A pair of texts.</summary>
    UserProperty = 0x26,
    /// <summary>In bytes.</summary>
    MaximumPacketSize = 0x27,
    /// <summary>0: no wildcards.</summary>
    WildcardAvailable = 0x28,
    /// <summary>0: no subscription identifiers.</summary>
    SubscriptionIdAvailable = 0x29,
    /// <summary>0: no shared subscriptions.</summary>
    SharedAvailable = 0x2A,
}

/// <summary>How a property is written.</summary>
public enum PropertyKind
{
    /// <summary>One byte, 0 or 1.</summary>
    Bit,
    /// <summary>One byte.</summary>
    Byte,
    /// <summary>Two bytes, big-endian.</summary>
    Two,
    /// <summary>Four bytes, big-endian.</summary>
    Four,
    /// <summary>Variable byte integer.</summary>
    Variable,
    /// <summary>UTF-8 behind its length.</summary>
    Text,
    /// <summary>Bytes behind their length.</summary>
    Binary,
    /// <summary>Two texts.</summary>
    Pair,
}

/// <summary>Properties of one packet or will. Each at most once, except user properties.</summary>
public sealed class MqttProperties
{
    /// <summary>A will's properties have a list of their own in the standard; this stands for it where a packet type is asked for.</summary>
    public const PacketType Will = 0;

    /// <summary>User properties of one packet at most; a packet is bounded in bytes, this bounds what they become in memory.</summary>
    public const int UserPropertiesMax = 32;

    /// <summary>None; it cannot be added to.</summary>
    public static readonly MqttProperties None = new();

    /// <summary>Form of each property and the packets that may carry it (table 2-4 of the standard).</summary>
    public static readonly FrozenDictionary<PropertyId, (PropertyKind Kind, PacketType[] Packets)> Table = new Dictionary<PropertyId, (PropertyKind, PacketType[])>
    {
        [PropertyId.PayloadFormat] = (PropertyKind.Bit, [PacketType.Publish, Will]),
        [PropertyId.MessageExpiry] = (PropertyKind.Four, [PacketType.Publish, Will]),
        [PropertyId.ContentType] = (PropertyKind.Text, [PacketType.Publish, Will]),
        [PropertyId.ResponseTopic] = (PropertyKind.Text, [PacketType.Publish, Will]),
        [PropertyId.CorrelationData] = (PropertyKind.Binary, [PacketType.Publish, Will]),
        [PropertyId.SubscriptionId] = (PropertyKind.Variable, [PacketType.Publish, PacketType.Subscribe]),
        [PropertyId.SessionExpiry] = (PropertyKind.Four, [PacketType.Connect, PacketType.ConnAck, PacketType.Disconnect]),
        [PropertyId.AssignedClientId] = (PropertyKind.Text, [PacketType.ConnAck]),
        [PropertyId.ServerKeepAlive] = (PropertyKind.Two, [PacketType.ConnAck]),
        [PropertyId.AuthenticationMethod] = (PropertyKind.Text, [PacketType.Connect, PacketType.ConnAck, PacketType.Auth]),
        [PropertyId.AuthenticationData] = (PropertyKind.Binary, [PacketType.Connect, PacketType.ConnAck, PacketType.Auth]),
        [PropertyId.RequestProblemInformation] = (PropertyKind.Bit, [PacketType.Connect]),
        [PropertyId.WillDelay] = (PropertyKind.Four, [Will]),
        [PropertyId.RequestResponseInformation] = (PropertyKind.Bit, [PacketType.Connect]),
        [PropertyId.ResponseInformation] = (PropertyKind.Text, [PacketType.ConnAck]),
        [PropertyId.ServerReference] = (PropertyKind.Text, [PacketType.ConnAck, PacketType.Disconnect]),
        [PropertyId.ReasonString] = (PropertyKind.Text, [PacketType.ConnAck, PacketType.PubAck, PacketType.PubRec, PacketType.PubRel, PacketType.PubComp,
            PacketType.SubAck, PacketType.UnsubAck, PacketType.Disconnect, PacketType.Auth]),
        [PropertyId.ReceiveMaximum] = (PropertyKind.Two, [PacketType.Connect, PacketType.ConnAck]),
        [PropertyId.TopicAliasMaximum] = (PropertyKind.Two, [PacketType.Connect, PacketType.ConnAck]),
        [PropertyId.TopicAlias] = (PropertyKind.Two, [PacketType.Publish]),
        [PropertyId.MaximumQos] = (PropertyKind.Bit, [PacketType.ConnAck]),
        [PropertyId.RetainAvailable] = (PropertyKind.Bit, [PacketType.ConnAck]),
        [PropertyId.UserProperty] = (PropertyKind.Pair, [PacketType.Connect, PacketType.ConnAck, PacketType.Publish, Will, PacketType.PubAck, PacketType.PubRec,
            PacketType.PubRel, PacketType.PubComp, PacketType.Subscribe, PacketType.SubAck, PacketType.Unsubscribe, PacketType.UnsubAck, PacketType.Disconnect,
            PacketType.Auth]),
        [PropertyId.MaximumPacketSize] = (PropertyKind.Four, [PacketType.Connect, PacketType.ConnAck]),
        [PropertyId.WildcardAvailable] = (PropertyKind.Bit, [PacketType.ConnAck]),
        [PropertyId.SubscriptionIdAvailable] = (PropertyKind.Bit, [PacketType.ConnAck]),
        [PropertyId.SharedAvailable] = (PropertyKind.Bit, [PacketType.ConnAck]),
    }.ToFrozenDictionary();

    private readonly SortedDictionary<PropertyId, object> _values = []; // uint, string or byte[]

    /// <summary>User properties, in their order; a name may be there twice.</summary>
    public List<KeyValuePair<string, string>> User { get; } = [];

    /// <summary>Whether there is nothing to write.</summary>
    public bool IsEmpty => _values.Count == 0 && User.Count == 0;

    /// <summary>What is there, in the order of the identifiers; user properties apart.</summary>
    public IEnumerable<KeyValuePair<PropertyId, object>> Values => _values;

    /// <summary>The value of a property that is a number; null when it is not there.</summary>
    public uint? Number(PropertyId id) => _values.TryGetValue(id, out var value) ? (uint)value : null;

    /// <summary>The value of a property that is text; null when it is not there.</summary>
    public string? Text(PropertyId id) => _values.GetValueOrDefault(id) as string;

    /// <summary>The value of a property that is bytes; null when it is not there.</summary>
    public byte[]? Binary(PropertyId id) => _values.GetValueOrDefault(id) as byte[];

    /// <summary>Sets a number and returns this list.</summary>
    public MqttProperties With(PropertyId id, uint number) => Set(id, number);

    /// <summary>Sets a text and returns this list.</summary>
    public MqttProperties With(PropertyId id, string text) => Set(id, text);

    /// <summary>Sets bytes and returns this list.</summary>
    public MqttProperties With(PropertyId id, byte[] bytes) => Set(id, bytes);

    /// <summary>False when it was there already.</summary>
    public bool TryAdd(PropertyId id, object value) => _values.TryAdd(id, value);

    private MqttProperties Set(PropertyId id, object value)
    {
        if (ReferenceEquals(this, None))
            throw new InvalidOperationException("The empty properties stay empty.");
        _values[id] = value;
        return this;
    }
}
