using Mobility.Geo;

namespace Mobility.Edge.Board;

/// <summary>What the vehicle's sensors say at a moment.</summary>
public sealed record BoardReading
{
    /// <summary>Where it is; the default point means that there is no fix.</summary>
    public GeoPoint Position { get; init; }

    /// <summary>How far off the position may be; null when the receiver does not say.</summary>
    public double? AccuracyMeters { get; init; }

    /// <summary>From north, clockwise.</summary>
    public double? HeadingDegrees { get; init; }

    /// <summary>Over ground.</summary>
    public double SpeedMetersPerSecond { get; init; }

    /// <summary>0 to 100.</summary>
    public int StateOfChargePercent { get; init; }

    /// <summary>Printed on the battery; null when it is fixed.</summary>
    public string? BatteryId { get; init; }

    /// <summary>Whether the lock is closed.</summary>
    public bool IsLocked { get; init; }

    /// <summary>Total distance.</summary>
    public long OdometerMeters { get; init; }

    /// <summary>Of the battery.</summary>
    public double? TemperatureCelsius { get; init; }

    /// <summary>What the vehicle's own controllers complain about.</summary>
    public IReadOnlyList<string> ErrorCodes { get; init; } = [];

    /// <summary>Whether the position can be used; 0,0 is what a receiver without a fix says.</summary>
    public bool HasFix => Position.IsValid && Position != default;
}

/// <summary>One sample of the inertial unit, 50 to 100 of them a second, together with what the wheels say.</summary>
/// <param name="At">By the vehicle's clock.</param>
/// <param name="X">Forward, in g; at rest the three hold gravity only.</param>
/// <param name="Y">To the left, in g.</param>
/// <param name="Z">Upward, in g; 1 when the vehicle stands upright.</param>
/// <param name="WheelSpeedMetersPerSecond">By the wheel's rotation.</param>
/// <param name="SpeedMetersPerSecond">Over ground.</param>
public readonly record struct MotionSample(DateTimeOffset At, double X, double Y, double Z, double WheelSpeedMetersPerSecond, double SpeedMetersPerSecond)
{
    /// <summary>Length of the acceleration in g, gravity included.</summary>
    public double MagnitudeG => Math.Sqrt(X * X + Y * Y + Z * Z);
}

/// <summary>Hears the board; called from any thread, and not while the board holds a lock of its own.</summary>
public interface IBoardListener
{
    /// <summary>The receiver has a position, one to ten times a second.</summary>
    void OnFix();

    /// <summary>The inertial unit has a sample.</summary>
    void OnMotion(MotionSample sample);
}

/// <summary>The physical world, as far as the agent touches it.</summary>
public interface IVehicleBoard
{
    /// <summary>What the sensors say now.</summary>
    BoardReading Read();

    /// <summary>Moves the lock; true when it is so, also when it was so before.</summary>
    bool TrySetLock(bool locked);

    /// <summary>Lets the motor run or not; true when it is so, also when it was so before. Never called to stop a vehicle that moves.</summary>
    bool TrySetDrive(bool enabled);

    /// <summary>Is heard for a moment: a horn or a bell; false when it is broken.</summary>
    bool TrySoundHorn();

    /// <summary>Tells the motor controller how fast the vehicle may go.</summary>
    void LimitSpeed(int kilometersPerHour);

    /// <summary>Names the one who hears of fixes and motion.</summary>
    void ReportTo(IBoardListener listener);
}
