using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Mobility.Geo;

namespace Mobility.Tests.Geo;

public sealed class GeoPointTests
{
    private const double DegreeMeters = Math.PI / 180 * GeoPoint.EarthRadiusMeters;

    [Theory]
    [InlineData(0, 0, 1, 0, DegreeMeters)]
    [InlineData(0, 0, 0, 1, DegreeMeters)]
    [InlineData(60, 10, 60, 10, 0)]
    [InlineData(90, 0, -90, 0, 180 * DegreeMeters)]
    [InlineData(0, 0, 0, 180, 180 * DegreeMeters)]
    [InlineData(0, 179.5, 0, -179.5, DegreeMeters)]
    [InlineData(52.517, 13.4, 35.7, 139.767, 8_918_000)] // Berlin to Tokyo
    public void Distances_on_the_sphere_are_those_of_the_textbook(double fromLat, double fromLon, double toLat, double toLon, double meters) =>
        new GeoPoint(fromLat, fromLon).DistanceMetersTo(new GeoPoint(toLat, toLon)).ShouldBe(meters, Math.Max(0.001, meters * 0.001));

    [Fact]
    public void One_meter_is_measured_to_the_micrometer() =>
        new GeoPoint(48.2, 11.5).DistanceMetersTo(new GeoPoint(48.2 + 1 / DegreeMeters, 11.5)).ShouldBe(1, 1e-6);

    [Fact]
    public void Distance_is_symmetric_and_keeps_the_triangle()
    {
        var point = GeoGen.Point();
        Prop.ForAll(point.Three().ToArbitrary(), points =>
        {
            var (a, b, c) = points;
            return Math.Abs(a.DistanceMetersTo(b) - b.DistanceMetersTo(a)) < 1e-6
                && a.DistanceMetersTo(c) <= a.DistanceMetersTo(b) + b.DistanceMetersTo(c) + 0.5; // asin loses half a meter near the antipode
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData(90.0001, 0)]
    [InlineData(0, -180.0001)]
    [InlineData(double.NaN, 0)]
    [InlineData(0, double.NaN)]
    [InlineData(double.PositiveInfinity, 0)]
    public void Positions_off_the_earth_are_refused(double latitude, double longitude)
    {
        GeoPoint.TryCreate(latitude, longitude, out var point).ShouldBeFalse();
        point.ShouldBe(default);
    }

    [Fact]
    public void Any_position_survives_its_json() =>
        Prop.ForAll(GeoGen.Point().ToArbitrary(), point => JsonSerializer.Deserialize<GeoPoint>(JsonSerializer.Serialize(point)) == point)
            .QuickCheckThrowOnFailure();

    [Fact]
    public void The_json_of_a_position_names_lat_and_lon() =>
        JsonSerializer.Serialize(new GeoPoint(48.2, 11.5)).ShouldBe("""{"lat":48.2,"lon":11.5}""");

    [Theory]
    [InlineData("""{"lat":91,"lon":0}""")]
    [InlineData("""{"lat":1}""")]
    [InlineData("""{"lat":1,"lat":1,"lon":1}""")]
    [InlineData("""{"lat":1,"lon":1,"alt":1}""")]
    [InlineData("""{"lat":"1","lon":1}""")]
    [InlineData("""{"lat":1e999,"lon":1}""")]
    [InlineData("""[1,1]""")]
    [InlineData("""{"lat":{"a":[1]},"lon":1}""")]
    public void Malformed_positions_are_refused_by_the_reader(string json) =>
        Should.Throw<JsonException>(() => JsonSerializer.Deserialize<GeoPoint>(json));
}

internal static class GeoGen
{
    /// <summary>All of the earth, to a hundred-thousandth of a degree, poles and antimeridian included.</summary>
    public static Gen<GeoPoint> Point() =>
        from latitude in Gen.Choose(-9_000_000, 9_000_000)
        from longitude in Gen.Choose(-18_000_000, 18_000_000)
        select new GeoPoint(latitude / 100_000.0, longitude / 100_000.0);
}
