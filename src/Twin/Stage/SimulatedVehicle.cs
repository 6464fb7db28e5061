using Microsoft.Extensions.Logging.Abstractions;
using Mobility.Contracts;
using Mobility.Edge;
using Mobility.Edge.Board;
using Mobility.Edge.Wire;
using Mobility.Geo;

namespace Mobility.Twin.Stage;

/// <summary>
/// A vehicle: the agent that ships, at the platform's MQTT door, on a simulated board and with a clock of its own that its rides move. So what it reports has the
/// trip's own times, however far the replay's clock has come meanwhile.
/// </summary>
internal sealed class SimulatedVehicle : IAsyncDisposable
{
    /// <summary>The crew swaps a battery that has less; far enough above the least charge that no trip needs it all.</summary>
    public const int SwapBelowPercent = 30;

    /// <summary>A vehicle on a metered link tells its place twice a minute.</summary>
    public static readonly TimeSpan ReportEvery = TimeSpan.FromSeconds(30);

    private readonly AgentSettings _settings;
    private readonly VehicleBuild _build;
    private readonly SimulatedBoard _board;
    private readonly OwnClock _clock;
    private VehicleAgent _agent;
    private double _charge = 100;
    private double _odometerMeters;
    private double _odometerBeforeRide;
    private long _reportsBefore;
    private bool _hasDied;

    private SimulatedVehicle(AgentSettings settings, VehicleBuild build, GeoPoint position, int chargePercent, OwnClock clock, KeptVehicle? was)
    {
        (_settings, _build, Position, _charge, _clock) = (settings, build, position, chargePercent, clock);
        if (was is not null)
            (_charge, _odometerMeters, _odometerBeforeRide, _reportsBefore) = (was.ChargePercent, was.OdometerMeters, was.OdometerBeforeRideMeters, was.Reports);
        _board = new SimulatedBoard(new BoardReading
        {
            Position = position,
            StateOfChargePercent = was is null ? chargePercent : ChargeShown,
            OdometerMeters = (long)_odometerMeters,
            IsLocked = was?.IsLocked ?? true,
        });
        _agent = NewAgent();
    }

    public VehicleId Id => _settings.Vehicle;

    /// <summary>Where it really is; its receiver may say something else.</summary>
    public GeoPoint Position { get; private set; }

    public VehicleBuild Build => _build;

    public double ChargePercent => _charge;

    public bool NeedsSwap => _charge < SwapBelowPercent;

    /// <summary>What is wrong with it.</summary>
    public VehicleFaults Faults { get; init; } = new();

    /// <summary>Whether its battery gave out: it hears and says nothing.</summary>
    public bool IsDead { get; private set; }

    /// <summary>Reports that it has taken; each is told once.</summary>
    public long Reports => _reportsBefore + _agent.Reports;

    /// <summary>Of its last report, when it stands.</summary>
    public DateTimeOffset ClockAt => _clock.GetUtcNow();

    public bool IsConnected => _agent.Link == LinkState.Connected;

    public bool IsAllAcknowledged => _agent.IsAllAcknowledged;

    /// <summary>Whether it stands and nobody has it: what a person sees in the street, whatever the platform has heard yet.</summary>
    public bool IsIdle { get; set; } = true;

    /// <summary>What it is busy with after a ride; it is back in the search when this is done.</summary>
    public Task Returning { get; set; } = Task.CompletedTask;

    private int ChargeShown => (int)Math.Clamp(Math.Round(_charge), 1, 100);

    /// <summary>Switches a vehicle on that stands in the street, or one that an interrupted run left somewhere.</summary>
    public static SimulatedVehicle Start(
        VehicleId id, VehicleBuild build, GeoPoint position, int chargePercent, TwinClock clock, DoorAddress door, string folder, VehicleFaults? faults = null,
        KeptVehicle? was = null)
    {
        Directory.CreateDirectory(folder);
        var settings = new AgentSettings
        {
            Vehicle = id,
            Door = door,
            DataFolder = folder,
            SpeedLimitKph = build.SpeedLimitKph,
            IsMetered = true,
            NetworkClock = TimeProvider.System,
        };
        var ahead = faults?.ClockIsAhead ?? TimeSpan.Zero;
        var own = clock is RunningClock ? new RunningOwnClock(ahead) : new OwnClock(clock.GetUtcNow() + ahead);
        return new SimulatedVehicle(settings, build, position, chargePercent, own, was)
        {
            Faults = faults ?? new(),
        };
    }

    /// <summary>What it needs to go on another day; its folder keeps the rest.</summary>
    public KeptVehicle ToState() => new()
    {
        ClockAt = ClockAt,
        Position = Position,
        ChargePercent = _charge,
        OdometerMeters = _odometerMeters,
        OdometerBeforeRideMeters = _odometerBeforeRide,
        Reports = Reports,
        IsLocked = _board.Read().IsLocked,
    };

    /// <summary>Keeps the connection alive and sends what waits.</summary>
    public void Tick() => _agent.Tick();

    /// <summary>A ride begins at a time: what the lock does from now on happens then.</summary>
    public void BeginAt(DateTimeOffset time)
    {
        SetClock(time);
        _odometerBeforeRide = _odometerMeters;
        Tick();
    }

    /// <summary>It is at a place of its way, so many meters from the begin, and reports it; at the end it stands.</summary>
    public void Pass(DateTimeOffset time, GeoPoint position, double meters, double speed)
    {
        Move(time, position, meters, speed);
        Tick();
    }

    /// <summary>The crew switches it off for the way, so that nobody takes them for thieves.</summary>
    public async Task CarryAsync(GeoPoint to, DateTimeOffset time)
    {
        _reportsBefore += _agent.Reports;
        await _agent.DisposeAsync();
        Position = to;
        _board.Set(before => before with { Position = to });
        SetClock(time);
        _agent = NewAgent();
        _agent.Tick();
    }

    /// <summary>It stands, and says so once.</summary>
    public void Rest(DateTimeOffset time)
    {
        SetClock(time);
        Tick();
    }

    /// <summary>Somebody carries it away, locked as it is.</summary>
    public void DragTo(DateTimeOffset time, GeoPoint to)
    {
        Position = to;
        Set(time, before => before with { Position = to });
        Tick();
    }

    /// <summary>The battery gives out in the middle of whatever it does.</summary>
    public Task DieAsync()
    {
        (IsDead, _hasDied, _charge) = (true, true, 0);
        return _agent.CrashAsync();
    }

    /// <summary>Whether its battery gives out here, so many meters from the begin.</summary>
    public bool DiesAt(double meters) => !_hasDied && meters >= Faults.DiesAfterMeters;

    public void Charge(int percent)
    {
        _charge = percent;
        _board.Set(before => before with { StateOfChargePercent = percent });
        if (!IsDead)
            return;
        (IsDead, _reportsBefore, _agent) = (false, Reports, NewAgent()); // its memory has kept what waited
        _agent.Tick();
    }

    /// <summary>Whether its lock no longer moves.</summary>
    public bool IsLockStuck
    {
        get => _board.IsLockStuck;
        set => _board.IsLockStuck = value;
    }

    public ValueTask DisposeAsync() => _agent.DisposeAsync();

    private void Move(DateTimeOffset time, GeoPoint position, double meters, double speed)
    {
        var odometer = _odometerBeforeRide + meters;
        _charge -= 100.0 * (odometer - _odometerMeters) / _build.RangeMeters;
        _odometerMeters = odometer;
        Position = position;
        Set(time, before => before with
        {
            Position = Faults.Receive is { } receive ? receive(position) : position,
            SpeedMetersPerSecond = speed,
            OdometerMeters = (long)_odometerMeters,
            StateOfChargePercent = ChargeShown,
        });
    }

    /// <summary>
    /// Another place, and another time, at once: somebody else may tick meanwhile (<see cref="VehicleTicks"/>), and what is reported as of this time must be what
    /// is; and the agent, who hears of the change at once, must not date what it finds as of the time before.
    /// </summary>
    private void Set(DateTimeOffset time, Func<BoardReading, BoardReading> change) => _board.Set(before =>
    {
        SetClock(time);
        return change(before);
    });

    private void SetClock(DateTimeOffset time) => _clock.MoveTo(time + Faults.ClockIsAhead);

    private VehicleAgent NewAgent() => new(_settings, _board, _clock, new Random(_settings.Vehicle.GetHashCode()), NullLogger.Instance);

    /// <summary>A clock whose ticks are the simulated time too, since the agent measures by it when a report is due.</summary>
    private class OwnClock(DateTimeOffset start) : TwinClock(start)
    {
        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => GetUtcNow().UtcTicks;
    }

    /// <summary>In real time a vehicle's clock goes by itself.</summary>
    private sealed class RunningOwnClock(TimeSpan ahead) : OwnClock(default)
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + ahead;

        public override void MoveTo(DateTimeOffset time)
        {
            // it goes
        }
    }
}
