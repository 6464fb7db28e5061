namespace Mobility.Platform.Mqtt;

/// <summary>Reason codes of MQTT 5.0 (section 2.4) that door and vehicle send or understand.</summary>
public enum ReasonCode : byte
{
    /// <summary>Done; in SUBACK QoS 0 was granted; in DISCONNECT an ordinary goodbye.</summary>
    Success = 0x00,
    /// <summary>SUBACK: QoS 1 was granted.</summary>
    GrantedQos1 = 0x01,
    /// <summary>A goodbye after which the will speaks all the same.</summary>
    DisconnectWithWill = 0x04,
    /// <summary>Taken, and nobody listens.</summary>
    NoMatchingSubscribers = 0x10,
    /// <summary>UNSUBACK: there was nothing to end.</summary>
    NoSubscriptionExisted = 0x11,
    /// <summary>Refused without a reason.</summary>
    Unspecified = 0x80,
    /// <summary>The bytes are no packet.</summary>
    MalformedPacket = 0x81,
    /// <summary>A packet that does not belong here.</summary>
    ProtocolError = 0x82,
    /// <summary>Valid, but not done here.</summary>
    ImplementationError = 0x83,
    /// <summary>CONNACK: this version is not spoken.</summary>
    UnsupportedProtocolVersion = 0x84,
    /// <summary>CONNACK: not a client identifier for this server.</summary>
    ClientIdentifierNotValid = 0x85,
    /// <summary>CONNACK: the proof is wrong.</summary>
    BadUserNameOrPassword = 0x86,
    /// <summary>Not allowed.</summary>
    NotAuthorized = 0x87,
    /// <summary>CONNACK: come back later.</summary>
    ServerUnavailable = 0x88,
    /// <summary>Too much to do.</summary>
    ServerBusy = 0x89,
    /// <summary>The server stops.</summary>
    ServerShuttingDown = 0x8B,
    /// <summary>This way of authentication is not spoken.</summary>
    BadAuthenticationMethod = 0x8C,
    /// <summary>Silent for 1.5 times the keep-alive.</summary>
    KeepAliveTimeout = 0x8D,
    /// <summary>Another connection has the session now.</summary>
    SessionTakenOver = 0x8E,
    /// <summary>No topic filter, or not one for this sender.</summary>
    TopicFilterInvalid = 0x8F,
    /// <summary>No topic name, or not one for this sender.</summary>
    TopicNameInvalid = 0x90,
    /// <summary>More unanswered PUBLISH than agreed.</summary>
    ReceiveMaximumExceeded = 0x93,
    /// <summary>An alias that was not granted.</summary>
    TopicAliasInvalid = 0x94,
    /// <summary>Longer than agreed.</summary>
    PacketTooLarge = 0x95,
    /// <summary>Too many messages.</summary>
    MessageRateTooHigh = 0x96,
    /// <summary>A limit of the server was reached.</summary>
    QuotaExceeded = 0x97,
    /// <summary>Ended by an operator.</summary>
    AdministrativeAction = 0x98,
    /// <summary>The payload is not what its indicator says.</summary>
    PayloadFormatInvalid = 0x99,
    /// <summary>Nothing is retained here.</summary>
    RetainNotSupported = 0x9A,
    /// <summary>This quality of service is not spoken.</summary>
    QosNotSupported = 0x9B,
    /// <summary>No shared subscriptions here.</summary>
    SharedSubscriptionsNotSupported = 0x9E,
    /// <summary>The time that this connection may last is over.</summary>
    MaximumConnectTime = 0xA0,
    /// <summary>No subscription identifiers here.</summary>
    SubscriptionIdentifiersNotSupported = 0xA1,
    /// <summary>No wildcards here.</summary>
    WildcardSubscriptionsNotSupported = 0xA2,
}

/// <summary>Why bytes are not a packet, and what to tell their sender.</summary>
/// <param name="Reason">For DISCONNECT or CONNACK.</param>
/// <param name="Sentence">For people.</param>
public sealed record MqttFault(ReasonCode Reason, string Sentence);
