using Mobility.Geo;

namespace Mobility.Twin.Stage;

/// <summary>What is wrong with a vehicle for as long as it lives; nothing, unless said.</summary>
internal sealed class VehicleFaults
{
    /// <summary>Its clock is this much ahead of the right time, or behind it.</summary>
    public TimeSpan ClockIsAhead { get; init; }

    /// <summary>What its receiver makes of the place where it is, the default point being no fix; null for one that is right.</summary>
    public Func<GeoPoint, GeoPoint>? Receive { get; init; }

    /// <summary>Its battery gives out on its first way after so many meters, whatever it showed; null for one that does not.</summary>
    public double? DiesAfterMeters { get; init; }

    /// <summary>Between it and the door; null when nothing is.</summary>
    public SimulatedRadio? Radio { get; init; }

    /// <summary>What a ride with it meets, to count by.</summary>
    public IEnumerable<string> Words
    {
        get
        {
            if (ClockIsAhead != TimeSpan.Zero)
                yield return "clocks";
            if (Receive is not null)
                yield return "gps";
            if (Radio is { HasBroken: true })
                yield return "telemetry";
        }
    }
}
