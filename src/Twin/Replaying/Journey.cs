using Mobility.Geo;

namespace Mobility.Twin.Replaying;

/// <summary>
/// The way of a trip of which a file knows only both ends and the time. It is as long as streets are (<see cref="StreetFactor"/>), but not longer than the time
/// allows, and bends once; who ends where they began has been somewhere. What time is left over, the vehicle stands at the end.
/// </summary>
internal readonly struct Journey
{
    /// <summary>Streets are longer than the crow flies.</summary>
    public const double StreetFactor = 1.3;

    /// <summary>How fast somebody rides who is in no hurry: 12 km/h. Who was faster was faster.</summary>
    public const double EasyMetersPerSecond = 3.4;

    /// <summary>A round trip goes no farther away, so that it stays in the area around the stations.</summary>
    public const double RoundTripMetersMax = 2_400;

    private const double RoundTripBelowMeters = 100;
    private readonly GeoPoint _start;
    private readonly GeoPoint _bend;
    private readonly GeoPoint _end;

    /// <param name="start">Where it begins.</param>
    /// <param name="end">Where it ends.</param>
    /// <param name="time">How long it takes.</param>
    /// <param name="side">Odd bends to the right, even to the left.</param>
    public Journey(GeoPoint start, GeoPoint end, TimeSpan time, long side)
    {
        (_start, _end) = (start, end);
        var crow = start.DistanceMetersTo(end);
        Meters = crow < RoundTripBelowMeters
            ? Math.Min(RoundTripMetersMax, Math.Max(crow, time.TotalSeconds * EasyMetersPerSecond / 2)) // half of the time is spent at the other end
            : crow * StreetFactor;
        MetersPerSecond = Math.Max(EasyMetersPerSecond, Meters / time.TotalSeconds);
        var away = Math.Sqrt(Math.Max(0, Meters * Meters - crow * crow)) / 2 * (side % 2 == 0 ? 1 : -1);
        var northMeters = GeoPoint.EarthRadiusMeters * Math.PI / 180;
        var eastMeters = northMeters * Math.Cos(double.DegreesToRadians(start.LatitudeDegrees));
        var (north, east) = ((end.LatitudeDegrees - start.LatitudeDegrees) * northMeters, (end.LongitudeDegrees - start.LongitudeDegrees) * eastMeters);
        var (alongNorth, alongEast) = crow > 1 ? (north / crow, east / crow) : (1.0, 0.0);
        _bend = new GeoPoint(
            start.LatitudeDegrees + (north / 2 - alongEast * away) / northMeters,
            start.LongitudeDegrees + (east / 2 + alongNorth * away) / eastMeters);
    }

    /// <summary>Its length.</summary>
    public double Meters { get; }

    /// <summary>How fast the vehicle goes while it goes.</summary>
    public double MetersPerSecond { get; }

    /// <summary>Where the vehicle is, how far it has gone and how fast it goes.</summary>
    public (GeoPoint Position, double Meters, double MetersPerSecond) At(TimeSpan since)
    {
        var gone = since.TotalSeconds * MetersPerSecond;
        if (gone >= Meters)
            return (_end, Meters, 0);
        var (from, to, share) = gone < Meters / 2 ? (_start, _bend, gone / (Meters / 2)) : (_bend, _end, gone / (Meters / 2) - 1);
        return (new GeoPoint(
            from.LatitudeDegrees + (to.LatitudeDegrees - from.LatitudeDegrees) * share,
            from.LongitudeDegrees + (to.LongitudeDegrees - from.LongitudeDegrees) * share), gone, MetersPerSecond);
    }
}
