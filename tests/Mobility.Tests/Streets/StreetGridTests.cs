using Mobility.Geo;
using Mobility.Twin.Streets;

namespace Mobility.Tests.Streets;

public sealed class StreetGridTests
{
    private static readonly GeoPoint Home = new(48.2, 11.5);

    [Theory]
    [InlineData(0, 0)]
    [InlineData(500, 0)]
    [InlineData(-300, 800)]
    [InlineData(1_200, -1_200)]
    public void A_way_is_as_long_as_its_two_streets_and_never_shorter_than_the_crow_flies(double north, double east)
    {
        var to = Home.OffsetMeters(north, east);
        foreach (var seed in Enumerable.Range(1, 20))
            foreach (var first in new[] { true, false })
            {
                var way = new StreetGrid(seed).Between(Home, to, first);
                var crow = Home.DistanceMetersTo(to);
                way.Meters.ShouldBeInRange(crow * 0.995, crow * Math.Sqrt(2) * 1.005 + 0.1);
                way.At(way.Meters).ShouldBe(to);
                way.At(0).DistanceMetersTo(Home).ShouldBeLessThan(0.01);
                for (var meters = 0.0; meters + 50 < way.Meters; meters += 50)
                    way.At(meters).DistanceMetersTo(way.At(meters + 50)).ShouldBeLessThan(50.5);
            }
    }
}
