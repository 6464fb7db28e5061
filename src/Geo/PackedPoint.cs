namespace Mobility.Geo;

/// <summary>
/// A position in eight bytes: both angles as 32-bit fractions of a full turn (2³² units = 360°), so a difference of longitudes is right across the
/// antimeridian by the wrap of the integers alone. One unit is 9.3 mm of latitude; a position with up to seven decimals comes back as it was given.
/// </summary>
/// <param name="LatitudeUnits">−2³⁰ (south pole) to 2³⁰ (north pole).</param>
/// <param name="LongitudeUnits">Any value; −2³¹ is the antimeridian, whatever its sign was.</param>
public readonly record struct PackedPoint(int LatitudeUnits, int LongitudeUnits)
{
    /// <summary>Units of one degree.</summary>
    public const double UnitsPerDegree = 4294967296.0 / 360;

    /// <summary>Meters of one unit along a great circle.</summary>
    public const double MetersPerUnit = GeoPoint.EarthRadiusMeters * 2 * Math.PI / 4294967296.0;

    /// <summary>Units of a quarter turn: the latitude of the north pole.</summary>
    public const int Pole = 1 << 30;

    private const long TenMillionthsPerTurn = 3_600_000_000;

    /// <summary>The nearest packed position.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The point is not valid.</exception>
    public static PackedPoint Of(GeoPoint point)
    {
        if (!point.IsValid)
            throw new ArgumentOutOfRangeException(nameof(point), point, "The point is not a position on earth.");
        return unchecked(new PackedPoint(
            (int)Math.Round(point.LatitudeDegrees * UnitsPerDegree), (int)(long)Math.Round(point.LongitudeDegrees * UnitsPerDegree)));
    }

    /// <summary>Latitude in units of 10⁻⁷ degrees, rounded.</summary>
    public int LatitudeE7 => InTenMillionths(LatitudeUnits);

    /// <summary>Longitude in units of 10⁻⁷ degrees, rounded; −1,800,000,000 to 1,800,000,000.</summary>
    public int LongitudeE7 => InTenMillionths(LongitudeUnits);

    /// <summary>The position in degrees.</summary>
    public GeoPoint ToPoint() => new(LatitudeUnits / UnitsPerDegree, LongitudeUnits / UnitsPerDegree);

    /// <summary>The position in degrees, rounded to seven decimals: what was packed, if it had no more.</summary>
    public GeoPoint Rounded() => new(LatitudeE7 / 1e7, LongitudeE7 / 1e7);

    /// <summary>The row of <see cref="GridCell"/>'s grid.</summary>
    public int Row => RowOf(LatitudeUnits);

    /// <summary>The column within a row of <see cref="GridCell"/>'s grid.</summary>
    public int ColumnIn(int row) => ColumnOf(LongitudeUnits, GridCell.ColumnsOf(row));

    /// <summary>The row of a latitude in units; latitudes beyond the poles count as the poles.</summary>
    public static int RowOf(int latitudeUnits) => unchecked(
        Math.Min(GridCell.Rows - 1, (int)((Math.Clamp(latitudeUnits, -Pole, Pole) + (long)Pole) * GridCell.Rows >> 31)));

    /// <summary>The column of a longitude in units, in a row of so many columns.</summary>
    public static int ColumnOf(int longitudeUnits, int columns) => unchecked((int)((uint)(longitudeUnits ^ int.MinValue) * (ulong)columns >> 32));

    /// <summary>The southern edge of a row, in units; exact to one unit.</summary>
    public static int SouthOf(int row) => unchecked((int)(((long)row << 31) / GridCell.Rows - Pole));

    // Rounds half up; the product fits 63 bits: 2³¹ · 3.6·10⁹ < 2⁶³.
    private static int InTenMillionths(int units) => unchecked((int)(units * TenMillionthsPerTurn + (1L << 31) >> 32));
}

/// <summary>
/// Great-circle distances from one place to positions near it, without trigonometric calls: the haversine formula of <see cref="GeoPoint.DistanceMetersTo"/>
/// with its sines written as Taylor sums of the small differences. Up to <see cref="ReachMeters"/> and <see cref="LatitudeUnitsMax"/> the result is the
/// formula's to within a millionth of a meter (a property test compares them); farther out callers use the formula itself.
/// </summary>
public readonly struct DistanceFrom
{
    /// <summary>Largest distance that is exact.</summary>
    public const double ReachMeters = 15_000;

    /// <summary>Largest absolute latitude of the place, in units: 84°.</summary>
    public const int LatitudeUnitsMax = (int)(84 * PackedPoint.UnitsPerDegree);

    private const double RadiansPerUnit = 2 * Math.PI / 4294967296.0;
    private readonly PackedPoint _place;
    private readonly double _sin;
    private readonly double _cos;

    /// <summary>Prepares the place.</summary>
    public DistanceFrom(PackedPoint place)
    {
        _place = place;
        (_sin, _cos) = Math.SinCos(place.LatitudeUnits * RadiansPerUnit);
    }

    /// <summary>Sine of the place's latitude.</summary>
    public double SinLatitude => _sin;

    /// <summary>Cosine of the place's latitude.</summary>
    public double CosLatitude => _cos;

    /// <summary>Meters to a position no farther than <see cref="ReachMeters"/>.</summary>
    public double MetersTo(int latitudeUnits, int longitudeUnits)
    {
        var north = unchecked(latitudeUnits - _place.LatitudeUnits) * RadiansPerUnit;
        var east = unchecked(longitudeUnits - _place.LongitudeUnits) * RadiansPerUnit;
        var north2 = north * north;
        var cosOther = _cos * (1 - north2 / 2 * (1 - north2 / 12)) - _sin * north * (1 - north2 / 6);
        var (x, y) = (east / 2, north / 2);
        var (x2, y2) = (x * x, y * y);
        var sinX = x * (1 - x2 / 6 * (1 - x2 / 20));
        var sinY = y * (1 - y2 / 6 * (1 - y2 / 20));
        var haversine = sinY * sinY + _cos * cosOther * sinX * sinX;
        return 2 * GeoPoint.EarthRadiusMeters * Math.Sqrt(haversine) * (1 + haversine / 6 * (1 + haversine * 9 / 20));
    }
}
