using System.Collections.Frozen;

namespace Mobility.Telemetry.Mqtt;

/// <summary>Property identifiers of MQTT 5.0 (section 2.2.2.2).</summary>
internal enum PropertyId : byte
{
    PayloadFormat = 0x01,
    MessageExpiry = 0x02,
    ContentType = 0x03,
    ResponseTopic = 0x08,
    CorrelationData = 0x09,
    SubscriptionId = 0x0B,
    SessionExpiry = 0x11,
    AssignedClientId = 0x12,
    ServerKeepAlive = 0x13,
    AuthenticationMethod = 0x15,
    AuthenticationData = 0x16,
    RequestProblemInformation = 0x17,
    WillDelay = 0x18,
    RequestResponseInformation = 0x19,
    ResponseInformation = 0x1A,
    ServerReference = 0x1C,
    ReasonString = 0x1F,
    ReceiveMaximum = 0x21,
    TopicAliasMaximum = 0x22,
    TopicAlias = 0x23,
    MaximumQos = 0x24,
    RetainAvailable = 0x25,
    UserProperty = 0x26,
    MaximumPacketSize = 0x27,
    WildcardAvailable = 0x28,
    SubscriptionIdAvailable = 0x29,
    SharedAvailable = 0x2A,
}

/// <summary>How a property is written.</summary>
internal enum PropertyKind
{
    Bit,
    Byte,
    Two,
    Four,
    Variable,
    Text,
    Binary,
    Pair,
}

/// <summary>Properties of one packet or will. Each at most once, except user properties.</summary>
internal sealed class MqttProperties
{
    /// <summary>A will's properties have a list of their own in the standard; this stands for it where a packet type is asked for.</summary>
    public const PacketType Will = 0;

    /// <summary>User properties of one packet at most; a packet is bounded in bytes, this bounds what they become in memory.</summary>
    public const int UserPropertiesMax = 32;

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

    public List<KeyValuePair<string, string>> User { get; } = [];

    public bool IsEmpty => _values.Count == 0 && User.Count == 0;

    /// <summary>What is there, in the order of the identifiers; user properties apart.</summary>
    public IEnumerable<KeyValuePair<PropertyId, object>> Values => _values;

    public uint? Number(PropertyId id) => _values.TryGetValue(id, out var value) ? (uint)value : null;

    public string? Text(PropertyId id) => _values.GetValueOrDefault(id) as string;

    public byte[]? Binary(PropertyId id) => _values.GetValueOrDefault(id) as byte[];

    public MqttProperties With(PropertyId id, uint number) => Set(id, number);

    public MqttProperties With(PropertyId id, string text) => Set(id, text);

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
