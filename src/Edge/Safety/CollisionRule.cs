using Mobility.Edge.Board;

namespace Mobility.Edge.Safety;

/// <summary>A collision, by the rule.</summary>
/// <param name="At">When the force was greatest.</param>
/// <param name="PeakG">The greatest acceleration, gravity included.</param>
/// <param name="SpeedBefore">In meters per second.</param>
/// <param name="SpeedAfter">In meters per second.</param>
internal sealed record Collision(DateTimeOffset At, double PeakG, double SpeedBefore, double SpeedAfter);

/// <summary>What the rule remembers of the last half second.</summary>
internal sealed record CollisionState
{
    public static readonly CollisionState Calm = new();

    public double PeakG { get; init; }

    public DateTimeOffset? PeakAt { get; init; }

    public DateTimeOffset? SlippedAt { get; init; }

    public double FastestBefore { get; init; }

    public DateTimeOffset FastestAt { get; init; }

    /// <summary>One crash is many blows: until then there is no other one.</summary>
    public DateTimeOffset QuietUntil { get; init; }
}

/// <summary>
/// FLT-8 where no model is at hand: a blow of more than 4 g, a wheel that slips and a real loss of speed, all within half a second. Any two of them are a curb,
/// a pothole, a full braking or a vehicle that fell over while it stood.
/// </summary>
internal static class CollisionRule
{
    public const double PeakGMin = 4;

    /// <summary>Wheel and ground differ by more than this share of the faster one.</summary>
    public const double SlipShareMin = 0.3;

    /// <summary>Slip below walking pace is what sensors say of a standing wheel.</summary>
    public const double SlipSpeedMin = 1.5;

    /// <summary>Speed lost within the window, in meters per second: 2 within half a second is 0.4 g on average.</summary>
    public const double SpeedLossMin = 2;

    public static readonly TimeSpan Window = TimeSpan.FromMilliseconds(500);
    public static readonly TimeSpan Quiet = TimeSpan.FromSeconds(10);

    public static (CollisionState State, Collision? Found) Next(CollisionState state, MotionSample sample)
    {
        var since = sample.At - Window;
        if (state.FastestAt < since || sample.SpeedMetersPerSecond >= state.FastestBefore)
            state = state with { FastestBefore = sample.SpeedMetersPerSecond, FastestAt = sample.At };
        if (state.PeakAt < since)
            state = state with { PeakAt = null, PeakG = 0 };
        if (sample.MagnitudeG > PeakGMin && sample.MagnitudeG > state.PeakG)
            state = state with { PeakAt = sample.At, PeakG = sample.MagnitudeG };
        if (Slips(sample))
            state = state with { SlippedAt = sample.At };
        var isCollision = sample.At >= state.QuietUntil && state.PeakAt >= since && state.SlippedAt >= since
            && state.FastestBefore - sample.SpeedMetersPerSecond >= SpeedLossMin;
        return isCollision
            ? (CollisionState.Calm with { QuietUntil = sample.At + Quiet },
                new Collision(state.PeakAt!.Value, state.PeakG, state.FastestBefore, sample.SpeedMetersPerSecond))
            : (state, null);
    }

    private static bool Slips(MotionSample sample)
    {
        var faster = Math.Max(sample.WheelSpeedMetersPerSecond, sample.SpeedMetersPerSecond);
        return faster > SlipSpeedMin && Math.Abs(sample.WheelSpeedMetersPerSecond - sample.SpeedMetersPerSecond) > SlipShareMin * faster;
    }
}
