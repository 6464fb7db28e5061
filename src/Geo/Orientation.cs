using System.Numerics;

namespace Mobility.Geo;

/// <summary>On which side of a line a point lies, decided exactly for all finite doubles.</summary>
internal static class Orientation
{
    // Shewchuk, "Adaptive Precision Floating-Point Arithmetic and Fast Robust Geometric Predicates" (1997), ccwerrboundA = (3 + 16ε)ε with ε = 2⁻⁵³.
    private const double Epsilon = 1.1102230246251565e-16;
    private const double ErrorBound = (3 + 16 * Epsilon) * Epsilon;

    /// <summary>Sign of the cross product (b − a) × (c − a) with x = longitude, y = latitude: 1 left of the line a→b, −1 right of it, 0 on it.</summary>
    public static int Of(GeoPoint a, GeoPoint b, GeoPoint c)
    {
        var left = (a.LongitudeDegrees - c.LongitudeDegrees) * (b.LatitudeDegrees - c.LatitudeDegrees);
        var right = (a.LatitudeDegrees - c.LatitudeDegrees) * (b.LongitudeDegrees - c.LongitudeDegrees);
        var determinant = left - right;
        var certain = ErrorBound * (Math.Abs(left) + Math.Abs(right));
        // Underflow spoils the bound, hence the floor: below it the exact way decides.
        return Math.Abs(determinant) > certain && certain > 1e-280 ? Math.Sign(determinant) : Exact(a, b, c);
    }

    /// <summary>Whether two segments have a point in common, ends included; exact.</summary>
    public static bool SegmentsMeet(GeoPoint a, GeoPoint b, GeoPoint c, GeoPoint d)
    {
        var (abc, abd, cda, cdb) = (Of(a, b, c), Of(a, b, d), Of(c, d, a), Of(c, d, b));
        if (abc != abd && cda != cdb)
            return true;
        return (abc == 0 && IsWithin(a, b, c)) || (abd == 0 && IsWithin(a, b, d)) || (cda == 0 && IsWithin(c, d, a)) || (cdb == 0 && IsWithin(c, d, b));
    }

    /// <summary>Whether a point of a segment's line lies between its ends.</summary>
    private static bool IsWithin(GeoPoint a, GeoPoint b, GeoPoint on) =>
        on.LatitudeDegrees >= Math.Min(a.LatitudeDegrees, b.LatitudeDegrees) && on.LatitudeDegrees <= Math.Max(a.LatitudeDegrees, b.LatitudeDegrees)
        && on.LongitudeDegrees >= Math.Min(a.LongitudeDegrees, b.LongitudeDegrees) && on.LongitudeDegrees <= Math.Max(a.LongitudeDegrees, b.LongitudeDegrees);

    /// <summary>The same in integers: every finite double is a whole multiple of 2⁻¹⁰⁷⁴, so nothing is rounded.</summary>
    private static int Exact(GeoPoint a, GeoPoint b, GeoPoint c)
    {
        var (cx, cy) = (Whole(c.LongitudeDegrees), Whole(c.LatitudeDegrees));
        var left = (Whole(a.LongitudeDegrees) - cx) * (Whole(b.LatitudeDegrees) - cy);
        var right = (Whole(a.LatitudeDegrees) - cy) * (Whole(b.LongitudeDegrees) - cx);
        return (left - right).Sign;
    }

    private static BigInteger Whole(double value)
    {
        var bits = BitConverter.DoubleToInt64Bits(value);
        var exponent = (int)((bits >> 52) & 0x7FF);
        var fraction = bits & 0xF_FFFF_FFFF_FFFF;
        var magnitude = exponent == 0 ? new BigInteger(fraction) : new BigInteger(fraction | (1L << 52)) << (exponent - 1);
        return bits < 0 ? -magnitude : magnitude;
    }
}
