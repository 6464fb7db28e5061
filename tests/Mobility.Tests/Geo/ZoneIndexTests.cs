using System.Collections.Immutable;
using FsCheck;
using FsCheck.Fluent;
using Mobility.Geo;
using NetTopologySuite.Geometries;

namespace Mobility.Tests.Geo;

/// <summary>Zones found by the grid, and crossings, against every zone tested alone and against NetTopologySuite.</summary>
public sealed class ZoneIndexTests
{
    private static readonly GeometryFactory Factory = new();

    private sealed record Example(GeoPoint Middle, int Seed);

    private static Gen<Example> Examples() =>
        from middle in Gen.Elements(
            new GeoPoint(48.2, 11.5), new GeoPoint(0, 0), new GeoPoint(-41.2, 179.99), new GeoPoint(65, -179.98), new GeoPoint(89.985, 30), new GeoPoint(-89.99, -179.9))
        from seed in Gen.Choose(0, int.MaxValue)
        select new Example(middle, seed);

    [Fact, Trait("Req", "GEO-1")]
    public void The_zones_of_a_point_are_those_that_hold_it() => Prop.ForAll(Examples().ToArbitrary(), given =>
    {
        var random = new Random(given.Seed);
        var areas = Areas(given.Middle, random);
        var index = new ZoneIndex(areas);
        var shapes = areas.Select(ShapeOf).ToList();
        var zones = new int[ZoneIndex.ZonesAtPointMax];
        for (var i = 0; i < 60; i++)
        {
            // Corners and the middles of edges come up often: there the boundary itself decides.
            var area = areas[random.Next(areas.Count)];
            var ring = area.Polygons[random.Next(area.Polygons.Length)].Outer;
            var corner = ring[random.Next(ring.Length)];
            var point = (i % 4) switch { 0 => corner, 1 => Near(corner, 20, random), _ => Near(given.Middle, 4_000, random) };
            var found = zones[..index.At(point, zones)];
            found.ShouldBe(Enumerable.Range(0, areas.Count).Where(zone => areas[zone].Contains(point)), $"at {point}");
            for (var zone = 0; zone < areas.Count; zone++)
            {
                index.Contains(zone, point).ShouldBe(found.Contains(zone));
                if (shapes[zone].IsValid)
                    found.Contains(zone).ShouldBe(shapes[zone].Covers(Factory.CreatePoint(Xy(point))), $"as NetTopologySuite says at {point}");
            }
        }
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(300));

    [Fact, Trait("Req", "GEO-2")]
    public void A_movement_leaves_enters_and_crosses_what_its_ends_and_its_way_say() => Prop.ForAll(Examples().ToArbitrary(), given =>
    {
        var random = new Random(given.Seed);
        var areas = Areas(given.Middle, random);
        var index = new ZoneIndex(areas);
        var shapes = areas.Select(ShapeOf).ToList();
        var (left, entered, crossed) = (new int[ZoneIndex.ZonesAtPointMax], new int[ZoneIndex.ZonesAtPointMax], new int[ZoneIndex.ZonesAtPointMax]);
        var from = Near(given.Middle, 4_000, random);
        for (var i = 0; i < 40; i++)
        {
            var to = Near(from, i % 3 == 0 ? 10 : 2_000, random);
            var crossing = index.Between(from, to, left, entered, crossed);
            var before = Enumerable.Range(0, areas.Count).Where(zone => areas[zone].Contains(from)).ToList();
            var after = Enumerable.Range(0, areas.Count).Where(zone => areas[zone].Contains(to)).ToList();
            left[..crossing.Left].ShouldBe(before.Except(after));
            entered[..crossing.Entered].ShouldBe(after.Except(before));
            if (Math.Abs(from.LongitudeDegrees - to.LongitudeDegrees) < 180 && Math.Abs(given.Middle.LatitudeDegrees) < 80)
            {
                var way = Factory.CreateLineString([Xy(from), Xy(to)]);
                var expected = Enumerable.Range(0, areas.Count).Except(before).Except(after).Where(zone => shapes[zone].IsValid && shapes[zone].Intersects(way));
                crossed[..crossing.Crossed].Where(zone => shapes[zone].IsValid).Order().ShouldBe(expected);
            }
            from = to;
        }
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(300));

    [Fact, Trait("Req", "GEO-2")]
    public void A_fast_move_over_the_antimeridian_crosses_a_zone_that_lies_on_it()
    {
        var area = new GeoMultiPolygon(
            new GeoPolygon([new(10, 179.999), new(10.01, 179.999), new(10.01, 180), new(10, 180), new(10, 179.999)]),
            new GeoPolygon([new(10, -180), new(10.01, -180), new(10.01, -179.999), new(10, -179.999), new(10, -180)]));
        var index = new ZoneIndex([area]);
        var crossed = new int[4];
        index.Between(new GeoPoint(10.005, 179.99), new GeoPoint(10.006, -179.99), new int[64], new int[64], crossed).ShouldBe(new ZoneCrossing(0, 0, 1));
        index.Between(new GeoPoint(10.02, 179.99), new GeoPoint(10.02, -179.99), new int[64], new int[64], crossed).ShouldBe(default);
        index.At(new GeoPoint(10.005, 180), new int[64]).ShouldBe(1);
        index.At(new GeoPoint(10.005, -180), new int[64]).ShouldBe(1);
    }

    [Fact, Trait("Req", "GEO-2")]
    public void A_move_from_one_hole_of_a_zone_to_another_crosses_the_zone()
    {
        static ImmutableArray<GeoPoint> Square(double from, double to) => [new(from, from), new(to, from), new(to, to), new(from, to), new(from, from)];
        var index = new ZoneIndex([new GeoMultiPolygon(new GeoPolygon(Square(10, 10.05), [Square(10.01, 10.02), Square(10.03, 10.04)]))]);
        var crossed = new int[4];
        index.Between(new GeoPoint(10.015, 10.015), new GeoPoint(10.035, 10.035), new int[64], new int[64], crossed).ShouldBe(new ZoneCrossing(0, 0, 1));
        index.Between(new GeoPoint(10.012, 10.012), new GeoPoint(10.018, 10.018), new int[64], new int[64], crossed).ShouldBe(default, "within one hole");
    }

    [Fact, Trait("Req", "GEO-2")]
    public void A_vehicle_that_stands_at_a_border_does_not_flap()
    {
        var area = new GeoMultiPolygon(new GeoPolygon([new(48, 11), new(48.01, 11), new(48.01, 11.01), new(48, 11.01), new(48, 11)]));
        var index = new ZoneIndex([area]);
        var random = new Random(1);
        var border = new GeoPoint(48.005, 11.01);
        var (stands, crossings) = (new StandingPlace(border), 0);
        for (var i = 0; i < 10_000; i++)
        {
            var noisy = Near(border, 12, random); // 17 m at the corners
            if (!stands.IsLeftFor(noisy, null))
                continue;
            crossings++;
            stands = new StandingPlace(noisy);
        }
        crossings.ShouldBe(0);
        var gone = new GeoPoint(48.005, 11.011);
        stands.IsLeftFor(gone, 30).ShouldBeTrue();
        stands.IsLeftFor(gone, 50).ShouldBeFalse("it may be a hundred meters off");
        index.Between(stands.Decided, gone, new int[64], new int[64], []).Left.ShouldBe(1);
    }

    [Fact]
    public void Looking_up_zones_allocates_nothing()
    {
        var areas = Areas(new GeoPoint(48.2, 11.5), new Random(2));
        var index = new ZoneIndex(areas);
        var random = new Random(3);
        var points = Enumerable.Range(0, 500).Select(_ => Near(new GeoPoint(48.2, 11.5), 3_000, random)).ToArray();
        var (left, entered, crossed) = (new int[ZoneIndex.ZonesAtPointMax], new int[ZoneIndex.ZonesAtPointMax], new int[ZoneIndex.ZonesAtPointMax]);
        var spent = 0L;
        for (var round = 0; round < 2; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 1; i < points.Length; i++)
                index.Between(points[i - 1], points[i], left, entered, crossed);
            spent = GC.GetAllocatedBytesForCurrentThread() - before;
        }
        spent.ShouldBe(0);
    }

    /// <summary>Stars with and without holes, pairs of them, and a large one, around a place; cut at the antimeridian and at the poles by keeping inside.</summary>
    private static List<GeoMultiPolygon> Areas(GeoPoint middle, Random random) =>
    [
        new GeoMultiPolygon(Star(middle, 3_500, true, random)),
        .. Enumerable.Range(0, 8).Select(i => new GeoMultiPolygon(Star(Near(middle, 3_000, random), 30 + random.Next(900), i % 2 == 0, random))),
        new GeoMultiPolygon(Star(Near(middle, 3_000, random), 400, false, random), Star(Near(middle, 3_000, random), 400, true, random)),
    ];

    private static GeoPolygon Star(GeoPoint middle, double meters, bool holed, Random random)
    {
        var seed = random.Next();
        ImmutableArray<GeoPoint> Ring(double share)
        {
            var own = new Random(seed);
            var corners = Enumerable.Range(0, 9).Select(i =>
            {
                var (angle, radius) = (i * 2 * Math.PI / 9, meters * (0.5 + own.NextDouble() / 2) * share);
                return Clamped(middle.LatitudeDegrees + Math.Sin(angle) * radius / 111_195,
                    middle.LongitudeDegrees + Math.Cos(angle) * radius / 111_195 / Math.Max(0.001, Math.Cos(middle.LatitudeDegrees * Math.PI / 180)));
            }).ToList();
            return [.. corners, corners[0]];
        }
        return new GeoPolygon(Ring(1), holed ? [Ring(0.4)] : []);
    }

    private static GeoPoint Clamped(double latitude, double longitude) => new(Math.Clamp(latitude, -90, 90), Math.Clamp(longitude, -180, 180));

    private static GeoPoint Near(GeoPoint middle, double meters, Random random) => Clamped(
        middle.LatitudeDegrees + (random.NextDouble() * 2 - 1) * meters / 111_195,
        middle.LongitudeDegrees + (random.NextDouble() * 2 - 1) * meters / 111_195 / Math.Max(0.001, Math.Cos(middle.LatitudeDegrees * Math.PI / 180)));

    private static MultiPolygon ShapeOf(GeoMultiPolygon area) => Factory.CreateMultiPolygon([.. area.Polygons.Select(polygon => Factory.CreatePolygon(
        Factory.CreateLinearRing([.. polygon.Outer.Select(Xy)]), [.. polygon.Holes.Select(hole => Factory.CreateLinearRing([.. hole.Select(Xy)]))]))]);

    private static Coordinate Xy(GeoPoint point) => new(point.LongitudeDegrees, point.LatitudeDegrees);
}
