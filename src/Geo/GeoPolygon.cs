using System.Collections.Immutable;

namespace Mobility.Geo;

/// <summary>
/// An area with holes. Edges are straight in longitude and latitude (RFC 7946, 3.1.1); an area across the antimeridian is cut into two polygons there (3.1.9).
/// <para>Boundary rule: a point on any ring, outer or hole, is inside. So a vehicle on the edge of a parking bay stands in it.</para>
/// </summary>
public sealed class GeoPolygon
{
    /// <summary>Fewest positions of a ring, the first being repeated as the last.</summary>
    public const int RingPointsMin = 4;

    /// <summary>Builds the area of closed rings, in any winding order. Rings that cross are the caller's fault: a city pack is checked before.</summary>
    /// <exception cref="ArgumentException">A ring is open, shorter than four positions or has a coordinate out of range.</exception>
    public GeoPolygon(ImmutableArray<GeoPoint> outer, ImmutableArray<ImmutableArray<GeoPoint>> holes = default)
    {
        Outer = Checked(outer);
        Holes = holes.IsDefault ? [] : holes;
        foreach (var hole in Holes)
            Checked(hole);
        Box = GeoBox.Around(outer.AsSpan());
    }

    /// <summary>The outer ring; its last point repeats its first.</summary>
    public ImmutableArray<GeoPoint> Outer { get; }

    /// <summary>Rings cut out of the area; each ends with its first point.</summary>
    public ImmutableArray<ImmutableArray<GeoPoint>> Holes { get; }

    /// <summary>The smallest box around the outer ring.</summary>
    public GeoBox Box { get; }

    /// <summary>Whether the point lies inside or on the boundary; exact, without tolerance.</summary>
    public bool Contains(GeoPoint point)
    {
        if (!Box.Contains(point) || Locate(Outer, point) == Place.Outside)
            return false;
        foreach (var hole in Holes)
        {
            if (Locate(hole, point) == Place.Inside)
                return false;
        }
        return true;
    }

    private static ImmutableArray<GeoPoint> Checked(ImmutableArray<GeoPoint> ring)
    {
        if (ring.IsDefault || ring.Length < RingPointsMin || ring[0] != ring[^1])
            throw new ArgumentException("A ring has at least four positions and ends where it began.", nameof(ring));
        foreach (var point in ring)
        {
            if (!point.IsValid)
                throw new ArgumentException($"The position {point} is out of range.", nameof(ring));
        }
        return ring;
    }

    /// <summary>Counts the edges that a ray to the east crosses (Hao et al., "Optimal Reliable Point-in-Polygon Test", Symmetry 10, 2018), exactly.</summary>
    private static Place Locate(ImmutableArray<GeoPoint> ring, GeoPoint point)
    {
        var inside = false;
        for (var i = 1; i < ring.Length; i++)
        {
            var (a, b) = (ring[i - 1], ring[i]);
            var (low, high) = a.LatitudeDegrees <= b.LatitudeDegrees ? (a, b) : (b, a);
            if (point.LatitudeDegrees < low.LatitudeDegrees || point.LatitudeDegrees > high.LatitudeDegrees)
                continue;
            var side = Orientation.Of(low, high, point);
            if (side == 0 && point.LongitudeDegrees >= Math.Min(a.LongitudeDegrees, b.LongitudeDegrees)
                && point.LongitudeDegrees <= Math.Max(a.LongitudeDegrees, b.LongitudeDegrees))
                return Place.Boundary;
            // Half-open in latitude, so that a ray through a vertex counts once; a level edge never counts.
            if (side > 0 && point.LatitudeDegrees < high.LatitudeDegrees)
                inside = !inside;
        }
        return inside ? Place.Inside : Place.Outside;
    }

    private enum Place
    {
        Outside,
        Boundary,
        Inside,
    }
}

/// <summary>One or more areas that count as one. Inside means inside any of them.</summary>
public sealed class GeoMultiPolygon
{
    /// <summary>Joins areas.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    public GeoMultiPolygon(params ImmutableArray<GeoPolygon> polygons)
    {
        if (polygons.IsDefaultOrEmpty)
            throw new ArgumentException("A multipolygon has at least one polygon.", nameof(polygons));
        Polygons = polygons;
        Box = polygons.Select(polygon => polygon.Box).Aggregate((left, right) => left.Union(right));
    }

    /// <summary>Reads the coordinates of a GeoJSON MultiPolygon (RFC 7946): polygons of rings of positions, longitude first.</summary>
    /// <exception cref="ArgumentException">A ring is none.</exception>
    public static GeoMultiPolygon OfCoordinates(IReadOnlyList<IReadOnlyList<IReadOnlyList<IReadOnlyList<double>>>> coordinates)
    {
        return new GeoMultiPolygon([.. coordinates.Select(rings => new GeoPolygon(Ring(rings[0]), [.. rings.Skip(1).Select(Ring)]))]);

        static ImmutableArray<GeoPoint> Ring(IReadOnlyList<IReadOnlyList<double>> positions) => [.. positions.Select(position => new GeoPoint(position[1], position[0]))];
    }

    /// <summary>The coordinates of a GeoJSON MultiPolygon.</summary>
    public IReadOnlyList<IReadOnlyList<IReadOnlyList<IReadOnlyList<double>>>> ToCoordinates() =>
        [.. Polygons.Select(polygon => (IReadOnlyList<IReadOnlyList<IReadOnlyList<double>>>)[.. polygon.Holes.Prepend(polygon.Outer).Select(ring =>
            (IReadOnlyList<IReadOnlyList<double>>)[.. ring.Select(point => (IReadOnlyList<double>)[point.LongitudeDegrees, point.LatitudeDegrees])])])];

    /// <summary>The areas, in the order of their file.</summary>
    public ImmutableArray<GeoPolygon> Polygons { get; }

    /// <summary>The smallest box around all areas.</summary>
    public GeoBox Box { get; }

    /// <summary>Whether the point lies in any area or on its boundary.</summary>
    public bool Contains(GeoPoint point)
    {
        if (!Box.Contains(point))
            return false;
        foreach (var polygon in Polygons)
        {
            if (polygon.Contains(point))
                return true;
        }
        return false;
    }
}
