namespace Mobility.Geo;

/// <summary>
/// A cell of a fixed grid, about 250 m by 250 m everywhere on earth: 80,000 rows of equal height, each cut into as many equal columns as keep a cell about as
/// wide as high. A cell is one 64-bit key, so a nearby search is an indexed lookup of the keys around a point.
/// <para>Keys are stored: the constants never change. Row in the high bits, column in the low 18.</para>
/// </summary>
/// <param name="Key">0 or greater.</param>
public readonly record struct GridCell(long Key)
{
    /// <summary>Rows from pole to pole; one is 0.00225° or 250.2 m high.</summary>
    public const int Rows = 80_000;

    /// <summary>Height of a cell in degrees of latitude.</summary>
    public const double RowHeightDegrees = 180.0 / Rows;

    /// <summary>Largest radius of <see cref="KeysAround"/>, in meters; it bounds the answer to about 6,700 keys, and to 20,400 where the circle reaches a pole.</summary>
    public const double RadiusMetersMax = 10_000;

    private const int ColumnBits = 18; // the widest row has 160,000 columns

    private static readonly int[] ColumnsByRow = [.. Enumerable.Range(0, Rows).Select(ColumnsIn)];

    /// <summary>The cell's row, 0 at the south pole.</summary>
    public int Row => (int)(Key >> ColumnBits);

    /// <summary>The cell's column, 0 at the antimeridian, eastward.</summary>
    public int Column => (int)(Key & ((1 << ColumnBits) - 1));

    /// <summary>The cell that holds a point. South and west edges belong to the cell; the antimeridian is one line whatever its sign.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The point is not valid.</exception>
    public static GridCell Of(GeoPoint point)
    {
        Require(point);
        var row = RowOf(point.LatitudeDegrees);
        var columns = ColumnsIn(row);
        var column = (int)Math.Floor((point.LongitudeDegrees + 180) / 360 * columns);
        return At(row, column == columns ? 0 : column);
    }

    /// <summary>
    /// Keys of all cells that may hold a point within the radius; ascending, each once. Every such point's cell is among them. Some cells hold none of them
    /// (the corners of the square around the circle), so the caller still compares distances.
    /// </summary>
    /// <param name="center">The middle of the circle.</param>
    /// <param name="radiusMeters">0 to <see cref="RadiusMetersMax"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The point is not valid or the radius is out of range.</exception>
    public static long[] KeysAround(GeoPoint center, double radiusMeters)
    {
        Require(center);
        if (!(radiusMeters is >= 0 and <= RadiusMetersMax))
            throw new ArgumentOutOfRangeException(nameof(radiusMeters), radiusMeters, $"0 to {RadiusMetersMax} meters.");
        var angle = (radiusMeters + 0.01) / GeoPoint.EarthRadiusMeters; // a centimeter more outweighs all rounding
        var angleDegrees = double.RadiansToDegrees(angle);
        var south = RowOf(Math.Max(-90, center.LatitudeDegrees - angleDegrees));
        var north = RowOf(Math.Min(90, center.LatitudeDegrees + angleDegrees));
        // Half the width of a circle on a sphere in longitude: sin Δλ = sin r / cos φ; a circle that holds a pole has all longitudes.
        var ratio = Math.Sin(angle) / Math.Cos(double.DegreesToRadians(center.LatitudeDegrees));
        var holdsPole = Math.Abs(center.LatitudeDegrees) + angleDegrees >= 90 || ratio >= 1;
        var halfWidthDegrees = holdsPole ? 180 : double.RadiansToDegrees(Math.Asin(ratio)) + 1e-9;

        var keys = new List<long>();
        for (var row = south; row <= north; row++)
        {
            var columns = ColumnsIn(row);
            var west = (int)Math.Floor((center.LongitudeDegrees - halfWidthDegrees + 180) / 360 * columns);
            var east = (int)Math.Floor((center.LongitudeDegrees + halfWidthDegrees + 180) / 360 * columns);
            if (east - west >= columns - 1)
                (west, east) = (0, columns - 1);
            for (var column = west; column <= east; column++)
                keys.Add(At(row, (column + columns) % columns).Key);
        }
        keys.Sort();
        return [.. keys];
    }

    /// <summary>Columns of a row, from a table.</summary>
    public static int ColumnsOf(int row) => ColumnsByRow[row];

    /// <summary>Columns of a row: the length of its middle parallel over the height of a row, rounded, at least one.</summary>
    internal static int ColumnsIn(int row) => Math.Max(1, (int)Math.Round(ColumnsUnrounded(row)));

    /// <summary>No row is near enough to a half for another machine's cosine to round it differently; a test looks at every row.</summary>
    internal static double ColumnsUnrounded(int row) =>
        360 / RowHeightDegrees * Math.Cos(double.DegreesToRadians((row + 0.5) * RowHeightDegrees - 90));

    private static GridCell At(int row, int column) => new(((long)row << ColumnBits) | (uint)column);

    private static int RowOf(double latitudeDegrees) => Math.Min(Rows - 1, (int)Math.Floor((latitudeDegrees + 90) / 180 * Rows));

    private static void Require(GeoPoint point)
    {
        if (!point.IsValid)
            throw new ArgumentOutOfRangeException(nameof(point), point, "The point is not a position on earth.");
    }
}
