using FsCheck;
using FsCheck.Fluent;
using Mobility.Geo;

namespace Mobility.Tests.Geo;

public sealed class PackedPointTests
{
    [Fact]
    public void A_position_with_seven_decimals_comes_back_as_it_was()
    {
        var example = from latitude in Gen.Choose(-900_000_000, 900_000_000) from longitude in Gen.Choose(-1_799_999_999, 1_800_000_000) select (latitude, longitude);
        Prop.ForAll(example.ToArbitrary(), given =>
        {
            var point = new GeoPoint(given.latitude / 1e7, given.longitude / 1e7);
            var back = PackedPoint.Of(point).Rounded();
            back.LatitudeDegrees.ShouldBe(point.LatitudeDegrees);
            (back.LongitudeDegrees == point.LongitudeDegrees || (point.LongitudeDegrees == 180 && back.LongitudeDegrees == -180)).ShouldBeTrue($"{back} of {point}");
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(20_000));
    }

    [Fact]
    public void Its_cell_is_that_of_the_grid_but_for_points_on_a_line_of_it()
    {
        Prop.ForAll(GeoGen.Point().ToArbitrary(), point =>
        {
            var packed = PackedPoint.Of(point);
            var row = packed.Row;
            var cell = GridCell.Of(packed.ToPoint());
            (Math.Abs(cell.Row - row) <= 1 && (cell.Row != row || Math.Abs(cell.Column - packed.ColumnIn(row)) is 0 or 1)).ShouldBeTrue();
            if (GridCell.Of(new GeoPoint(Math.Clamp(point.LatitudeDegrees + 1e-5, -90, 90), point.LongitudeDegrees)).Row
                == GridCell.Of(new GeoPoint(Math.Clamp(point.LatitudeDegrees - 1e-5, -90, 90), point.LongitudeDegrees)).Row)
                cell.Row.ShouldBe(row);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(5_000));
    }

    [Fact]
    public void Distances_without_trigonometry_are_those_of_the_formula()
    {
        var example = from latitude in Gen.Choose(-84_000, 84_000)
                      from longitude in Gen.Elements(-180_000, 0, 11_500, 179_999)
                      from seed in Gen.Choose(0, int.MaxValue)
                      select (Center: new GeoPoint(latitude / 1_000.0, longitude / 1_000.0), seed);
        Prop.ForAll(example.ToArbitrary(), given =>
        {
            var random = new Random(given.seed);
            var center = PackedPoint.Of(given.Center);
            var from = new DistanceFrom(center);
            for (var i = 0; i < 20; i++)
            {
                var reach = 1_600_000 / (i + 1); // 15 km and less
                var other = unchecked(new PackedPoint(center.LatitudeUnits + random.Next(-reach, reach) / 2,
                    center.LongitudeUnits + (int)(random.Next(-reach, reach) / 2 / Math.Cos(given.Center.LatitudeDegrees * Math.PI / 180))));
                from.MetersTo(other.LatitudeUnits, other.LongitudeUnits).ShouldBe(center.ToPoint().DistanceMetersTo(other.ToPoint()), 1e-6);
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2_000));
    }
}
