using Mobility.Edge.Board;
using Mobility.Geo;

namespace Mobility.Edge.Safety;

/// <summary>Somebody is at a locked vehicle.</summary>
/// <param name="Reason"><c>tilted</c>, <c>shaken</c>, <c>rolled</c>, <c>carried</c>, or <c>forced</c> when the lock opened by itself.</param>
/// <param name="TiltDegrees">From how it stood when it was locked; null where that is not the reason.</param>
internal sealed record Tamper(string Reason, double? TiltDegrees);

/// <summary>What the rule remembers since the vehicle was locked.</summary>
internal sealed record TamperState
{
    /// <summary>How gravity lay when it was locked; null until a calm sample says so. A scooter leans on its stand, so upright is not the measure.</summary>
    public (double X, double Y, double Z)? Rest { get; init; }

    /// <summary>Where it was locked; null until there is a fix.</summary>
    public GeoPoint? Place { get; init; }

    /// <summary>Samples in a row that are tilted, shaken or rolling.</summary>
    public int Tilted { get; init; }

    public int Shaken { get; init; }

    public int Rolled { get; init; }

    /// <summary>One alarm is enough for a while.</summary>
    public DateTimeOffset QuietUntil { get; init; }
}

/// <summary>
/// FLT-9: movement or tilt of a locked vehicle. Several samples in a row must agree, so that a passing truck is no thief; at 50 samples a second that takes
/// 60 to 100 ms of the 200 that are allowed.
/// </summary>
internal static class TamperRule
{
    public const double TiltDegreesMin = 30;

    /// <summary>How far the length of the acceleration is from gravity's.</summary>
    public const double ShakeGMin = 0.5;

    /// <summary>Below it a sample is calm, and tells how gravity lies.</summary>
    public const double CalmGMax = 0.1;

    public const double RollSpeedMin = 0.5;
    public const int SamplesInRow = 4;

    /// <summary>Farther than any receiver between houses is off by itself; twice its own accuracy counts where that is more.</summary>
    public const double CarriedMetersMin = 75;

    public static readonly TimeSpan Quiet = TimeSpan.FromMinutes(1);

    public static (TamperState State, Tamper? Found) Next(TamperState state, MotionSample sample)
    {
        var shake = Math.Abs(sample.MagnitudeG - 1);
        if (state.Rest is null && shake < CalmGMax)
            state = state with { Rest = (sample.X, sample.Y, sample.Z) };
        var tilt = shake < ShakeGMin && state.Rest is { } rest ? DegreesBetween(rest, sample) : 0;
        state = state with
        {
            Tilted = tilt > TiltDegreesMin ? state.Tilted + 1 : 0,
            Shaken = shake > ShakeGMin ? state.Shaken + 1 : 0,
            Rolled = Math.Abs(sample.WheelSpeedMetersPerSecond) > RollSpeedMin ? state.Rolled + 1 : 0,
        };
        var found = state.Tilted >= SamplesInRow ? new Tamper("tilted", tilt)
            : state.Shaken >= SamplesInRow ? new Tamper("shaken", null)
            : state.Rolled >= SamplesInRow ? new Tamper("rolled", null)
            : null;
        return Alarm(state, found, sample.At);
    }

    /// <summary>By position: a vehicle may be lifted onto a truck without any shaking.</summary>
    public static (TamperState State, Tamper? Found) Next(TamperState state, BoardReading reading, DateTimeOffset at)
    {
        if (!reading.HasFix)
            return (state, null);
        if (state.Place is not { } place)
            return (state with { Place = reading.Position }, null);
        var isCarried = place.DistanceMetersTo(reading.Position) > Math.Max(CarriedMetersMin, 2 * (reading.AccuracyMeters ?? 0));
        return Alarm(state, isCarried ? new Tamper("carried", null) : null, at);
    }

    private static (TamperState, Tamper?) Alarm(TamperState state, Tamper? found, DateTimeOffset at) =>
        found is null || at < state.QuietUntil
            ? (state, null)
            : (state with { Tilted = 0, Shaken = 0, Rolled = 0, QuietUntil = at + Quiet }, found);

    private static double DegreesBetween((double X, double Y, double Z) rest, MotionSample sample)
    {
        var dot = rest.X * sample.X + rest.Y * sample.Y + rest.Z * sample.Z;
        var lengths = Math.Sqrt(rest.X * rest.X + rest.Y * rest.Y + rest.Z * rest.Z) * sample.MagnitudeG;
        return double.RadiansToDegrees(Math.Acos(Math.Clamp(dot / lengths, -1, 1)));
    }
}
