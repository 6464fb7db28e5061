using System.Collections.Immutable;
using FsCheck;
using FsCheck.Fluent;
using Mobility.Geo;
using NetTopologySuite.Algorithm;
using NetTopologySuite.Geometries;

namespace Mobility.Tests.Geo;

/// <summary>Our point in polygon against NetTopologySuite's, on shapes and points that meet each other's edges and corners often.</summary>
public sealed class GeoPolygonTests
{
    private static readonly GeometryFactory Factory = new();

    [Fact]
    public void A_point_is_in_any_ring_exactly_when_NetTopologySuite_says_so()
    {
        // Whole numbers on a small grid make collinear, doubled and crossing edges the normal case; halves put points on edges.
        var corner = from x in Gen.Choose(0, 8) from y in Gen.Choose(0, 8) select new GeoPoint(y, x);
        var probe = from x in Gen.Choose(-1, 17) from y in Gen.Choose(-1, 17) select new GeoPoint(y / 2.0, x / 2.0);
        var example = from corners in Gen.Choose(3, 12).SelectMany(count => corner.ArrayOf(count)) from point in probe select (corners, point);
        Prop.ForAll(example.ToArbitrary(), given =>
        {
            ImmutableArray<GeoPoint> ring = [.. given.corners, given.corners[0]];
            var expected = RayCrossingCounter.LocatePointInRing(Xy(given.point), [.. ring.Select(Xy)]) != Location.Exterior;
            return new GeoPolygon(ring).Contains(given.point) == expected;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(20_000));
    }

    [Fact]
    public void A_point_near_an_edge_is_on_the_side_that_NetTopologySuite_says()
    {
        // Points computed onto a slanted edge are rarely on it: the last bit decides.
        var example = from seed in Gen.Choose(0, int.MaxValue) from part in Gen.Choose(0, 1_000) select (seed, part);
        Prop.ForAll(example.ToArbitrary(), given =>
        {
            var random = new Random(given.seed);
            GeoPoint Next() => new(48 + random.NextDouble(), 11 + random.NextDouble());
            var (a, b, c) = (Next(), Next(), Next());
            var share = given.part / 1_000.0;
            var point = new GeoPoint(
                a.LatitudeDegrees + (b.LatitudeDegrees - a.LatitudeDegrees) * share,
                a.LongitudeDegrees + (b.LongitudeDegrees - a.LongitudeDegrees) * share);
            var expected = RayCrossingCounter.LocatePointInRing(Xy(point), [Xy(a), Xy(b), Xy(c), Xy(a)]) != Location.Exterior;
            return new GeoPolygon([a, b, c, a]).Contains(point) == expected;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(20_000));
    }

    [Fact]
    public void Areas_with_holes_and_several_parts_cover_what_NetTopologySuite_covers()
    {
        var example = from seed in Gen.Choose(0, int.MaxValue) from x in Gen.Choose(-5, 45) from y in Gen.Choose(-5, 25) select (seed, x, y);
        Prop.ForAll(example.ToArbitrary(), given =>
        {
            var random = new Random(given.seed);
            // Two stars apart, each with a smaller star cut out around the same middle.
            GeoPolygon Part(double middle) => new(Star(random, middle, 8), [Star(random, middle, 3)]);
            var area = new GeoMultiPolygon(Part(10), Part(30));
            var shape = Factory.CreateMultiPolygon([.. area.Polygons.Select(part => Factory.CreatePolygon(
                Factory.CreateLinearRing([.. part.Outer.Select(Xy)]), [Factory.CreateLinearRing([.. part.Holes[0].Select(Xy)])]))]);
            var point = new GeoPoint(given.y, given.x);
            return !shape.IsValid || area.Contains(point) == shape.Covers(Factory.CreatePoint(Xy(point)));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(5_000));
    }

    [Fact]
    public void The_boundary_of_an_area_and_of_its_hole_belongs_to_it()
    {
        var area = new GeoPolygon(Square(0, 10), [Square(4, 6)]);
        area.Contains(new GeoPoint(0, 0)).ShouldBeTrue();
        area.Contains(new GeoPoint(10, 5)).ShouldBeTrue();
        area.Contains(new GeoPoint(4, 5)).ShouldBeTrue();
        area.Contains(new GeoPoint(6, 6)).ShouldBeTrue();
        area.Contains(new GeoPoint(5, 5)).ShouldBeFalse();
        area.Contains(new GeoPoint(Math.BitIncrement(10.0), 5)).ShouldBeFalse();
        area.Contains(new GeoPoint(Math.BitIncrement(4.0), 5)).ShouldBeFalse();
    }

    [Fact]
    public void Rings_that_are_open_short_or_off_the_earth_are_refused()
    {
        Should.Throw<ArgumentException>(() => new GeoPolygon([new GeoPoint(0, 0), new GeoPoint(0, 1), new GeoPoint(0, 0)]));
        Should.Throw<ArgumentException>(() => new GeoPolygon([new GeoPoint(0, 0), new GeoPoint(0, 1), new GeoPoint(1, 1), new GeoPoint(1, 0)]));
        Should.Throw<ArgumentException>(() => new GeoPolygon([new GeoPoint(0, 0), new GeoPoint(0, 1), new GeoPoint(91, 1), new GeoPoint(0, 0)]));
        Should.Throw<ArgumentException>(() => new GeoPolygon(default));
        Should.Throw<ArgumentException>(() => new GeoMultiPolygon());
    }

    private static ImmutableArray<GeoPoint> Square(double low, double high) =>
        [new(low, low), new(low, high), new(high, high), new(high, low), new(low, low)];

    private static ImmutableArray<GeoPoint> Star(Random random, double middle, double radius)
    {
        var corners = Enumerable.Range(0, 10).Select(i =>
        {
            var reach = radius * (0.4 + 0.6 * random.NextDouble());
            return new GeoPoint(Math.Round(10 + reach * Math.Sin(i * Math.PI / 5)), Math.Round(middle + reach * Math.Cos(i * Math.PI / 5)));
        }).ToList();
        return [.. corners, corners[0]];
    }

    private static Coordinate Xy(GeoPoint point) => new(point.LongitudeDegrees, point.LatitudeDegrees);
}
