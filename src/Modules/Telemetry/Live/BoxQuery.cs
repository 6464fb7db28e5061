using System.Globalization;
using Mobility.Geo;

namespace Mobility.Telemetry.Live;

/// <summary>The query parameter <c>box=south,west,north,east</c> in degrees; west may be greater than east, the box then crosses the antimeridian.</summary>
internal static class BoxQuery
{
    public static string Rule(double degreesMax) =>
        string.Create(CultureInfo.InvariantCulture, $"Send south,west,north,east in degrees, south below north, at most {degreesMax} degrees either way.");

    /// <summary>Reads a box, its middle, and how far its corners are from there.</summary>
    public static bool TryRead(string text, double degreesMax, out LiveBox box, out GeoPoint middle, out double reachMeters)
    {
        (box, middle, reachMeters) = (default, default, 0);
        Span<Range> parts = stackalloc Range[5];
        if (text.AsSpan().Split(parts, ',') != 4)
            return false;
        Span<double> edges = stackalloc double[4];
        for (var i = 0; i < 4; i++)
            if (!double.TryParse(text.AsSpan()[parts[i]], NumberStyles.Float, CultureInfo.InvariantCulture, out edges[i]))
                return false;
        var (south, west, north, east) = (edges[0], edges[1], edges[2], edges[3]);
        if (!GeoPoint.TryCreate(south, west, out var low) || !GeoPoint.TryCreate(north, east, out var high) || south >= north)
            return false;
        var width = east - west + (east < west ? 360 : 0);
        if (!(north - south <= degreesMax && width > 0 && width <= degreesMax))
            return false;
        var longitude = west + width / 2;
        middle = new GeoPoint((south + north) / 2, longitude > 180 ? longitude - 360 : longitude);
        // The farthest point of a narrow box from its middle is a corner, on the side of the equator.
        reachMeters = Math.Max(Math.Max(middle.DistanceMetersTo(low), middle.DistanceMetersTo(high)),
            Math.Max(middle.DistanceMetersTo(new GeoPoint(south, east)), middle.DistanceMetersTo(new GeoPoint(north, west)))) + 1;
        box = LiveBox.Of(south, west, north, east);
        return true;
    }
}
