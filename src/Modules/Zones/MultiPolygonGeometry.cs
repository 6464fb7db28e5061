using Mobility.Geo;

namespace Mobility.Zones;

/// <summary>A GeoJSON geometry (RFC 7946). Zones are always MultiPolygons, as GBFS wants them.</summary>
/// <param name="Type">Always <c>MultiPolygon</c>.</param>
/// <param name="Coordinates">Polygons; of each the outer ring, then the holes; of each ring the positions, longitude first.</param>
internal sealed record MultiPolygonGeometry(string Type, IReadOnlyList<IReadOnlyList<IReadOnlyList<IReadOnlyList<double>>>> Coordinates)
{
    public static MultiPolygonGeometry Of(GeoMultiPolygon area) => new("MultiPolygon", area.ToCoordinates());
}
