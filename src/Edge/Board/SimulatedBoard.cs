using Mobility.Geo;

namespace Mobility.Edge.Board;

/// <summary>
/// A board that is not there: position, charge, lock and motion are what its owner says. It stands for the hardware in tests, in the city twin and when the
/// agent runs on a desk; nothing of it belongs on a vehicle.
/// </summary>
/// <param name="start">What the sensors say first.</param>
public sealed class SimulatedBoard(BoardReading start) : IVehicleBoard
{
    private readonly Lock _gate = new();
    private BoardReading _reading = start;
    private IBoardListener? _listener;

    /// <summary>Whether the lock is stuck.</summary>
    public bool IsLockStuck { get; set; }

    /// <summary>Whether the motor may run.</summary>
    public bool IsDriveEnabled { get; private set; } = true;

    /// <summary>How often the horn sounded.</summary>
    public int HornsSounded { get; private set; }

    /// <summary>What the motor controller was told last; null before.</summary>
    public int? SpeedLimitKph { get; private set; }

    /// <inheritdoc/>
    public BoardReading Read()
    {
        lock (_gate)
            return _reading;
    }

    /// <inheritdoc/>
    public bool TrySetLock(bool locked)
    {
        lock (_gate)
        {
            if (!IsLockStuck)
                _reading = _reading with { IsLocked = locked };
            return _reading.IsLocked == locked;
        }
    }

    /// <inheritdoc/>
    public bool TrySetDrive(bool enabled)
    {
        lock (_gate)
            IsDriveEnabled = enabled;
        return true;
    }

    /// <inheritdoc/>
    public bool TrySoundHorn()
    {
        lock (_gate)
            HornsSounded++;
        return true;
    }

    /// <inheritdoc/>
    public void LimitSpeed(int kilometersPerHour) => SpeedLimitKph = kilometersPerHour;

    /// <inheritdoc/>
    public void ReportTo(IBoardListener listener) => _listener = listener;

    /// <summary>Changes what the sensors say, as a new fix.</summary>
    public void Set(Func<BoardReading, BoardReading> change)
    {
        lock (_gate)
            _reading = change(_reading);
        _listener?.OnFix();
    }

    /// <summary>Moves the vehicle there; the odometer grows by the distance.</summary>
    public void MoveTo(GeoPoint position, double speedMetersPerSecond) => Set(before => before with
    {
        Position = position,
        SpeedMetersPerSecond = speedMetersPerSecond,
        OdometerMeters = before.OdometerMeters + (before.HasFix ? (long)before.Position.DistanceMetersTo(position) : 0),
    });

    /// <summary>One sample of the inertial unit.</summary>
    public void Feel(MotionSample sample) => _listener?.OnMotion(sample);
}
