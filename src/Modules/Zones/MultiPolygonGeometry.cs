using Mobility.Geo;

namespace Mobility.Zones;

/// <summary>A GeoJSON geometry (RFC 7946): polygons of rings of positions, longitude first. Zones are always MultiPolygons, as GBFS wants them.</summary>
/// <param name="Type">Always <c>MultiPolygon</c>.</param>
/// <param name="Coordinates">Polygons; of each the outer ring, then the holes; of each ring the positions.</param>
internal sealed record MultiPolygonGeometry(string Type, IReadOnlyList<IReadOnlyList<IReadOnlyList<IReadOnlyList<double>>>> Coordinates)
{
    public static MultiPolygonGeometry Of(GeoMultiPolygon area) => new("MultiPolygon", CoordinatesOf(area));

    public static IReadOnlyList<IReadOnlyList<IReadOnlyList<IReadOnlyList<double>>>> CoordinatesOf(GeoMultiPolygon area) =>
        [.. area.Polygons.Select(polygon => (IReadOnlyList<IReadOnlyList<IReadOnlyList<double>>>)[.. polygon.Holes.Prepend(polygon.Outer).Select(ring =>
            (IReadOnlyList<IReadOnlyList<double>>)[.. ring.Select(point => (IReadOnlyList<double>)[point.LongitudeDegrees, point.LatitudeDegrees])])])];

    public static GeoMultiPolygon Read(double[][][][] coordinates) =>
        new([.. coordinates.Select(rings => new GeoPolygon(Ring(rings[0]), [.. rings.Skip(1).Select(Ring)]))]);

    private static System.Collections.Immutable.ImmutableArray<GeoPoint> Ring(double[][] positions) =>
        [.. positions.Select(position => new GeoPoint(position[1], position[0]))];
}
