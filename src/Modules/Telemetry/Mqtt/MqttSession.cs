using Mobility.Contracts;

namespace Mobility.Telemetry.Mqtt;

/// <summary>A command on its way to a vehicle.</summary>
internal sealed record PendingCommand(VehicleCommandId Id, VehicleCommandKind Kind, DateTimeOffset RequestedAt, DateTimeOffset Deadline, int? SpeedLimitKph);

/// <summary>What was sent with QoS 1 and is not acknowledged.</summary>
internal sealed record InFlight(string Topic, byte[] Payload, PendingCommand? Command);

/// <summary>
/// What outlives a connection of a vehicle: its subscriptions and what it has not acknowledged. It lives in this process only: after a restart, or at another
/// process, the vehicle is told that there is no session and subscribes again, and what waits for it comes from Fleet's streams. Its content is used under <see cref="Gate"/>, since a connection that ends may still be busy when the next one has it.
/// </summary>
internal sealed class MqttSession(VehicleId vehicle, string clientId)
{
    /// <summary>Packets that may be unacknowledged at once, whatever the vehicle would take.</summary>
    public const int InFlightMax = 32;

    /// <summary>Commands whose sending is remembered.</summary>
    public const int SentMax = 1_000;

    private ushort _lastPacketId;

    public Lock Gate { get; } = new();

    public VehicleId Vehicle => vehicle;

    public string ClientId => clientId;

    /// <summary>Granted QoS of the vehicle's own command topic; null when it did not subscribe.</summary>
    public byte? CommandsQos { get; private set; }

    /// <summary>Granted QoS of the vehicle's own status topic.</summary>
    public byte? StatusQos { get; private set; }

    /// <summary>Granted QoS of the vehicle's own topic of updates.</summary>
    public byte? UpdatesQos { get; private set; }

    /// <summary>Since when nobody is connected; by the machine's clock.</summary>
    public long LeftAt { get; set; }

    public TimeSpan KeptFor { get; set; }

    /// <summary>By packet identifier, in the order of sending.</summary>
    public OrderedDictionary<ushort, InFlight> Unacknowledged { get; } = [];

    /// <summary>Commands that this session was sent, so that two ways of hearing of one do not send it twice.</summary>
    public HashSet<VehicleCommandId> Sent { get; } = [];

    /// <summary>What was granted for a kind of topic; null when the vehicle did not subscribe to it.</summary>
    public byte? Granted(TopicKind kind) => kind switch
    {
        TopicKind.Commands => CommandsQos,
        TopicKind.Updates => UpdatesQos,
        _ => StatusQos,
    };

    public void Grant(TopicKind kind, byte? qos)
    {
        switch (kind)
        {
            case TopicKind.Commands:
                CommandsQos = qos;
                break;
            case TopicKind.Updates:
                UpdatesQos = qos;
                break;
            default:
                StatusQos = qos;
                break;
        }
    }

    public bool HasRoom(int receiveMaximum) => Unacknowledged.Count < Math.Min(receiveMaximum, InFlightMax);

    /// <summary>Keeps a message until it is acknowledged and names it.</summary>
    public ushort Keep(InFlight message)
    {
        do
            _lastPacketId = _lastPacketId == ushort.MaxValue ? (ushort)1 : (ushort)(_lastPacketId + 1);
        while (Unacknowledged.ContainsKey(_lastPacketId));
        Unacknowledged.Add(_lastPacketId, message);
        return _lastPacketId;
    }
}
