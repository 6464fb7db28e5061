using Microsoft.Extensions.Logging.Abstractions;
using Mobility.Contracts;
using Mobility.Edge;
using Mobility.Edge.Board;
using Mobility.Edge.Wire;
using Mobility.Geo;

namespace Mobility.Twin.Replaying;

/// <summary>
/// A bike: the agent that ships, at the platform's MQTT door, on a simulated board and with a clock of its own that its rides move. So what it reports has the
/// trip's own times, however far the replay's clock has come meanwhile.
/// </summary>
internal sealed class Bike : IAsyncDisposable
{
    /// <summary>The crew swaps a battery that has less; far enough above the least charge that no trip needs it all.</summary>
    public const int SwapBelowPercent = 30;

    /// <summary>A bike on a metered link tells its place twice a minute.</summary>
    public static readonly TimeSpan ReportEvery = TimeSpan.FromSeconds(30);

    private const int SpeedLimitKph = 25;
    private readonly AgentSettings _settings;
    private readonly SimulatedBoard _board;
    private readonly BikeClock _clock;
    private VehicleAgent _agent;
    private double _charge = 100;
    private double _odometerMeters;
    private double _odometerBeforeRide;
    private long _reportsBefore;

    private Bike(AgentSettings settings, GeoPoint position, DateTimeOffset now, BikeState? was)
    {
        (_settings, _clock) = (settings, new BikeClock(now));
        if (was is not null)
            (_charge, _odometerMeters, _odometerBeforeRide, _reportsBefore) = (was.ChargePercent, was.OdometerMeters, was.OdometerBeforeRideMeters, was.Reports);
        _board = new SimulatedBoard(new BoardReading
        {
            Position = position,
            StateOfChargePercent = ChargeShown,
            OdometerMeters = (long)_odometerMeters,
            IsLocked = was?.IsLocked ?? true,
        });
        _agent = NewAgent();
    }

    public VehicleId Id => _settings.Vehicle;
    public GeoPoint Position => _board.Read().Position;
    public bool NeedsSwap => _charge < SwapBelowPercent;

    /// <summary>Reports that it has taken; each is told once.</summary>
    public long Reports => _reportsBefore + _agent.Reports;

    public bool IsConnected => _agent.Link == LinkState.Connected;

    public bool IsAllAcknowledged => _agent.IsAllAcknowledged;

    /// <summary>Whether it stands and nobody has it: what a person sees in the street, whatever the platform has heard yet.</summary>
    public bool IsIdle { get; set; } = true;

    /// <summary>What it is busy with after a ride; it is back in the search when this is done.</summary>
    public Task Returning { get; set; } = Task.CompletedTask;

    private int ChargeShown => (int)Math.Clamp(Math.Round(_charge), 1, 100);

    /// <summary>Switches a bike on that stands in the street, or one that an interrupted run left somewhere.</summary>
    public static Bike Start(VehicleId id, GeoPoint position, DateTimeOffset now, DoorAddress door, string folder, BikeState? was = null)
    {
        Directory.CreateDirectory(folder);
        return new Bike(new AgentSettings
        {
            Vehicle = id,
            Door = door,
            DataFolder = folder,
            SpeedLimitKph = SpeedLimitKph,
            IsMetered = true,
            NetworkClock = TimeProvider.System,
        }, position, now, was);
    }

    /// <summary>What it needs to go on another day; its folder keeps the rest.</summary>
    public BikeState ToState() => new()
    {
        ClockAt = _clock.GetUtcNow(),
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
        _clock.MoveTo(time);
        _odometerBeforeRide = _odometerMeters;
        Tick();
    }

    /// <summary>It is on its way, and reports where.</summary>
    public void Ride(DateTimeOffset time, in Journey journey, TimeSpan since)
    {
        var (position, meters, speed) = journey.At(since);
        Move(time, position, meters, speed);
        Tick();
    }

    /// <summary>It has come to the end and stands.</summary>
    public void Arrive(DateTimeOffset time, GeoPoint position, in Journey journey)
    {
        Move(time, position, journey.Meters, 0);
        Tick();
    }

    /// <summary>The crew switches it off for the way, so that nobody takes them for thieves.</summary>
    public async Task CarryAsync(GeoPoint to, DateTimeOffset time)
    {
        _clock.MoveTo(time);
        _reportsBefore += _agent.Reports;
        await _agent.DisposeAsync();
        _board.Set(before => before with { Position = to });
        _agent = NewAgent();
        _agent.Tick();
    }

    public void Charge(int percent)
    {
        _charge = percent;
        _board.Set(before => before with { StateOfChargePercent = percent });
    }

    public ValueTask DisposeAsync() => _agent.DisposeAsync();

    private void Move(DateTimeOffset time, GeoPoint position, double meters, double speed)
    {
        _clock.MoveTo(time);
        var odometer = _odometerBeforeRide + meters;
        _charge -= 100.0 * (odometer - _odometerMeters) / ReplayCity.RangeMeters;
        _odometerMeters = odometer;
        _board.Set(before => before with
        {
            Position = position,
            SpeedMetersPerSecond = speed,
            OdometerMeters = (long)_odometerMeters,
            StateOfChargePercent = ChargeShown,
        });
    }

    private VehicleAgent NewAgent() => new(_settings, _board, _clock, new Random(_settings.Vehicle.GetHashCode()), NullLogger.Instance);

    /// <summary>A clock whose ticks are the simulated time too, since the agent measures by it when a report is due.</summary>
    private sealed class BikeClock(DateTimeOffset start) : ReplayClock(start)
    {
        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => GetUtcNow().UtcTicks;
    }
}
