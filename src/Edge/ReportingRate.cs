using Mobility.Edge.Board;

namespace Mobility.Edge;

/// <summary>How often a vehicle reports (FLT-4).</summary>
internal static class ReportingRate
{
    public static readonly TimeSpan Normal = TimeSpan.FromSeconds(1);
    public static readonly TimeSpan Trip = TimeSpan.FromMilliseconds(200);
    public static readonly TimeSpan Parked = TimeSpan.FromSeconds(10);

    /// <summary>A position every 30 seconds, and with every second one the battery.</summary>
    public static readonly TimeSpan Metered = TimeSpan.FromSeconds(30);

    /// <summary>Above it a parked vehicle has nothing to tell.</summary>
    public const int ParkedChargePercent = 80;

    /// <summary>Faster than a satellite fix drifts: such a vehicle is not parked, locked or not.</summary>
    public const double MovingMetersPerSecond = 1;

    public static TimeSpan Interval(BoardReading reading, bool isMetered) =>
        isMetered ? Metered
        : !reading.IsLocked ? Trip
        : reading.StateOfChargePercent > ParkedChargePercent && reading.SpeedMetersPerSecond < MovingMetersPerSecond ? Parked
        : Normal;

    /// <summary>Whether a report tells of the battery.</summary>
    /// <param name="count">Reports before it since the agent started.</param>
    /// <param name="isMetered">Whether every byte costs.</param>
    public static bool TellsCharge(long count, bool isMetered) => !isMetered || count % 2 == 0;
}
