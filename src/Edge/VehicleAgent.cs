using Microsoft.Extensions.Logging;
using Mobility.Contracts;
using Mobility.Edge.Board;
using Mobility.Edge.Offline;
using Mobility.Edge.Safety;
using Mobility.Edge.Unlock;
using Mobility.Edge.Updates;
using Mobility.Edge.Wire;
using Mobility.Geo;

namespace Mobility.Edge;

/// <summary>
/// One vehicle: reports, obeys, opens on a token, and watches zones, speed, collisions and thieves, with or without network. It has no thread and no timer:
/// <see cref="AgentClockwork"/> calls <see cref="Tick"/> for all agents of a process, the board calls when it feels something, and the connection reads while
/// there is one. Everything happens under one lock of the agent; whatever is told is on the disk before it is sent.
/// </summary>
public sealed partial class VehicleAgent : IBoardListener, IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly AgentSettings _settings;
    private readonly IVehicleBoard _board;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly OfflineBuffer _buffer;
    private readonly DoorLink _link;
    private readonly FenceWatch? _fences;
    private readonly UpdateSlots _slots;
    private readonly StandingOrders _orders;
    private readonly long _startedAt;
    private long _nextReportAt;
    private long _reports;
    private long _dueAt;
    private GeoPoint? _lastFix;
    private int? _limitKph;
    private Overspeed _overspeed;
    private CollisionState _collision = CollisionState.Calm;
    private TamperState _tamper = new();
    private bool _wasLocked;
    private bool _isStopped;

    /// <summary>Opens the vehicle's folder and listens to its board; nothing is sent before the first <see cref="Tick"/>.</summary>
    /// <param name="settings">What it is.</param>
    /// <param name="board">The physical world.</param>
    /// <param name="clock">Every time that the agent knows.</param>
    /// <param name="random">Spreads reconnects; its own, since it is used under the agent's lock.</param>
    /// <param name="log">Connections and faults.</param>
    /// <exception cref="IOException">The folder belongs to another agent, or cannot be written.</exception>
    public VehicleAgent(AgentSettings settings, IVehicleBoard board, TimeProvider clock, Random random, ILogger log)
    {
        (_settings, _board, _clock, _log) = (settings, board, clock, log);
        _slots = UpdateSlots.Open(Path.Combine(settings.DataFolder, "updates"));
        _orders = StandingOrders.Open(settings.DataFolder);
        _buffer = OfflineBuffer.Open(Path.Combine(settings.DataFolder, "buffer"), clock);
        _link = new DoorLink(settings.Door, settings.Vehicle, _buffer, clock, settings.NetworkClock ?? clock, random, _gate, TellTwin, Obey, settings.UpdateKeysUrl is null ? null : HearOffer, log);
        _fences = settings.Zones is { } zones ? new FenceWatch(zones, settings.VehicleTypeId, settings.SpeedLimitKph) : null;
        _startedAt = clock.GetTimestamp();
        if (settings.Door.Certificate is { } certificate)
            _certificateUntil = new DateTimeOffset(certificate.NotAfter.ToUniversalTime());
        _keys = KeyFetch.Read(KeysFile) ?? settings.UnlockKeys;
        _updateKeys = KeyFetch.Read(UpdateKeysFile) ?? settings.UpdateKeys;
        _wasLocked = board.Read().IsLocked;
        if (_orders.Now.SpeedLimitKph is not null)
            LimitAt(null); // also before there is a fix
        HoldStill();
        board.ReportTo(this);
        if (_slots.Start() is { } failed)
            LeaveImage(failed, "did_not_stay_up");
        OnFix();
    }

    /// <summary>The vehicle.</summary>
    public VehicleId Vehicle => _settings.Vehicle;

    /// <summary>When <see cref="Tick"/> has something to do, by the clock's timestamp.</summary>
    public long DueAt => Volatile.Read(ref _dueAt);

    /// <summary>How far the connection is.</summary>
    public LinkState Link
    {
        get
        {
            lock (_gate)
                return _link.State;
        }
    }

    /// <summary>What waits and what was lost.</summary>
    public BufferCounts Counts
    {
        get
        {
            lock (_gate)
                return _buffer.Counts;
        }
    }

    /// <summary>Whether nothing waits and nothing is without its acknowledgement.</summary>
    public bool IsAllAcknowledged
    {
        get
        {
            lock (_gate)
                return _link.InFlight == 0 && _buffer.Counts is { ReportsWaiting: 0, EventsWaiting: 0 };
        }
    }

    /// <summary>Reports that it has taken since it started.</summary>
    public long Reports
    {
        get
        {
            lock (_gate)
                return _reports;
        }
    }

    /// <summary>How fast the vehicle may go where it is.</summary>
    public int SpeedLimitKph
    {
        get
        {
            lock (_gate)
                return _limitKph ?? OwnLimitKph;
        }
    }

    /// <summary>Whether the process is to be started again, since another image is in charge now.</summary>
    public bool WantsRestart { get; private set; }

    /// <summary>Does what is due: connects, reports, sends, looks after updates.</summary>
    public void Tick()
    {
        lock (_gate)
        {
            if (_isStopped)
                return;
            var now = _clock.GetTimestamp();
            var linkDueAt = now + Ticks(_link.Tick());
            if (now >= _nextReportAt)
                Report(now);
            var otherDueAt = Math.Min(Math.Min(LookAfterUpdates(now), LookAfterKeys(now)), LookAfterCertificate(now));
            _link.Pump();
            Volatile.Write(ref _dueAt, Math.Min(Math.Min(_nextReportAt, linkDueAt), otherDueAt));
        }
    }

    /// <inheritdoc/>
    public void OnFix()
    {
        lock (_gate)
        {
            var reading = _board.Read();
            if (_isStopped)
                return;
            NoteLock(reading);
            if (!reading.HasFix)
                return;
            var now = _clock.GetUtcNow();
            _lastFix = reading.Position;
            HoldStill();
            Fence(reading);
            var limit = _limitKph ?? OwnLimitKph;
            (_overspeed, var isTooFast) = _overspeed.Next(reading.SpeedMetersPerSecond, limit, now);
            if (isTooFast)
                Tell(new EventBody { Kind = "overspeed", SpeedMetersPerSecond = Rounded(reading.SpeedMetersPerSecond), LimitKph = limit });
            if (reading.IsLocked)
            {
                (_tamper, var found) = TamperRule.Next(_tamper, reading, now);
                Alarm(found);
            }
        }
    }

    /// <inheritdoc/>
    public void OnMotion(MotionSample sample)
    {
        lock (_gate)
        {
            if (_isStopped)
                return;
            (_collision, var collision) = CollisionRule.Next(_collision, sample);
            if (collision is not null)
                Tell(new EventBody
                {
                    Kind = "collision",
                    PeakG = Rounded(collision.PeakG),
                    SpeedBeforeMetersPerSecond = Rounded(collision.SpeedBefore),
                    SpeedMetersPerSecond = Rounded(collision.SpeedAfter),
                });
            var reading = _board.Read();
            NoteLock(reading);
            if (!reading.IsLocked)
                return;
            (_tamper, var found) = TamperRule.Next(_tamper, sample);
            Alarm(found);
        }
    }

    /// <summary>Says goodbye to the door and closes the folder; what waits is sent at the next start.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            if (_isStopped)
                return;
            _isStopped = true;
        }
        await _stopping.CancelAsync();
        await _updating;
        await _fetching;
        await _renewing;
        await _link.StopAsync(CancellationToken.None);
        lock (_gate)
            _buffer.Dispose();
        _stopping.Dispose();
    }

    /// <summary>Ends everything at once as a crash would: no goodbye. The folder can be opened again.</summary>
    internal async Task CrashAsync()
    {
        lock (_gate)
        {
            _isStopped = true;
            _link.GiveUp();
        }
        await _stopping.CancelAsync();
        await _updating; // in a real crash it ends too; here it would still write into the folder of the next start
        await _link.StopAsync(CancellationToken.None);
        lock (_gate)
            _buffer.Dispose();
    }

    private void Report(long now)
    {
        var (reading, at) = (_board.Read(), _clock.GetUtcNow());
        NoteLock(reading);
        // A report names a place; without one there is nothing to say, but the board is asked again.
        if (reading.HasFix && _buffer.AddReport(at, sequence => EdgePayload.Report(sequence, at, reading, ReportingRate.TellsCharge(_reports, _settings.IsMetered))))
            _reports++;
        _nextReportAt = now + Ticks(ReportingRate.Interval(reading, _settings.IsMetered));
    }

    /// <summary>What the vehicle may do where no zone says less: an order never lets it go faster than it is built to.</summary>
    private int OwnLimitKph => Math.Min(_settings.SpeedLimitKph, _orders.Now.SpeedLimitKph ?? int.MaxValue);

    /// <summary>Tells the motor when the limit is another one here.</summary>
    private int LimitAt(GeoPoint? position)
    {
        var limit = position is { } place && _fences is { } fences ? Math.Min(fences.LimitKphAt(place), OwnLimitKph) : OwnLimitKph;
        if (limit != _limitKph)
            _board.LimitSpeed((_limitKph = limit).Value);
        return limit;
    }

    private void Fence(BoardReading reading)
    {
        var limit = LimitAt(reading.Position);
        if (_fences is null)
            return;
        var crossing = _fences.Move(reading.Position, reading.AccuracyMeters);
        foreach (var zone in crossing.Entered)
            Tell(new EventBody { Kind = "geofence_entered", Zone = zone, LimitKph = limit });
        foreach (var zone in crossing.Left)
            Tell(new EventBody { Kind = "geofence_exited", Zone = zone, LimitKph = limit });
    }

    private void Alarm(Tamper? found)
    {
        if (found is not null)
            Tell(new EventBody { Kind = "tamper", Reason = found.Reason, TiltDegrees = Rounded(found.TiltDegrees) });
    }

    /// <summary>Moves the lock.</summary>
    private bool TrySetLock(bool locked)
    {
        if (!_board.TrySetLock(locked))
            return false;
        LockIs(locked);
        return true;
    }

    /// <summary>A ring lock is closed by hand and the reports tell of it; one that opens without us was forced.</summary>
    private void NoteLock(BoardReading reading)
    {
        if (reading.IsLocked == _wasLocked)
            return;
        LockIs(reading.IsLocked);
        if (!reading.IsLocked)
            Alarm(new Tamper("forced", null));
    }

    private void LockIs(bool locked)
    {
        (_wasLocked, _tamper) = (locked, new TamperState());
        ReportNow(); // the first report at the new rate comes at once
    }

    private void ReportNow()
    {
        _nextReportAt = _clock.GetTimestamp();
        Volatile.Write(ref _dueAt, _nextReportAt);
    }

    /// <summary>Keeps an event, with where the vehicle is, and sends it if there is a connection.</summary>
    private void Tell(EventBody body)
    {
        var (reading, at) = (_board.Read(), _clock.GetUtcNow());
        var isKept = _buffer.AddEvent(at, sequence => EdgePayload.Event(body with
        {
            Sequence = sequence,
            At = at,
            Position = reading.HasFix ? reading.Position : _lastFix, // in a garage the place before it is the best that is known
            StateOfChargePercent = EdgePayload.Charge(reading),
            OdometerMeters = Math.Clamp(reading.OdometerMeters, 0, 10_000_000_000),
        }));
        if (!isKept)
            LogNotKept(_log, Vehicle, body.Kind);
        _link.Pump();
    }

    private long Ticks(TimeSpan time) => (long)(time.TotalSeconds * _clock.TimestampFrequency);

    private static double? Rounded(double? value) => value is { } number && double.IsFinite(number) ? Math.Round(number, 2) : null;

    [LoggerMessage(EventId = 21_010, Level = LogLevel.Error, Message = "{Vehicle} could not keep the event {Kind}: its disk refuses.")]
    private static partial void LogNotKept(ILogger log, VehicleId vehicle, string kind);
}
