using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Mobility.Contracts;
using Mobility.Platform.Mqtt;
using Mobility.Telemetry.Ingest;

namespace Mobility.Telemetry.Mqtt;

/// <summary>Who is connected to this process, who was a moment ago, and who observes.</summary>
internal sealed partial class MqttConnections(MqttServices services, TimeProvider clock, ILogger<MqttConnections> log)
{
    /// <summary>Connections that have not said CONNECT yet; beyond, new ones are cut off at once, and vehicles try again later with jitter.</summary>
    public const int HalfOpenMax = 2_000;

    /// <summary>Observers at the same time.</summary>
    public const int ObserversMax = 16;

    /// <summary>Longest life of a session that nobody is connected to.</summary>
    public static readonly TimeSpan SessionAgeMax = TimeSpan.FromHours(24);

    /// <summary>Sessions that nobody is connected to; beyond, none is kept.</summary>
    public const int SessionsMax = 200_000;

    private static readonly TimeSpan SweepEvery = TimeSpan.FromSeconds(1);
    private static readonly object HalfOpenKey = new();

    private readonly Lock _seats = new();
    private readonly ConcurrentDictionary<MqttConnection, bool> _all = new();
    private readonly ConcurrentDictionary<Guid, MqttConnection> _byVehicle = new();
    private readonly ConcurrentDictionary<Guid, MqttSession> _sessions = new();
    private readonly ConcurrentDictionary<Guid, (WillMessage Will, long DueAt)> _wills = new();
    private ImmutableArray<MqttConnection> _observers = [];
    private int _halfOpen;

    /// <summary>For how long we keep a session whose vehicle asked for so many seconds.</summary>
    public static uint KeptSeconds(uint wanted) => Math.Min(wanted, (uint)SessionAgeMax.TotalSeconds);

    public int Count => _byVehicle.Count;

    public bool HasObservers => !_observers.IsEmpty;

    public MqttConnection? Of(VehicleId vehicle) => _byVehicle.GetValueOrDefault(vehicle.Value);

    /// <summary>First in the line of a connection, before TLS: bounds those that have not shown who they are.</summary>
    public ConnectionDelegate Gate(ConnectionDelegate next) => async connection =>
    {
        if (Interlocked.Increment(ref _halfOpen) > HalfOpenMax)
        {
            Interlocked.Decrement(ref _halfOpen);
            TelemetryMetrics.RefusedConnects.Add(1, new KeyValuePair<string, object?>("reason", "half_open"));
            connection.Abort();
            return;
        }
        connection.Items[HalfOpenKey] = true;
        try
        {
            await next(connection);
        }
        finally
        {
            LetIn(connection);
        }
    };

    /// <summary>The connection is half open no more.</summary>
    public void LetIn(ConnectionContext connection)
    {
        if (connection.Items.Remove(HalfOpenKey))
            Interlocked.Decrement(ref _halfOpen);
    }

    public async Task ServeAsync(ConnectionContext transport)
    {
        var connection = new MqttConnection(transport, this, services, clock);
        _all[connection] = true;
        try
        {
            await connection.RunAsync();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogBroke(log, e);
        }
        finally
        {
            connection.End(null);
            _all.TryRemove(connection, out _);
        }
    }

    /// <summary>
    /// A vehicle has proved who it is. An older connection of it ends and hands its session over, whether or not anybody has noticed yet that it is dead. True
    /// when the session existed before.
    /// </summary>
    public bool Enter(MqttConnection connection, VehicleId vehicle, string clientId, bool cleanStart)
    {
        MqttConnection? before;
        bool isKept;
        lock (_seats)
        {
            before = _byVehicle.GetValueOrDefault(vehicle.Value);
            _sessions.TryRemove(vehicle.Value, out var left);
            _byVehicle[vehicle.Value] = connection;
            var session = before is null ? left : before.SessionToKeep;
            isKept = !cleanStart && session?.ClientId == clientId;
            connection.Session = isKept ? session : new MqttSession(vehicle, clientId);
        }
        _wills.TryRemove(vehicle.Value, out _); // it came back before its delayed will was due
        if (before is not null)
            before.End(ReasonCode.SessionTakenOver);
        else
            TelemetryMetrics.Connections.Add(1);
        return isKept;
    }

    /// <summary>The connection is over; its session is kept for a while, unless another connection has taken the seat and the session with it.</summary>
    public void Leave(MqttConnection connection, VehicleId vehicle)
    {
        lock (_seats)
        {
            if (!_byVehicle.TryRemove(KeyValuePair.Create(vehicle.Value, connection)))
                return;
            if (connection.SessionToKeep is { } session && _sessions.Count < SessionsMax)
            {
                (session.LeftAt, session.KeptFor) = (clock.GetTimestamp(), TimeSpan.FromSeconds(connection.ExpirySeconds));
                _sessions[vehicle.Value] = session;
            }
        }
        TelemetryMetrics.Connections.Add(-1);
    }

    public void DelayWill(VehicleId vehicle, WillMessage will, TimeSpan delay) =>
        _wills[vehicle.Value] = (will, clock.GetTimestamp() + (long)(delay.TotalSeconds * clock.TimestampFrequency));

    public bool TryObserve(MqttConnection observer)
    {
        while (true)
        {
            var before = _observers;
            if (before.Length >= ObserversMax)
                return false;
            if (ImmutableInterlocked.InterlockedCompareExchange(ref _observers, before.Add(observer), before) == before)
                return true;
        }
    }

    public void StopObserving(MqttConnection observer) => ImmutableInterlocked.Update(ref _observers, observers => observers.Remove(observer));

    /// <summary>What a vehicle said, for those who observe and for itself.</summary>
    public void Forward(TopicKind kind, VehicleId vehicle, ReadOnlyMemory<byte> payload)
    {
        foreach (var observer in _observers)
            observer.Observe(kind, vehicle, payload, retained: false);
        if (kind == TopicKind.Status)
            Of(vehicle)?.SendStatus(payload, retained: false);
    }

    /// <summary>A status that the vehicle did not say itself: its last will.</summary>
    public void PublishWill(VehicleId vehicle, WillMessage will)
    {
        var message = new IngestMessage(MessageKind.Status, vehicle, clock.GetUtcNow(), will.Payload, null, null, null, null, 0);
        if (!services.Ingest.TryPut(message))
            TelemetryMetrics.Dropped.Add(1);
        Forward(TopicKind.Status, vehicle, will.Payload);
    }

    /// <summary>Ends the connection of a vehicle whose credentials changed.</summary>
    public void Expel(VehicleId vehicle)
    {
        Of(vehicle)?.End(ReasonCode.AdministrativeAction);
        _sessions.TryRemove(vehicle.Value, out _);
    }

    /// <summary>Commands may have been missed: every vehicle that is here is asked for.</summary>
    public void AskForAll()
    {
        foreach (var (_, connection) in _byVehicle)
            connection.AskForPending();
    }

    /// <summary>News of updates may have been missed.</summary>
    public void AskForAllUpdates()
    {
        foreach (var (_, connection) in _byVehicle)
            connection.AskForUpdate();
    }

    public void CloseAll()
    {
        foreach (var connection in _all.Keys)
            connection.End(ReasonCode.ServerShuttingDown);
    }

    /// <summary>One clock for all: who has been silent too long, whose session is over, whose will is due.</summary>
    public async Task SweepAsync(CancellationToken ct)
    {
        using var timer = new PeriodicTimer(SweepEvery);
        try
        {
            while (await timer.WaitForNextTickAsync(ct))
                Sweep(clock.GetTimestamp());
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // the door closes
        }
    }

    private void Sweep(long now)
    {
        foreach (var (connection, _) in _all)
            connection.EndIfSilentOrOver(now);
        foreach (var (vehicle, session) in _sessions)
            if (clock.GetElapsedTime(session.LeftAt, now) is var age && age > session.KeptFor)
                _sessions.TryRemove(KeyValuePair.Create(vehicle, session));
        foreach (var (vehicle, will) in _wills)
            if (now >= will.DueAt && _wills.TryRemove(KeyValuePair.Create(vehicle, will)))
                PublishWill(new VehicleId(vehicle), will.Will);
    }

    [LoggerMessage(EventId = 8111, Level = LogLevel.Error, Message = "A connection of a vehicle broke on our side.")]
    private static partial void LogBroke(ILogger log, Exception exception);
}
