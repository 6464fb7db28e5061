using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Mobility.Geo;
using NetTopologySuite.Geometries;
using NetTopologySuite.Operation.Valid;

namespace Mobility.Host.Packs;

/// <summary>GeoJSON (RFC 7946) geometry into ours: the one place of a pack where longitude comes first.</summary>
internal static class GeoJson
{
    public const int RingPointsMax = 10_000;

    /// <summary>The features of a collection; members of the collection besides its own are left to the caller.</summary>
    public static IEnumerable<PackObject> Features(PackObject collection)
    {
        collection.OneOf("type", ["FeatureCollection"]);
        foreach (var node in collection.List("features"))
        {
            if (PackObject.Of(node) is not { } feature)
                continue;
            feature.OneOf("type", ["Feature"]);
            yield return feature;
        }
    }

    /// <summary>The area of a Polygon or MultiPolygon, checked to be valid; null when it is not, which is reported.</summary>
    public static GeoMultiPolygon? Area(PackObject feature)
    {
        if (feature.Object("geometry") is not { } geometry)
            return null;
        var type = geometry.OneOf("type", ["Polygon", "MultiPolygon"]);
        var coordinates = geometry.Find("coordinates");
        geometry.Close();
        if (coordinates is null || type.Length == 0)
            return null;
        var polygons = (type == "Polygon" ? [coordinates] : Nested(coordinates, "polygons")).Select(Polygon).ToList();
        if (polygons.Count == 0)
            coordinates.Fail("pack.geometry_invalid", "A MultiPolygon has at least one polygon.");
        if (polygons.Count == 0 || polygons.Contains(null))
            return null;
        var area = new GeoMultiPolygon([.. polygons.Select(polygon => polygon!)]);
        return IsValid(area, coordinates) ? area : null;
    }

    /// <summary>The position of a Point.</summary>
    public static GeoPoint Point(PackObject feature)
    {
        if (feature.Object("geometry") is not { } geometry)
            return default;
        var type = geometry.OneOf("type", ["Point"]);
        var coordinates = geometry.Find("coordinates");
        geometry.Close();
        return coordinates is null || type.Length == 0 ? default : Position(coordinates) ?? default;
    }

    private static GeoPolygon? Polygon(PackNode node)
    {
        var rings = Nested(node, "rings").Select(Ring).ToList();
        if (rings.Count == 0)
            node.Fail("pack.geometry_invalid", "A polygon has at least one ring.");
        return rings.Count == 0 || rings.Contains(null) ? null : new GeoPolygon(rings[0]!.Value, [.. rings.Skip(1).Select(ring => ring!.Value)]);
    }

    private static ImmutableArray<GeoPoint>? Ring(PackNode node)
    {
        var nodes = Nested(node, "positions");
        var points = nodes.Select(Position).ToList();
        if (points.Contains(null))
            return null;
        if (points.Count is < GeoPolygon.RingPointsMin or > RingPointsMax)
            node.Fail("pack.geometry_invalid", $"A ring has {GeoPolygon.RingPointsMin} to {RingPointsMax} positions, not {points.Count}.");
        else if (points[0] != points[^1])
            nodes[^1].Fail("pack.geometry_invalid", "A ring ends with the position it began with.");
        else
            return [.. points.Select(point => point!.Value)];
        return null;
    }

    private static GeoPoint? Position(PackNode node)
    {
        if (node.Kind != JsonTokenType.StartArray || node.Items.Count is < 2 or > 3) // a third number is the altitude, which we do not need
        {
            node.Fail("pack.geometry_invalid", "A position is [longitude, latitude].");
            return null;
        }
        if (Math.Abs(Number(node.Items[0])) <= 180 && Math.Abs(Number(node.Items[1])) <= 90)
            return new GeoPoint(Number(node.Items[1]), Number(node.Items[0]));
        node.Fail("pack.geometry_invalid", "A position is [longitude, latitude] in degrees, -180 to 180 and -90 to 90.");
        return null;
    }

    private static double Number(PackNode node) =>
        node.Kind == JsonTokenType.Number && double.TryParse(node.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : double.NaN;

    private static IReadOnlyList<PackNode> Nested(PackNode node, string what)
    {
        if (node.Kind != JsonTokenType.StartArray)
            node.Fail("pack.geometry_invalid", $"Expected a list of {what}.");
        return node.Items;
    }

    /// <summary>Rings that cross or touch along a line, holes outside, polygons that overlap (OGC simple features), by NetTopologySuite.</summary>
    private static bool IsValid(GeoMultiPolygon area, PackNode coordinates)
    {
        var factory = new GeometryFactory();
        var shape = factory.CreateMultiPolygon([.. area.Polygons.Select(polygon =>
            factory.CreatePolygon(Shell(polygon.Outer), [.. polygon.Holes.Select(Shell)]))]);
        var fault = new IsValidOp(shape).ValidationError;
        if (fault is null)
            return true;
        var at = FormattableString.Invariant($"[{fault.Coordinate?.X}, {fault.Coordinate?.Y}]");
        (Near(coordinates, fault.Coordinate) ?? coordinates).Fail("pack.geometry_invalid", $"{fault.Message} at {at}.");
        return false;

        LinearRing Shell(ImmutableArray<GeoPoint> ring) =>
            factory.CreateLinearRing([.. ring.Select(point => new Coordinate(point.LongitudeDegrees, point.LatitudeDegrees))]);
    }

    /// <summary>The position in the file where the fault is: of all positions the nearest, so that the line is the one to mend.</summary>
    private static PackNode? Near(PackNode coordinates, Coordinate? fault)
    {
        if (fault is null)
            return null;
        var positions = new List<PackNode>();
        Collect(coordinates);
        return positions.MinBy(node => fault.Distance(new Coordinate(Number(node.Items[0]), Number(node.Items[1]))));

        void Collect(PackNode node)
        {
            if (node.Items.Count > 0 && node.Items[0].Kind == JsonTokenType.Number)
                positions.Add(node);
            else
                foreach (var item in node.Items)
                    Collect(item);
        }
    }
}
