using System.Text;
using Microsoft.AspNetCore.Connections;
using Mobility.Contracts;
using Mobility.Platform.Mqtt;
using Mobility.Telemetry.Ingest;

namespace Mobility.Telemetry.Mqtt;

/// <summary>
/// One connection: reads packets, answers them, and hands on what a vehicle says. Reading is one task; everything that is sent to the vehicle may come from any
/// thread. <see cref="End"/> is the one way out, for whatever reason, and acts once.
/// </summary>
internal sealed partial class MqttConnection : IAwaitDurable
{
    /// <summary>Longest packet; a report has about 400 bytes.</summary>
    public const int PacketBytesMax = 64 * 1024;

    /// <summary>PUBLISH packets with QoS 1 that a vehicle may send ahead of their PUBACK (receive maximum of 5.0).</summary>
    public const int ReceiveMaximum = 1_024;

    /// <summary>Bytes that wait for a vehicle that does not read.</summary>
    public const int WaitingBytesMax = 64 * 1024;

    /// <summary>Bytes that wait for an observer.</summary>
    public const int ObserverWaitingBytesMax = 1024 * 1024;

    /// <summary>Longest status and event.</summary>
    public const int SmallPayloadBytesMax = 8 * 1024;

    /// <summary>Longest report.</summary>
    public const int ReportBytesMax = 16 * 1024;

    private readonly ConnectionContext _transport;
    private readonly MqttConnections _connections;
    private readonly MqttServices _services;
    private readonly TimeProvider _clock;
    private readonly MqttReader _reader = new(PacketBytesMax);
    private Outgoing _out;
    private TopicRights? _rights;
    private WillMessage? _will;
    private TimeSpan _silenceMax = MqttDoor.ConnectWithin;
    private int _receiveMaximum = ushort.MaxValue;
    private uint _packetBytesMax = uint.MaxValue;
    private int _unanswered;
    private long _heardAt;
    private DateTimeOffset _goodUntil = DateTimeOffset.MaxValue;
    private volatile bool _isHandingOn;
    private int _askedForPending;
    private int _ended;
    private ObserverFilters? _observed;

    public MqttConnection(ConnectionContext transport, MqttConnections connections, MqttServices services, TimeProvider clock)
    {
        (_transport, _connections, _services, _clock) = (transport, connections, services, clock);
        _out = new Outgoing(transport.Transport.Output, WaitingBytesMax);
        _heardAt = clock.GetTimestamp();
    }

    /// <summary>What the vehicle subscribed and has not acknowledged; set when it enters.</summary>
    public MqttSession? Session { get; set; }

    /// <summary>The session, if the vehicle wants it to outlive this connection.</summary>
    public MqttSession? SessionToKeep => ExpirySeconds > 0 ? Session : null;

    /// <summary>For how long the session is kept when the connection ends.</summary>
    public uint ExpirySeconds { get; private set; }

    private MqttVersion Version => _reader.Version;

    private VehicleId? Vehicle => _rights?.Vehicle;

    public async Task RunAsync()
    {
        var input = _transport.Transport.Input;
        var ct = _transport.ConnectionClosed;
        try
        {
            while (_ended == 0)
            {
                // Without the token of the closed connection: what came before the end is still in the pipe, a goodbye at least.
                var result = await input.ReadAsync(CancellationToken.None);
                var buffer = result.Buffer;
                Volatile.Write(ref _heardAt, _clock.GetTimestamp());
                var outcome = ReadOutcome.NeedMore;
                MqttFault? fault = null;
                while (_ended == 0 && (outcome = _reader.TryRead(ref buffer, out var packet, out fault)) == ReadOutcome.Packet)
                    await HandleAsync(packet!, ct);
                input.AdvanceTo(buffer.Start, buffer.End);
                if (outcome == ReadOutcome.Fault)
                    Refuse(fault!);
                if (result.IsCompleted || result.IsCanceled)
                    return;
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ConnectionResetException or ConnectionAbortedException)
        {
            // the network ended it
        }
        finally
        {
            _out.Close(); // the pipes are completed after this: whoever ends us at the same time has written what he writes, or writes nothing
        }
    }

    /// <summary>
    /// Ends the connection: says why if the version can, lets the will speak unless the vehicle said goodbye, and keeps the session. Null: the other side ended it.
    /// </summary>
    public void End(ReasonCode? reason)
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0)
            return;
        if (reason is { } why)
        {
            TelemetryMetrics.Disconnects.Add(1, new KeyValuePair<string, object?>("reason", why.ToString()));
            if (_rights is not null && Version == MqttVersion.V5)
                _out.TrySend(new DisconnectPacket(why), Version);
        }
        _out.Close();
        if (_observed is not null)
            _connections.StopObserving(this);
        if (Session is { } session)
        {
            SpeakWill(session.Vehicle, reason);
            _connections.Leave(this, session.Vehicle);
        }
        // The reader wakes up and completes the pipes; what was flushed still goes out, but nobody waits long for a reader who does not read.
        _transport.Transport.Input.CancelPendingRead();
        _ = AbortLaterAsync();
    }

    /// <summary>A certificate that has ended holds no connection either: the vehicle comes back with its next one.</summary>
    public void EndIfSilentOrOver(long now)
    {
        if (_clock.GetUtcNow() > _goodUntil)
            End(ReasonCode.MaximumConnectTime);
        if (!_isHandingOn && _clock.GetElapsedTime(Volatile.Read(ref _heardAt), now) > _silenceMax)
            End(ReasonCode.KeepAliveTimeout);
    }

    public bool NoteDurable(ushort packetId)
    {
        Interlocked.Decrement(ref _unanswered);
        return _out.NotePubAck(packetId);
    }

    public void FlushNoted() => _out.Flush();

    private void SpeakWill(VehicleId vehicle, ReasonCode? reason)
    {
        if (Interlocked.Exchange(ref _will, null) is not { } will || reason == ReasonCode.ServerShuttingDown)
            return;
        // A delayed will also waits no longer than the session lives.
        var delay = TimeSpan.FromSeconds(Math.Min(will.Properties.Number(PropertyId.WillDelay) ?? 0, ExpirySeconds));
        if (delay > TimeSpan.Zero)
            _connections.DelayWill(vehicle, will, delay);
        else
            _connections.PublishWill(vehicle, will);
    }

    private async Task AbortLaterAsync()
    {
        await Task.Delay(TimeSpan.FromSeconds(2));
        _transport.Abort();
    }

    private void Refuse(MqttFault fault)
    {
        if (_rights is null)
            TelemetryMetrics.RefusedConnects.Add(1, new KeyValuePair<string, object?>("reason", fault.Reason.ToString()));
        if (_rights is null && fault.Reason == ReasonCode.UnsupportedProtocolVersion)
            _out.TrySend(new ConnAckPacket(false, 1), MqttVersion.V311); // the one answer that every version understands
        End(fault.Reason);
    }

    private ValueTask HandleAsync(MqttPacket packet, CancellationToken ct)
    {
        if (_rights is null)
            return packet is ConnectPacket connect ? ConnectAsync(connect, ct) : Ended(ReasonCode.ProtocolError);
        switch (packet)
        {
            case PublishPacket publish:
                return PublishAsync(publish, ct);
            case PubAckPacket ack:
                return AcknowledgedAsync(ack.PacketId, ct);
            case PingReqPacket:
                Send(PingRespPacket.Instance);
                return ValueTask.CompletedTask;
            case SubscribePacket subscribe:
                return SubscribeAsync(subscribe, ct);
            case UnsubscribePacket unsubscribe:
                Unsubscribe(unsubscribe);
                return ValueTask.CompletedTask;
            case DisconnectPacket disconnect:
                Goodbye(disconnect);
                return ValueTask.CompletedTask;
            default:
                return Ended(ReasonCode.ProtocolError); // a second CONNECT, parts of QoS 2, AUTH, and what only a server sends
        }
    }

    /// <summary>A message of a vehicle. The payload points into the receive buffer, so it is parsed or copied before anything is awaited.</summary>
    private ValueTask PublishAsync(PublishPacket publish, CancellationToken ct)
    {
        if (publish.Qos == 2)
            return Ended(ReasonCode.QosNotSupported);
        if (publish.Properties.Number(PropertyId.TopicAlias) is not null)
            return Ended(ReasonCode.TopicAliasInvalid); // CONNACK granted none
        if (publish.Properties.Number(PropertyId.SubscriptionId) is not null)
            return Ended(ReasonCode.ProtocolError); // a client never sends it
        if (Vehicle is not { } vehicle || _rights!.MayPublish(publish.Topic.Span) is not { } kind)
            return Foreign(publish);
        if (publish.Qos == 1 && Interlocked.Increment(ref _unanswered) > ReceiveMaximum && Version == MqttVersion.V5)
            return Ended(ReasonCode.ReceiveMaximumExceeded);
        if (kind == TopicKind.Status || _connections.HasObservers)
            _connections.Forward(kind, vehicle, publish.Payload);
        return HandOnAsync(Read(publish, kind, vehicle), kind, publish.Payload, ct);
    }

    private IngestMessage Read(PublishPacket publish, TopicKind kind, VehicleId vehicle)
    {
        var now = _clock.GetUtcNow();
        IAwaitDurable? waiting = publish.Qos == 1 ? this : null;
        var payload = publish.Payload.Span;
        if (payload.Length > (kind == TopicKind.Telemetry ? ReportBytesMax : SmallPayloadBytesMax))
            return Bad("too_long");
        switch (kind)
        {
            case TopicKind.Telemetry:
                return ReportPayload.Read(payload, vehicle, now) is { } report
                    ? new IngestMessage(MessageKind.Report, vehicle, now, null, report, null, null, waiting, publish.PacketId)
                    : Bad("malformed");
            case TopicKind.Status:
                return new IngestMessage(MessageKind.Status, vehicle, now, payload.ToArray(), null, null, null, waiting, publish.PacketId);
            default:
                return EventPayload.Read(payload) is { } read
                    ? EventRules.Check(read, now) is { } reason ? Bad(reason)
                        : new IngestMessage(MessageKind.Event, vehicle, now, payload.ToArray(), null, null, null, waiting, publish.PacketId) { Event = read }
                    : Bad("malformed");
        }

        IngestMessage Bad(string reason) => new(
            MessageKind.Quarantine, vehicle, now, publish.Payload[..Math.Min(publish.Payload.Length, BatchStore.QuarantinedBytesMax)].ToArray(), null, reason,
            TopicRights.Name(kind, vehicle), waiting, publish.PacketId);
    }

    private ValueTask HandOnAsync(in IngestMessage message, TopicKind kind, ReadOnlyMemory<byte> payload, CancellationToken ct)
    {
        _ = (kind, payload);
        if (message.Kind != MessageKind.Event)
            return _services.Ingest.TryPut(message) ? ValueTask.CompletedTask : WaitAsync(_services.Ingest.PutAsync(message, ct));
        return _services.Events.TryPut(message) ? ValueTask.CompletedTask : WaitAsync(_services.Events.PutAsync(message, ct));
    }

    /// <summary>While we cannot take what the vehicle says, its silence is ours.</summary>
    private async ValueTask WaitAsync(ValueTask put)
    {
        _isHandingOn = true;
        try
        {
            await put;
        }
        finally
        {
            Volatile.Write(ref _heardAt, _clock.GetTimestamp());
            _isHandingOn = false;
        }
    }

    /// <summary>A topic that is not the sender's. 5.0 can say so in PUBACK; otherwise the standard leaves closing.</summary>
    private ValueTask Foreign(PublishPacket publish)
    {
        TelemetryMetrics.Quarantined.Add(1, new KeyValuePair<string, object?>("reason", "foreign_topic"));
        if (publish.Qos == 0 || Version != MqttVersion.V5)
            return Ended(ReasonCode.NotAuthorized);
        Send(new PubAckPacket(publish.PacketId, ReasonCode.NotAuthorized));
        return ValueTask.CompletedTask;
    }

    private void Goodbye(DisconnectPacket disconnect)
    {
        if (disconnect.Properties.Number(PropertyId.SessionExpiry) is { } expiry)
        {
            if (ExpirySeconds == 0 && expiry > 0)
            {
                End(ReasonCode.ProtocolError);
                return;
            }
            ExpirySeconds = MqttConnections.KeptSeconds(expiry);
        }
        if (disconnect.Reason != ReasonCode.DisconnectWithWill)
            _will = null;
        End(null);
    }

    private void Send(MqttPacket packet)
    {
        if (_out.TrySend(packet, Version) || _ended != 0)
            return;
        End(ReasonCode.QuotaExceeded); // a slow reader, or one that is gone
    }

    private ValueTask Ended(ReasonCode reason)
    {
        End(reason);
        return ValueTask.CompletedTask;
    }

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
