namespace Mobility.Geo;

/// <summary>A rectangle in latitude and longitude; its edges belong to it. It never crosses the antimeridian: west ≤ east.</summary>
/// <param name="SouthDegrees">Least latitude.</param>
/// <param name="WestDegrees">Least longitude.</param>
/// <param name="NorthDegrees">Greatest latitude.</param>
/// <param name="EastDegrees">Greatest longitude.</param>
public readonly record struct GeoBox(double SouthDegrees, double WestDegrees, double NorthDegrees, double EastDegrees)
{
    /// <summary>The smallest box that holds all points.</summary>
    /// <exception cref="ArgumentException">There is no point.</exception>
    public static GeoBox Around(ReadOnlySpan<GeoPoint> points)
    {
        if (points.IsEmpty)
            throw new ArgumentException("A box needs at least one point.", nameof(points));
        var box = new GeoBox(points[0].LatitudeDegrees, points[0].LongitudeDegrees, points[0].LatitudeDegrees, points[0].LongitudeDegrees);
        foreach (var point in points)
            box = box.Union(new GeoBox(point.LatitudeDegrees, point.LongitudeDegrees, point.LatitudeDegrees, point.LongitudeDegrees));
        return box;
    }

    /// <summary>Whether the point lies in the box or on its edge.</summary>
    public bool Contains(GeoPoint point) =>
        point.LatitudeDegrees >= SouthDegrees && point.LatitudeDegrees <= NorthDegrees
        && point.LongitudeDegrees >= WestDegrees && point.LongitudeDegrees <= EastDegrees;

    /// <summary>The smallest box that holds both.</summary>
    public GeoBox Union(GeoBox other) => new(
        Math.Min(SouthDegrees, other.SouthDegrees),
        Math.Min(WestDegrees, other.WestDegrees),
        Math.Max(NorthDegrees, other.NorthDegrees),
        Math.Max(EastDegrees, other.EastDegrees));
}
