using FsCheck;
using FsCheck.Fluent;
using Mobility.Geo;

namespace Mobility.Tests.Geo;

public sealed class GridCellTests
{
    [Fact]
    public void Every_point_within_the_radius_lies_in_a_covered_cell()
    {
        var example = from center in GeoGen.Point()
                      from radius in Gen.Choose(0, (int)GridCell.RadiusMetersMax)
                      from seed in Gen.Choose(0, int.MaxValue)
                      select (center, radius, seed);
        Prop.ForAll(example.ToArbitrary(), given =>
        {
            var keys = GridCell.KeysAround(given.center, given.radius).ToHashSet();
            var random = new Random(given.seed);
            return Enumerable.Range(0, 200).All(_ =>
            {
                var point = Toward(given.center, random.NextDouble() * 360, given.radius * Math.Sqrt(random.NextDouble()));
                return point.DistanceMetersTo(given.center) > given.radius || keys.Contains(GridCell.Of(point).Key);
            });
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(500));
    }

    [Theory]
    [InlineData(90, 0)]
    [InlineData(-90, 12)]
    [InlineData(89.999, -180)]
    [InlineData(0, 180)]
    [InlineData(0, -180)]
    [InlineData(48.2, 179.9999)]
    [InlineData(85, -179.9999)]
    public void Poles_and_the_antimeridian_are_places_like_any_other(double latitude, double longitude)
    {
        var center = new GeoPoint(latitude, longitude);
        var keys = GridCell.KeysAround(center, 3_000).ToHashSet();
        for (var bearing = 0; bearing < 360; bearing += 5)
        {
            for (var meters = 0; meters < 3_000; meters += 50)
                keys.ShouldContain(GridCell.Of(Toward(center, bearing, meters)).Key);
        }
    }

    [Fact]
    public void A_cover_equals_brute_force_over_the_cells_around_and_little_more()
    {
        var center = new GeoPoint(48.2, 11.5);
        const double Radius = 1_000;
        var keys = GridCell.KeysAround(center, Radius);
        var needed = new HashSet<long>();
        for (var north = -1_005; north <= 1_005; north += 5)
        {
            for (var east = -1_005; east <= 1_005; east += 5)
            {
                var point = new GeoPoint(48.2 + north / 111_195.0, 11.5 + east / (111_195.0 * Math.Cos(48.2 * Math.PI / 180)));
                if (point.DistanceMetersTo(center) <= Radius)
                    needed.Add(GridCell.Of(point).Key);
            }
        }
        needed.ShouldBeSubsetOf(keys);
        keys.ShouldBe(keys.Distinct().Order());
        keys.Length.ShouldBeLessThanOrEqualTo((int)(needed.Count * 4 / Math.PI * 1.25)); // the square around the circle, and its rim
    }

    [Fact]
    public void A_cover_is_bounded_everywhere()
    {
        Prop.ForAll(GeoGen.Point().ToArbitrary(), center => GridCell.KeysAround(center, GridCell.RadiusMetersMax).Length is > 0 and <= 20_500)
            .QuickCheckThrowOnFailure();
        for (var latitude = -89.0; latitude <= 89; latitude += 0.37)
            GridCell.KeysAround(new GeoPoint(latitude, 179.9), GridCell.RadiusMetersMax).Length.ShouldBeLessThanOrEqualTo(7_200, $"at {latitude}");
        for (var meters = 0.0; meters <= 30_000; meters += 100)
            GridCell.KeysAround(new GeoPoint(90 - meters / 111_195, 0), GridCell.RadiusMetersMax).Length.ShouldBeLessThanOrEqualTo(20_500, $"{meters} m from the pole");
    }

    [Fact]
    public void Cells_are_about_250_meters_high_and_wide()
    {
        for (var row = GridCell.Rows / 90; row < GridCell.Rows - GridCell.Rows / 90; row += 97) // two degrees from the poles and on
        {
            var latitude = (row + 0.5) * GridCell.RowHeightDegrees - 90;
            var width = new GeoPoint(latitude, 0).DistanceMetersTo(new GeoPoint(latitude, 360.0 / GridCell.ColumnsIn(row)));
            width.ShouldBe(250.2, 6);
        }
    }

    [Fact]
    public void Keys_do_not_depend_on_the_last_bits_of_a_machines_cosine()
    {
        for (var row = 0; row < GridCell.Rows; row++)
        {
            var unrounded = GridCell.ColumnsUnrounded(row);
            Math.Abs(unrounded - Math.Floor(unrounded) - 0.5).ShouldBeGreaterThan(1e-8, $"row {row}");
        }
    }

    [Fact]
    public void Stored_keys_never_change()
    {
        GridCell.Of(new GeoPoint(48.2, 11.5)).ShouldBe(new GridCell(16_101_465_496));
        GridCell.Of(new GeoPoint(-90, -180)).Key.ShouldBe(0);
        GridCell.Of(new GeoPoint(10, 180)).ShouldBe(GridCell.Of(new GeoPoint(10, -180)));
    }

    [Fact]
    public void Impossible_questions_are_refused()
    {
        Should.Throw<ArgumentOutOfRangeException>(() => GridCell.Of(new GeoPoint(91, 0)));
        Should.Throw<ArgumentOutOfRangeException>(() => GridCell.KeysAround(new GeoPoint(0, double.NaN), 1));
        Should.Throw<ArgumentOutOfRangeException>(() => GridCell.KeysAround(default, -1));
        Should.Throw<ArgumentOutOfRangeException>(() => GridCell.KeysAround(default, GridCell.RadiusMetersMax + 1));
        Should.Throw<ArgumentOutOfRangeException>(() => GridCell.KeysAround(default, double.NaN));
    }

    /// <summary>The point some meters away in a direction, on the sphere (the direct problem of great-circle navigation).</summary>
    private static GeoPoint Toward(GeoPoint from, double bearingDegrees, double meters)
    {
        var (angle, bearing) = (meters / GeoPoint.EarthRadiusMeters, double.DegreesToRadians(bearingDegrees));
        var latitude = double.DegreesToRadians(from.LatitudeDegrees);
        var sine = Math.Clamp(Math.Sin(latitude) * Math.Cos(angle) + Math.Cos(latitude) * Math.Sin(angle) * Math.Cos(bearing), -1, 1);
        var turn = Math.Atan2(Math.Sin(bearing) * Math.Sin(angle) * Math.Cos(latitude), Math.Cos(angle) - Math.Sin(latitude) * sine);
        var longitude = Math.IEEERemainder(from.LongitudeDegrees + double.RadiansToDegrees(turn), 360);
        return new GeoPoint(double.RadiansToDegrees(Math.Asin(sine)), longitude);
    }
}
