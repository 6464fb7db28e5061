using Mobility.Geo;
using Mobility.Twin.Stage;

namespace Mobility.Twin.Streets;

/// <summary>
/// Streets that were never surveyed: two directions at right angles, turned by the city's own angle. A way goes along one and then along the other, as in a city of
/// blocks, and so is as long as both together.
/// </summary>
internal sealed class StreetGrid : IStreets
{
    private readonly double _sine;
    private readonly double _cosine;

    /// <param name="seed">Of the run; gives the angle.</param>
    public StreetGrid(int seed) => (_sine, _cosine) = Math.SinCos(Dice.Of(seed, "streets").Share() * Math.PI / 2);

    /// <inheritdoc/>
    public StreetWay Between(GeoPoint from, GeoPoint to, bool isFirstAlong)
    {
        var metersADegree = double.DegreesToRadians(1) * GeoPoint.EarthRadiusMeters;
        var north = (to.LatitudeDegrees - from.LatitudeDegrees) * metersADegree;
        var east = (to.LongitudeDegrees - from.LongitudeDegrees) * metersADegree * Math.Cos(double.DegreesToRadians(from.LatitudeDegrees));
        var (along, across) = (north * _cosine + east * _sine, east * _cosine - north * _sine);
        var corner = isFirstAlong ? from.OffsetMeters(along * _cosine, along * _sine) : from.OffsetMeters(-across * _sine, across * _cosine);
        return new StreetWay([from, corner, to], [Math.Abs(isFirstAlong ? along : across), Math.Abs(isFirstAlong ? across : along)]);
    }
}
