using Mobility.Geo;

namespace Mobility.Twin.Streets;

/// <summary>Where vehicles can go.</summary>
internal interface IStreets
{
    /// <summary>The way between two places; it begins and ends exactly there, and is the same whenever it is asked for.</summary>
    /// <param name="from">Where it begins.</param>
    /// <param name="to">Where it ends.</param>
    /// <param name="isFirstAlong">Of two equally long ways, which one; streets that leave no such choice ignore it.</param>
    StreetWay Between(GeoPoint from, GeoPoint to, bool isFirstAlong);
}

/// <summary>A way with corners.</summary>
internal sealed class StreetWay
{
    private readonly GeoPoint[] _points;
    private readonly double[] _metersAt;

    /// <param name="points">Begin, corners and end; two or more.</param>
    /// <param name="legMeters">The lengths between them, 0 or more each; one less than points.</param>
    public StreetWay(ReadOnlySpan<GeoPoint> points, ReadOnlySpan<double> legMeters)
    {
        if (points.Length < 2 || legMeters.Length != points.Length - 1)
            throw new ArgumentException("A way has a begin and an end, and a length between each two points.", nameof(points));
        _points = points.ToArray();
        _metersAt = new double[points.Length];
        for (var leg = 0; leg < legMeters.Length; leg++)
            _metersAt[leg + 1] = _metersAt[leg] + legMeters[leg];
    }

    /// <summary>Where it begins.</summary>
    public GeoPoint From => _points[0];

    /// <summary>Where it ends.</summary>
    public GeoPoint To => _points[^1];

    /// <summary>Begin, corners and end.</summary>
    public IReadOnlyList<GeoPoint> Points => _points;

    /// <summary>Its length.</summary>
    public double Meters => _metersAt[^1];

    /// <summary>The way through these points, as long as its straight legs.</summary>
    public static StreetWay Through(ReadOnlySpan<GeoPoint> points)
    {
        var legs = new double[Math.Max(0, points.Length - 1)];
        for (var leg = 0; leg < legs.Length; leg++)
            legs[leg] = points[leg].DistanceMetersTo(points[leg + 1]);
        return new StreetWay(points, legs);
    }

    /// <summary>The place after so many meters, 0 or more; the end after more than there are.</summary>
    public GeoPoint At(double meters)
    {
        if (meters >= Meters)
            return To;
        var (leg, beyond) = (0, _points.Length - 1); // the leg is the last that begins no later, so it has a length
        while (beyond - leg > 1)
        {
            var middle = (leg + beyond) / 2;
            (leg, beyond) = _metersAt[middle] <= meters ? (middle, beyond) : (leg, middle);
        }
        var share = (meters - _metersAt[leg]) / (_metersAt[leg + 1] - _metersAt[leg]);
        var (from, to) = (_points[leg], _points[leg + 1]);
        return new GeoPoint(
            from.LatitudeDegrees + (to.LatitudeDegrees - from.LatitudeDegrees) * share,
            from.LongitudeDegrees + (to.LongitudeDegrees - from.LongitudeDegrees) * share);
    }
}
