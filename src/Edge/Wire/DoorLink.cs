using System.IO.Pipelines;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Microsoft.Extensions.Logging;
using Mobility.Contracts;
using Mobility.Edge.Offline;
using Mobility.Platform.Mqtt;

namespace Mobility.Edge.Wire;

/// <summary>How far the connection is.</summary>
public enum LinkState
{
    /// <summary>Not connected; the next try has its time.</summary>
    Away,
    /// <summary>Under way to the door.</summary>
    Connecting,
    /// <summary>The door let the vehicle in.</summary>
    Connected,
}

/// <summary>
/// The vehicle's connection to the platform's door: MQTT 5.0, QoS 1, a session that outlives the connection. No timer and no thread of its own: its owner calls
/// <see cref="Tick"/>, and a reading task exists while there is a socket. What was sent stays in flight until PUBACK; when the door kept the session it is sent
/// again under its number, as the standard wants, and else it waits in the buffer again. All members are used under the owner's lock, which the reading task takes.
/// </summary>
internal sealed partial class DoorLink(
    DoorAddress address, VehicleId vehicle, OfflineBuffer buffer, TimeProvider clock, TimeProvider network, Random random, Lock gate,
    Action onWelcome, Action<ReadOnlyMemory<byte>> onCommand, Action<ReadOnlyMemory<byte>>? onUpdate, ILogger log)
{
    public const ushort KeepAliveSeconds = 60;

    /// <summary>The door keeps a session for a day at most.</summary>
    public const uint SessionExpirySeconds = 86_400;

    /// <summary>A will that waits a little spares the operators every short gap in the network.</summary>
    public const uint WillDelaySeconds = 10;

    /// <summary>Messages without PUBACK; at a round trip of 50 ms a day's backlog is sent in half a minute.</summary>
    public const int InFlightMax = 256;

    public const int PacketBytesMax = 64 * 1024;
    public const int WaitingBytesMax = 1024 * 1024;
    public static readonly TimeSpan ConnectWithin = TimeSpan.FromSeconds(15);

    /// <summary>The door acknowledges nothing while its database is down; after this long another connection may reach another process.</summary>
    public static readonly TimeSpan AcknowledgeWithin = TimeSpan.FromMinutes(5);

    private readonly byte[] _telemetry = Encoding.UTF8.GetBytes($"telemetry/{vehicle}");
    private readonly byte[] _events = Encoding.UTF8.GetBytes($"events/{vehicle}");
    private readonly byte[] _status = Encoding.UTF8.GetBytes($"status/{vehicle}");
    private readonly byte[] _commands = Encoding.UTF8.GetBytes($"commands/{vehicle}");
    private readonly byte[] _updates = Encoding.UTF8.GetBytes($"updates/{vehicle}");
    private readonly OrderedDictionary<ushort, (Buffered Message, long SentAt)> _inFlight = [];
    private CancellationTokenSource? _attempt;
    private Task _running = Task.CompletedTask;
    private Outgoing? _out;
    private long _since;
    private long _sentAt;
    private long _heardAt;
    private long _nextTryAt = long.MinValue;
    private int _failures;
    private int _window = InFlightMax;
    private ushort _lastPacketId;
    private TimeSpan _keepAlive = TimeSpan.FromSeconds(KeepAliveSeconds);
    private bool _isStopping;
    private bool _hasProved;
    private bool _isAnswering;

    public LinkState State { get; private set; }

    public int InFlight => _inFlight.Count;

    /// <summary>Whether the door has acknowledged something since the vehicle started.</summary>
    public bool WasAcknowledged { get; private set; }

    /// <summary>Begins, gives up or proves the connection, whatever is due. Gives after how long it wants to be asked again.</summary>
    public TimeSpan Tick()
    {
        var now = network.GetTimestamp();
        switch (State)
        {
            case LinkState.Away when !_isStopping && now >= _nextTryAt && _running.IsCompleted:
                (State, _since, _attempt) = (LinkState.Connecting, now, new CancellationTokenSource());
                _running = Task.Run(() => RunAsync(address, _attempt)); // name resolution may block
                break;
            case LinkState.Connecting when Passed(_since, ConnectWithin, now):
                GiveUp();
                break;
            case LinkState.Connected when Passed(_heardAt, _keepAlive * 1.5, now):
            case LinkState.Connected when _inFlight.Count > 0 && Passed(_inFlight.GetAt(0).Value.SentAt, AcknowledgeWithin, now):
                GiveUp();
                break;
            case LinkState.Connected when Passed(_sentAt, _keepAlive * 0.5, now):
                Send(PingReqPacket.Instance);
                break;
        }
        return State == LinkState.Away ? network.GetElapsedTime(now, Math.Max(_nextTryAt, now)) : TimeSpan.FromSeconds(1);
    }

    /// <summary>Sends what waits, as much as may be in flight; while the door is answered, the answer goes first: PUBACK before the event of the command.</summary>
    public void Pump()
    {
        while (State == LinkState.Connected && !_isAnswering && _inFlight.Count < _window && buffer.Take() is { } next)
        {
            var id = NextPacketId();
            _inFlight.Add(id, (next.Message, network.GetTimestamp()));
            Publish(id, next.Message, next.Payload, duplicate: false);
        }
    }

    /// <summary>Says goodbye, if there is anybody, and waits until the socket is closed. Called without the lock.</summary>
    public async Task StopAsync(CancellationToken ct)
    {
        Task running;
        lock (gate)
        {
            _isStopping = true;
            if (State == LinkState.Connected)
            {
                PublishStatus(isOnline: false);
                Send(new DisconnectPacket(ReasonCode.Success)); // the door ends the connection, and so the reading task
            }
            else
            {
                GiveUp();
            }
            running = _running;
        }
        try
        {
            await running.WaitAsync(TimeSpan.FromSeconds(2), network, ct);
        }
        catch (TimeoutException)
        {
            lock (gate)
                GiveUp();
            await running.WaitAsync(ct);
        }
        lock (gate)
            ForgetInFlight();
    }

    /// <summary>The next connection is made with this proof; the one that stands is not disturbed, and one that was refused is tried again at once.</summary>
    public void UseFromNowOn(DoorAddress next) => (address, _nextTryAt) = (next, long.MinValue);

    /// <summary>Cuts the connection without a goodbye.</summary>
    public void GiveUp() => _ = _attempt?.CancelAsync(); // on another thread: the reading task takes the lock when it wakes

    private async Task RunAsync(DoorAddress to, CancellationTokenSource attempt)
    {
        var reason = "closed";
        try
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(to.Host, to.Port, attempt.Token);
            await using Stream stream = new NetworkStream(socket, ownsSocket: false);
            if (to.Certificate is null)
            {
                reason = await TalkAsync(stream, attempt.Token);
                return;
            }
            await using var tls = new SslStream(stream);
            await tls.AuthenticateAsClientAsync(to.TlsOptions(), attempt.Token);
            reason = await TalkAsync(tls, attempt.Token);
        }
        catch (Exception e) when (e is IOException or SocketException or AuthenticationException or OperationCanceledException or ObjectDisposedException)
        {
            reason = e is OperationCanceledException ? "gave_up" : e.Message;
        }
        catch (Exception e)
        {
            reason = "broke";
            Log.Broke(log, e, vehicle); // ours to mend; the vehicle goes on and tries again
        }
        finally
        {
            lock (gate)
                Lost(reason); // the source has no timer, so it needs no disposal, and whoever cancels it may be late
        }
    }

    /// <summary>Introduces the vehicle and reads until the connection ends; gives the reason.</summary>
    private async Task<string> TalkAsync(Stream stream, CancellationToken ct)
    {
        var (input, output) = (PipeReader.Create(stream), PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true)));
        var reader = new MqttReader(PacketBytesMax) { Version = MqttVersion.V5 };
        lock (gate)
        {
            _out = new Outgoing(output, WaitingBytesMax);
            Send(Hello());
        }
        while (true)
        {
            var result = await input.ReadAsync(ct);
            var rest = result.Buffer;
            string? end = null;
            lock (gate)
            {
                _heardAt = network.GetTimestamp();
                _isAnswering = true;
                var outcome = ReadOutcome.NeedMore;
                while (end is null && (outcome = reader.TryRead(ref rest, out var packet, out _)) == ReadOutcome.Packet)
                    end = Handle(packet!);
                if (outcome == ReadOutcome.Fault)
                    end = "no_mqtt";
                _isAnswering = false;
                Pump();
            }
            input.AdvanceTo(rest.Start, rest.End);
            if (end is not null || result.IsCompleted)
                return end ?? "closed";
        }
    }

    /// <summary>Null while the connection goes on.</summary>
    private string? Handle(MqttPacket packet)
    {
        switch (packet)
        {
            case ConnAckPacket ack when State == LinkState.Connecting:
                if (ack.Reason != 0)
                    return ((ReasonCode)ack.Reason).ToString();
                Welcome(ack);
                return null;
            case PubAckPacket ack when _inFlight.Remove(ack.PacketId, out var sent):
                buffer.Settle(sent.Message);
                if (ack.Reason >= ReasonCode.Unspecified)
                    EdgeMetrics.Refused.Add(1); // it would be refused again
                Proved();
                return null;
            case SubAckPacket ack:
                Proved();
                return ack.Codes.Any(code => code >= (byte)ReasonCode.Unspecified) ? "not_subscribed" : null;
            case PublishPacket publish when State == LinkState.Connected:
                if (publish.Topic.Span.SequenceEqual(_commands))
                    onCommand(publish.Payload);
                else if (publish.Topic.Span.SequenceEqual(_updates))
                    onUpdate?.Invoke(publish.Payload);
                if (publish.Qos == 1)
                    Send(new PubAckPacket(publish.PacketId, ReasonCode.Success));
                return null;
            case PubAckPacket or PingRespPacket:
                return null;
            case DisconnectPacket goodbye:
                return goodbye.Reason.ToString();
            default:
                return "unexpected_packet";
        }
    }

    private void Welcome(ConnAckPacket ack)
    {
        State = LinkState.Connected;
        EdgeMetrics.Connects.Add(1);
        _keepAlive = TimeSpan.FromSeconds(ack.Properties.Number(PropertyId.ServerKeepAlive) is { } wanted and > 0 ? wanted : KeepAliveSeconds);
        _window = (int)Math.Min(ack.Properties.Number(PropertyId.ReceiveMaximum) ?? ushort.MaxValue, InFlightMax);
        Log.Connected(log, vehicle, _inFlight.Count);
        // Also with a kept session: it costs nothing, and the door looks again what waits for the vehicle.
        byte[][] topics = onUpdate is null ? [_commands] : [_commands, _updates];
        Send(new SubscribePacket(NextPacketId(), [.. topics.Select(topic => new TopicRequest(Encoding.UTF8.GetString(topic), 1))]));
        PublishStatus(isOnline: true);
        onWelcome();
        if (!ack.SessionPresent)
        {
            ForgetInFlight();
            return;
        }
        var now = network.GetTimestamp();
        foreach (var (id, sent) in _inFlight.ToList())
        {
            try
            {
                Publish(id, sent.Message, sent.Message.Segment.Read(sent.Message.Offset, sent.Message.Length), duplicate: true);
                _inFlight[id] = (sent.Message, now);
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException or UnauthorizedAccessException)
            {
                _inFlight.Remove(id); // its file went meanwhile, and was counted
            }
        }
    }

    private ConnectPacket Hello() => new()
    {
        Version = MqttVersion.V5,
        CleanStart = false,
        KeepAliveSeconds = KeepAliveSeconds,
        ClientId = vehicle.ToString(),
        UserName = vehicle.ToString(),
        Password = address.Certificate is null ? Encoding.UTF8.GetBytes(address.Secret ?? "") : null,
        Will = new WillMessage(Encoding.UTF8.GetString(_status), EdgePayload.Status(isOnline: false, null), 1, true,
            new MqttProperties().With(PropertyId.WillDelay, WillDelaySeconds)),
        Properties = new MqttProperties().With(PropertyId.SessionExpiry, SessionExpirySeconds).With(PropertyId.MaximumPacketSize, PacketBytesMax),
    };

    private void PublishStatus(bool isOnline) =>
        Send(new PublishPacket { Topic = _status, Payload = EdgePayload.Status(isOnline, clock.GetUtcNow()), Retain = true });

    private void Publish(ushort id, Buffered message, byte[] payload, bool duplicate) =>
        Send(new PublishPacket { Topic = message.IsEvent ? _events : _telemetry, Payload = payload, Qos = 1, PacketId = id, Duplicate = duplicate });

    private void Send(MqttPacket packet)
    {
        _sentAt = network.GetTimestamp();
        if (_out?.TrySend(packet, MqttVersion.V5) is not true)
            GiveUp();
    }

    private ushort NextPacketId()
    {
        do
            _lastPacketId = _lastPacketId == ushort.MaxValue ? (ushort)1 : (ushort)(_lastPacketId + 1);
        while (_inFlight.ContainsKey(_lastPacketId));
        return _lastPacketId;
    }

    /// <summary>Only an answer shows that the door works: one that lets everybody in and then fails is not asked every second.</summary>
    private void Proved() => (_failures, _hasProved, WasAcknowledged) = (0, true, true);

    private void Lost(string reason)
    {
        _out?.Close();
        (_out, _attempt, State, _isAnswering) = (null, null, LinkState.Away, false);
        _failures = _hasProved ? 1 : _failures + 1;
        _hasProved = false;
        var pause = Reconnect.After(_failures, random.NextDouble());
        _nextTryAt = network.GetTimestamp() + (long)(pause.TotalSeconds * network.TimestampFrequency);
        if (!_isStopping)
            Log.Lost(log, vehicle, reason, pause);
    }

    private void ForgetInFlight()
    {
        foreach (var (message, _) in _inFlight.Values)
            buffer.PutBack(message);
        _inFlight.Clear();
    }

    private bool Passed(long since, TimeSpan time, long now) => network.GetElapsedTime(since, now) > time;

    private static partial class Log
    {
        [LoggerMessage(EventId = 21_001, Level = LogLevel.Information, Message = "{Vehicle} is connected; {Count} messages were in flight before.")]
        public static partial void Connected(ILogger log, VehicleId vehicle, int count);

        [LoggerMessage(EventId = 21_003, Level = LogLevel.Error, Message = "The connection of {Vehicle} broke on our side.")]
        public static partial void Broke(ILogger log, Exception exception, VehicleId vehicle);

        [LoggerMessage(EventId = 21_002, Level = LogLevel.Warning, Message = "{Vehicle} lost the door ({Reason}) and tries again in {Pause}.")]
        public static partial void Lost(ILogger log, VehicleId vehicle, string reason, TimeSpan pause);
    }
}
