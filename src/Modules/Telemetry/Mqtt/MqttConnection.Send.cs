using System.Text.Json;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Mqtt;

namespace Mobility.Telemetry.Mqtt;

/// <summary>Subscriptions, and what is sent because of them.</summary>
internal sealed partial class MqttConnection
{
    private sealed record CommandPayload(VehicleCommandId Id, VehicleCommandKind Kind, DateTimeOffset RequestedAt, DateTimeOffset Deadline, int? SpeedLimitKph);

    /// <summary>What an observer wants to hear: per kind of topic one vehicle, or all (null).</summary>
    private sealed class ObserverFilters
    {
        /// <summary>Filters of one observer.</summary>
        public const int FiltersMax = 32;

        private readonly List<(string Filter, TopicKind Kind, VehicleId? Vehicle)> _filters = [];

        public bool TryAdd(string filter, TopicKind kind, VehicleId? vehicle)
        {
            lock (_filters)
            {
                _filters.RemoveAll(f => f.Filter == filter);
                if (_filters.Count >= FiltersMax)
                    return false;
                _filters.Add((filter, kind, vehicle));
                return true;
            }
        }

        public bool Remove(string filter)
        {
            lock (_filters)
                return _filters.RemoveAll(f => f.Filter == filter) > 0;
        }

        public bool Match(TopicKind kind, VehicleId vehicle)
        {
            lock (_filters)
                return _filters.Exists(f => f.Kind == kind && (f.Vehicle is null || f.Vehicle == vehicle));
        }
    }

    /// <summary>Tells an observer what a vehicle said.</summary>
    public void Observe(TopicKind kind, VehicleId vehicle, ReadOnlyMemory<byte> payload, bool retained)
    {
        if (_observed?.Match(kind, vehicle) is true)
            Send(new PublishPacket { Topic = Utf8(TopicRights.Name(kind, vehicle)), Payload = payload, Retain = retained });
    }

    /// <summary>Tells a vehicle its own status, if it subscribed.</summary>
    public void SendStatus(ReadOnlyMemory<byte> payload, bool retained) => SendOwn(TopicKind.Status, payload, retained);

    /// <summary>Sends on a topic of the vehicle's own, if it subscribed; without acknowledgement when it has no room for more.</summary>
    private void SendOwn(TopicKind kind, ReadOnlyMemory<byte> payload, bool retained)
    {
        if (Session is not { } session || Vehicle is not { } vehicle)
            return;
        var topic = TopicRights.Name(kind, vehicle);
        ushort packetId = 0;
        byte qos;
        lock (session.Gate)
        {
            if (session.Granted(kind) is not { } granted)
                return;
            qos = session.HasRoom(_receiveMaximum) ? granted : (byte)0;
            if (qos > 0)
                packetId = session.Keep(new InFlight(topic, payload.ToArray(), null));
        }
        Send(new PublishPacket { Topic = Utf8(topic), Payload = payload, Qos = qos, PacketId = packetId, Retain = retained });
    }

    /// <summary>Something may wait for the vehicle: it is asked for and sent.</summary>
    public void AskForPending()
    {
        if (Vehicle is { } vehicle && Interlocked.Increment(ref _askedForPending) == 1)
            _ = DeliverPendingAsync(vehicle);
    }

    /// <summary>One at a time; who asks meanwhile is answered by one more look, since the first may have been too early for him.</summary>
    private async Task DeliverPendingAsync(VehicleId vehicle)
    {
        int asked;
        do
        {
            asked = Volatile.Read(ref _askedForPending);
            try
            {
                foreach (var command in await _services.Commands.PendingOfAsync(vehicle, _transport.ConnectionClosed))
                    Deliver(command);
            }
            catch (Exception e) when (e is OperationCanceledException or Npgsql.NpgsqlException or TimeoutException or PeerUnavailableException)
            {
                // The vehicle asks again when it reconnects, and whoever waits for the command has a deadline.
            }
        }
        while (Interlocked.Add(ref _askedForPending, -asked) > 0);
    }

    /// <summary>Sends a command unless this session was sent it before, its time is over, or the vehicle has no room; then it is asked for again after a PUBACK.</summary>
    public void Deliver(PendingCommand command)
    {
        var left = command.Deadline - _clock.GetUtcNow();
        if (Session is not { } session || Vehicle is not { } vehicle || left <= TimeSpan.Zero)
            return;
        var topic = TopicRights.Name(TopicKind.Commands, vehicle);
        var payload = JsonSerializer.SerializeToUtf8Bytes(
            new CommandPayload(command.Id, command.Kind, command.RequestedAt, command.Deadline, command.SpeedLimitKph), MobilityJson.Http);
        ushort packetId = 0;
        byte qos;
        lock (session.Gate)
        {
            if (session.Sent.Count >= MqttSession.SentMax)
                session.Sent.Clear(); // a command that is asked for again after so many is over
            if (session.CommandsQos is not { } granted || !session.HasRoom(_receiveMaximum) || !session.Sent.Add(command.Id))
                return;
            qos = granted;
            if (qos > 0)
                packetId = session.Keep(new InFlight(topic, payload, command));
        }
        SendCommand(topic, payload, qos, packetId, left, duplicate: false);
        TelemetryMetrics.Delivered.Add(1);
    }

    /// <summary>The vehicle came back to its session: what it did not acknowledge goes out again, first and in order.</summary>
    private void Resume()
    {
        var session = Session!;
        List<KeyValuePair<ushort, InFlight>> again;
        var now = _clock.GetUtcNow();
        lock (session.Gate)
        {
            foreach (var (id, _) in session.Unacknowledged.Where(u => u.Value.Command?.Deadline <= now).ToArray())
                session.Unacknowledged.Remove(id); // nobody waits for it any more, and a vehicle must not open late
            again = [.. session.Unacknowledged];
        }
        foreach (var (packetId, message) in again)
            SendCommand(message.Topic, message.Payload, 1, packetId, message.Command?.Deadline - now, duplicate: true);
        AskForPending();
        AskForUpdate();
    }

    private void SendCommand(string topic, byte[] payload, byte qos, ushort packetId, TimeSpan? left, bool duplicate)
    {
        if (payload.Length + topic.Length + 32 > _packetBytesMax)
            return; // the vehicle said that it cannot take it
        var properties = MqttProperties.None;
        if (Version == MqttVersion.V5 && left is { } time)
            properties = new MqttProperties().With(PropertyId.MessageExpiry, (uint)Math.Max(1, time.TotalSeconds));
        Send(new PublishPacket { Topic = Utf8(topic), Payload = payload, Qos = qos, PacketId = packetId, Duplicate = duplicate, Properties = properties });
    }

    private ValueTask AcknowledgedAsync(ushort packetId, CancellationToken ct)
    {
        _ = ct;
        if (Session is not { } session)
            return ValueTask.CompletedTask;
        bool wasFull;
        lock (session.Gate)
        {
            wasFull = !session.HasRoom(_receiveMaximum);
            session.Unacknowledged.Remove(packetId); // one that is unknown was acknowledged before
        }
        if (wasFull)
            AskForPending();
        return ValueTask.CompletedTask;
    }

    private async ValueTask SubscribeAsync(SubscribePacket subscribe, CancellationToken ct)
    {
        if (subscribe.Properties.Number(PropertyId.SubscriptionId) is not null)
        {
            End(ReasonCode.SubscriptionIdentifiersNotSupported);
            return;
        }
        var codes = new List<byte>();
        var retained = new List<VehicleId?>();
        var (wantsCommands, wantsUpdates) = (false, false);
        foreach (var topic in subscribe.Topics)
        {
            var (reason, kind, vehicle) = _rights!.MaySubscribe(topic.Filter);
            if (reason == ReasonCode.Success && Vehicle is null)
                reason = ObserveMore(topic.Filter, kind, vehicle);
            if (reason != ReasonCode.Success)
            {
                codes.Add(Version == MqttVersion.V5 ? (byte)reason : (byte)0x80);
                continue;
            }
            var (isNew, granted) = Grant(kind, topic);
            codes.Add(granted);
            if (kind == TopicKind.Status && (topic.RetainHandling == 0 || (topic.RetainHandling == 1 && isNew)))
                retained.Add(vehicle);
            wantsCommands |= kind == TopicKind.Commands;
            wantsUpdates |= kind == TopicKind.Updates;
        }
        Send(new SubAckPacket(subscribe.PacketId, codes));
        foreach (var vehicle in retained)
            await SendRetainedAsync(vehicle, ct);
        if (wantsCommands)
            AskForPending();
        if (wantsUpdates)
            AskForUpdate();
    }

    private ReasonCode ObserveMore(string filter, TopicKind kind, VehicleId? vehicle)
    {
        if (_observed is null)
        {
            _observed = new ObserverFilters();
            if (!_connections.TryObserve(this))
                return ReasonCode.QuotaExceeded;
            if (_ended != 0)
                _connections.StopObserving(this); // it ended meanwhile and has not seen itself here
        }
        return _observed.TryAdd(filter, kind, vehicle) ? ReasonCode.Success : ReasonCode.QuotaExceeded;
    }

    private (bool IsNew, byte Granted) Grant(TopicKind kind, TopicRequest topic)
    {
        if (Session is not { } session)
            return (true, 0); // an observer that reads too slowly loses messages, which QoS 0 says
        var granted = Math.Min(topic.Qos, (byte)1);
        lock (session.Gate)
        {
            var before = session.Granted(kind);
            session.Grant(kind, granted);
            return (before is null, granted);
        }
    }

    private async Task SendRetainedAsync(VehicleId? vehicle, CancellationToken ct)
    {
        foreach (var (of, payload) in await _services.Statuses.LastAsync(vehicle, ct))
            if (Vehicle is not null)
                SendStatus(payload, retained: true);
            else
                Observe(TopicKind.Status, of, payload, retained: true);
    }

    private void Unsubscribe(UnsubscribePacket unsubscribe)
    {
        var codes = new List<byte>();
        foreach (var filter in unsubscribe.Filters)
            codes.Add((byte)(Drop(filter) ? ReasonCode.Success : ReasonCode.NoSubscriptionExisted));
        Send(new UnsubAckPacket(unsubscribe.PacketId, codes));
    }

    private bool Drop(string filter)
    {
        if (_observed is not null)
            return _observed.Remove(filter);
        if (Session is not { } session || _rights!.MaySubscribe(filter) is not { Reason: ReasonCode.Success, Kind: var kind })
            return false;
        lock (session.Gate)
        {
            var had = session.Granted(kind) is not null;
            session.Grant(kind, null);
            return had;
        }
    }
}
