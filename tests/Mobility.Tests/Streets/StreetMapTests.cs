using Mobility.Geo;
using Mobility.Tests.Twin;
using Mobility.Twin.Streets;

namespace Mobility.Tests.Streets;

public sealed class StreetMapTests
{
    private static readonly GeoPoint Home = new(48.2, 11.5);

    /// <summary>A street around three sides of a square; across its open side only ways on which nobody may ride.</summary>
    private static StreetFixture Square() => new StreetFixture(Home)
        .Node(1, 0, 0).Node(2, 400, 0).Node(3, 400, 400).Node(4, 0, 400)
        .Way("highway=residential oneway=yes", 4, 3, 2, 1)
        .Node(5, 0, 100).Node(6, 0, 150).Node(7, 0, 200).Node(8, 0, 250).Node(9, 0, 300).Node(10, 0, 350).Node(11, 0, 50).Node(12, 0, 25).Node(13, 0, 75)
        .Way("highway=footway", 1, 5, 4).Way("highway=steps", 1, 6, 4).Way("highway=service access=private", 1, 7, 4)
        .Way("highway=residential access=no", 1, 8, 4).Way("highway=construction", 1, 9, 4).Way("highway=path", 1, 10, 4).Way("railway=tram", 1, 11, 4)
        .Way("highway=motorway", 1, 12, 4).Way("highway=trunk motorroad=yes", 1, 13, 4);

    [Fact]
    public void A_way_follows_the_streets_and_not_the_crow_and_passes_over_what_nobody_may_ride()
    {
        var map = Square();
        var (from, to) = (map[1].OffsetMeters(0, -20), map[4].OffsetMeters(0, 30));
        var way = Between(map.Xml(), from, to);
        way.Points.Select(Rounded).ShouldBe([Rounded(from), map[1], map[2], map[3], map[4], Rounded(to)]);
        way.Meters.ShouldBeInRange(1_249, 1_251);
        way.At(220).DistanceMetersTo(map[1].OffsetMeters(200, 0)).ShouldBeLessThan(1);
    }

    [Theory]
    [InlineData("highway=cycleway")]
    [InlineData("highway=path bicycle=designated")]
    [InlineData("highway=living_street")]
    [InlineData("highway=trunk")]
    [InlineData("highway=service access=destination")]
    public void Where_one_may_ride_the_shortest_way_is_taken(string tags) =>
        Between(Square().Way(tags, 1, 4).Xml(), Square()[1], Square()[4]).Meters.ShouldBeInRange(399, 401);

    [Fact]
    public void All_forms_in_which_extracts_come_have_the_same_ways()
    {
        var map = Square().Node(-7, 0, 800).Way("highway=track", 4, -7); // an id out of order, as editors give it to a new node
        var expected = Between(map.Xml(), Home, map[-7]).Points;
        expected.Count.ShouldBe(7);
        foreach (var content in new[] { map.Xml(), map.Xml(areWaysFirst: true), StreetFixture.Gzip(map.Xml()), map.Pbf(), map.Pbf(isPacked: false), StreetFixture.Gzip(map.Pbf()) })
            Between(content, Home, map[-7]).Points.ShouldBe(expected);
    }

    /// <summary>A ring of 400 m by 400 m and a footway across, by OsmSharp 7.0.0-pre022, which writes nodes one by one and does not pack single numbers.</summary>
    [Fact]
    public void An_extract_that_another_program_has_written_is_read()
    {
        const string Written = "AAAADQoJT1NNSGVhZGVyGCgQHBokeJxT4vMvzg1OzkjNTdQNM9AzU+JySc0rTvXLT0ktBgB5WwjcAAAADAoHT1NNRGF0YRjPARDVARrJAXicXY07CsJAGIT3may/"
            + "TxaFmEIkjeAVLARLS8UDBBM1aBJIBLFLb+0RLG1yAa1NYaW1hb2QE5jFzilmBuaDgSEgEPMojGMvWILm29HadUBfecvVzt5DOXJjz3GDrWdvgAW27wKbKFJfhOG2IORMToET"
            + "pX4POEaFZCl5n49VVU1OVFi/6HPlaFRL8kdGrylDl5Td6+NKcnj66JVp6HOiE4oJkgOzI5qSUG4SplkVgRtJ/rxpBu7iEVNvZlu0GtTQ/zZKBP4C23YvmA==";
        var streets = Read(Convert.FromBase64String(Written), [Home]);
        (streets.Nodes, Math.Round(streets.Meters)).ShouldBe((4, 1_201));
    }

    [Fact]
    public void From_a_street_that_is_not_connected_and_from_far_off_the_way_is_that_of_the_grid()
    {
        var map = Square().Node(20, 1_400, 0).Node(21, 1_400, 300).Way("highway=residential", 20, 21);
        foreach (var from in new[] { map[20], Home.OffsetMeters(-510, 0) })
        {
            var way = Between(map.Xml(), from, map[4]);
            way.Points.ShouldBe(new StreetGrid(1).Between(from, map[4], isFirstAlong: true).Points);
            way.Points.Count.ShouldBe(3);
        }
        Between(map.Xml(), Home.OffsetMeters(-490, 0), map[4]).Points.Count.ShouldBe(6);
    }

    [Fact]
    public void What_is_far_from_the_city_is_left_out()
    {
        var map = Square().Node(30, 2_100, 0).Node(31, -1_900, 0).Way("highway=track", 2, 30).Way("highway=track", 1, 31);
        Read(map.Xml(), [Home]).Nodes.ShouldBe(5);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Ways_are_the_shortest_begin_and_end_where_they_are_asked_for_and_have_no_gap(int seed)
    {
        var random = new Random(seed);
        const int Side = 7;
        var map = new StreetFixture(Home);
        for (var node = 0; node < Side * Side; node++)
            map.Node(node, node / Side * 150 + random.Next(60), node % Side * 150 + random.Next(60));
        var shortest = new double[Side * Side, Side * Side];
        for (var node = 0; node < Side * Side; node++)
            for (var other = 0; other < Side * Side; other++)
                shortest[node, other] = node == other ? 0 : double.PositiveInfinity;
        for (var node = 0; node < Side * Side; node++)
            foreach (var next in new[] { node + 1, node + Side }.Where(next => next < Side * Side && (next % Side != 0 || next == node + Side) && random.Next(5) > 0))
            {
                map.Way("highway=residential", node, next);
                shortest[node, next] = shortest[next, node] = map[node].DistanceMetersTo(map[next]);
            }
        for (var over = 0; over < Side * Side; over++)
            for (var from = 0; from < Side * Side; from++)
                for (var to = 0; to < Side * Side; to++)
                    shortest[from, to] = Math.Min(shortest[from, to], shortest[from, over] + shortest[over, to]);

        var streets = Read(map.Pbf(), [Home]);
        var again = new StreetMap(Read(map.Pbf(), [Home]), new StreetGrid(1));
        for (var round = 0; round < 100; round++)
        {
            var (from, to) = (Home.OffsetMeters(random.Next(1_000), random.Next(1_000)), Home.OffsetMeters(random.Next(1_000), random.Next(1_000)));
            var way = new StreetMap(streets, new StreetGrid(1)).Between(from, to, isFirstAlong: true);
            (way.From, way.To, way.At(way.Meters)).ShouldBe((from, to, to));
            way.At(0).DistanceMetersTo(from).ShouldBeLessThan(0.01);
            way.Meters.ShouldBeGreaterThanOrEqualTo(from.DistanceMetersTo(to) - 0.01);
            for (var meters = 0.0; meters < way.Meters; meters += 25)
                way.At(meters).DistanceMetersTo(way.At(meters + 25)).ShouldBeLessThan(25.1);
            again.Between(from, to, isFirstAlong: false).Points.ShouldBe(way.Points);
            var (begin, end) = (IdOf(way.Points[1]), IdOf(way.Points[^2]));
            way.Meters.ShouldBe(from.DistanceMetersTo(map[begin]) + shortest[begin, end] + map[end].DistanceMetersTo(to), tolerance: 0.5);
        }

        int IdOf(GeoPoint point) => Enumerable.Range(0, Side * Side).Single(id => map[id] == Rounded(point));
    }

    private static StreetWay Between(byte[] extract, GeoPoint from, GeoPoint to) =>
        new StreetMap(Read(extract, [from, to]), new StreetGrid(1)).Between(from, to, isFirstAlong: true);

    private static StreetGraph Read(byte[] extract, GeoPoint[] places)
    {
        using var file = new TemporaryFile(extract);
        return StreetGraph.Read(file.Path, places, CancellationToken.None);
    }

    private static GeoPoint Rounded(GeoPoint point) => PackedPoint.Of(point).Rounded();
}
