using Mobility.Geo;

namespace Mobility.Twin.Stage;

/// <summary>What is wrong with a vehicle for as long as it lives; nothing, unless said.</summary>
internal sealed class VehicleFaults
{
    /// <summary>Its clock is this much ahead of the right time, or behind it.</summary>
    public TimeSpan ClockIsAhead { get; init; }

    /// <summary>What its receiver makes of the place where it is; the default point is no fix.</summary>
    public Func<GeoPoint, GeoPoint> Receive { get; init; } = static place => place;

    /// <summary>Its battery gives out on its first way after so many meters, whatever it showed; null for one that does not.</summary>
    public double? DiesAfterMeters { get; init; }

    /// <summary>Between it and the door; null when nothing is.</summary>
    public SimulatedRadio? Radio { get; init; }
}
