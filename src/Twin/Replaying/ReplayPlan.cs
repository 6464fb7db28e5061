using Mobility.Twin.Trips;

namespace Mobility.Twin.Replaying;

/// <summary>What a replay lives, and how.</summary>
public sealed record ReplayPlan
{
    /// <summary>What the files hold.</summary>
    public required TripSurvey Survey { get; init; }

    /// <summary>Of the staff account in the city.</summary>
    public required string CrewPassword { get; init; }

    /// <summary>The folders of the bikes: what they have not told yet, and their sequences.</summary>
    public required string BikesFolder { get; init; }

    /// <summary>Names what is replayed, see <see cref="ReplayState.Key"/>.</summary>
    public required string Key { get; init; }

    /// <summary>Simulated seconds in a second of the machine at most; infinite for as fast as it can.</summary>
    public double Speed { get; init; } = double.PositiveInfinity;

    /// <summary>Where an interrupted run stopped; null begins.</summary>
    public ReplayState? State { get; init; }
}
