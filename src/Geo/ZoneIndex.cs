using System.Collections.Immutable;

namespace Mobility.Geo;

/// <summary>
/// Finds the zones of a point without testing them all: zones are laid over the cells of <see cref="GridCell"/>'s grid once, and a cell knows which zones hold
/// all of it and whose boundary passes through it. Only the latter are tested exactly. Answers are those of <see cref="GeoMultiPolygon.Contains"/> (a property
/// test compares them and NetTopologySuite's); none allocates.
/// </summary>
public sealed class ZoneIndex
{
    /// <summary>Zones that may share one point; more are not answered, and building an index over them fails.</summary>
    public const int ZonesAtPointMax = 64;

    /// <summary>Longest movement whose way is looked at, in cells; of a longer one, a lost signal, only both ends count.</summary>
    public const int CellsOfWayMax = 400;

    // Cells are taken a little larger (11 cm) when boundaries are laid over them, so that no rounding puts a point into a neighbor's certainty.
    private const double MarginDegrees = 1e-6;
    private const int BorderFlag = int.MinValue;
    private readonly ImmutableArray<GeoMultiPolygon> _areas;
    private readonly int _firstRow;
    private readonly int[] _rows; // of each row its first segment, and at the end their number
    private readonly int[] _segments; // of each segment its first column
    private readonly int[] _lists; // of each segment where its list begins
    private readonly int[] _refs;

    /// <summary>
    /// Lays areas over the grid. A row of cells is cut where an area's cells begin or end, so what is kept grows with the length of boundaries, not with areas:
    /// a whole country is as welcome as a bay.
    /// </summary>
    /// <param name="areas">In order of precedence; answers name them by their place in this list.</param>
    /// <exception cref="ArgumentException">A cell meets more than <see cref="ZonesAtPointMax"/> areas.</exception>
    public ZoneIndex(IEnumerable<GeoMultiPolygon> areas)
    {
        _areas = [.. areas];
        var spans = new SortedDictionary<int, List<Span>>();
        for (var zone = 0; zone < _areas.Length; zone++)
            foreach (var polygon in _areas[zone].Polygons)
                Cover(polygon, zone, spans);
        _firstRow = spans.Count > 0 ? spans.Keys.First() : 0;
        _rows = new int[spans.Count > 0 ? spans.Keys.Last() - _firstRow + 2 : 1];
        var (segments, lists) = (new List<int>(), new List<int>());
        // Most segments have the same few lists: each is kept once, its length before it. The first is the empty one.
        var refs = new List<int> { 0 };
        var known = new Dictionary<string, int>(StringComparer.Ordinal) { [""] = 0 };
        for (var row = _firstRow; row < _firstRow + _rows.Length - 1; row++)
        {
            _rows[row - _firstRow] = segments.Count;
            if (!spans.TryGetValue(row, out var inRow))
                continue;
            inRow.Sort(static (left, right) => left.West.CompareTo(right.West));
            foreach (var (from, list) in Segments(inRow))
            {
                if (list.Count > ZonesAtPointMax)
                    throw new ArgumentException($"More than {ZonesAtPointMax} zones meet in one cell.", nameof(areas));
                var name = string.Join(',', list);
                if (!known.TryGetValue(name, out var at))
                {
                    known.Add(name, at = refs.Count);
                    refs.Add(list.Count);
                    refs.AddRange(list);
                }
                segments.Add(from);
                lists.Add(at);
            }
        }
        _rows[^1] = segments.Count;
        (_segments, _lists, _refs) = ([.. segments], [.. lists], [.. refs]);
    }

    /// <summary>Cells of a row that one area covers with its inside, or through which its boundary passes.</summary>
    private readonly record struct Span(int West, int East, int Zone, bool IsBorder);

    /// <summary>Pieces that the rows of the grid are cut into.</summary>
    public int SegmentCount => _segments.Length;

    /// <summary>The areas, as they were given.</summary>
    public ImmutableArray<GeoMultiPolygon> Areas => _areas;

    /// <summary>Which areas hold the point, ascending.</summary>
    /// <param name="point">A valid point.</param>
    /// <param name="zones">Receives their places; has room for <see cref="ZonesAtPointMax"/>.</param>
    /// <returns>How many.</returns>
    public int At(GeoPoint point, Span<int> zones)
    {
        var count = 0;
        var (row, column) = CellOf(point);
        foreach (var entry in ListOf(row, column))
            if (entry >= 0 || _areas[entry & ~BorderFlag].Contains(point))
                zones[count++] = entry & ~BorderFlag;
        return count;
    }

    /// <summary>Whether an area holds the point; as fast as <see cref="At"/>.</summary>
    public bool Contains(int zone, GeoPoint point)
    {
        var (row, column) = CellOf(point);
        foreach (var entry in ListOf(row, column))
            if ((entry & ~BorderFlag) == zone)
                return entry >= 0 || _areas[zone].Contains(point);
        return false;
    }

    /// <summary>
    /// What a movement left, entered and crossed. A zone that holds neither end but part of the straight way (the shorter one around the earth) counts as
    /// crossed: a fast vehicle is in and out again between two reports.
    /// </summary>
    /// <param name="from">Where it was.</param>
    /// <param name="to">Where it is.</param>
    /// <param name="left">Receives zones of the first end only, ascending; room for <see cref="ZonesAtPointMax"/>.</param>
    /// <param name="entered">Receives zones of the second end only, likewise.</param>
    /// <param name="crossed">Receives zones of the way only, in no order; what finds no room is left out.</param>
    public ZoneCrossing Between(GeoPoint from, GeoPoint to, Span<int> left, Span<int> entered, Span<int> crossed)
    {
        var (fromCell, toCell) = (CellOf(from), CellOf(to));
        if (fromCell == toCell && IsCertain(ListOf(fromCell.Row, fromCell.Column)))
            return default; // the usual case: the same zones all around, nothing to test
        Span<int> before = stackalloc int[ZonesAtPointMax];
        Span<int> after = stackalloc int[ZonesAtPointMax];
        var (beforeCount, afterCount) = (At(from, before), At(to, after));
        var (i, j, leftCount, enteredCount) = (0, 0, 0, 0);
        while (i < beforeCount || j < afterCount)
        {
            if (j == afterCount || (i < beforeCount && before[i] < after[j]))
                left[leftCount++] = before[i++];
            else if (i == beforeCount || after[j] < before[i])
                entered[enteredCount++] = after[j++];
            else
                (i, j) = (i + 1, j + 1);
        }
        var crossedCount = crossed.IsEmpty ? 0 : Cross(from, to, before[..beforeCount], after[..afterCount], crossed);
        return new ZoneCrossing(leftCount, enteredCount, crossedCount);
    }

    private int Cross(GeoPoint from, GeoPoint to, ReadOnlySpan<int> before, ReadOnlySpan<int> after, Span<int> crossed)
    {
        var east = to.LongitudeDegrees - from.LongitudeDegrees;
        if (Math.Abs(east) > 180)
        {
            // Over the antimeridian: two ways, each in its own hemisphere, as areas are cut there too.
            var (edge, beyond) = east < 0 ? (180.0, -180.0) : (-180.0, 180.0);
            var share = (edge - from.LongitudeDegrees) / (to.LongitudeDegrees + (east < 0 ? 360 : -360) - from.LongitudeDegrees);
            var latitude = from.LatitudeDegrees + (to.LatitudeDegrees - from.LatitudeDegrees) * share;
            var count = Walk(from, new GeoPoint(latitude, edge), before, after, crossed, 0);
            return Walk(new GeoPoint(latitude, beyond), to, before, after, crossed, count);
        }
        return Walk(from, to, before, after, crossed, 0);
    }

    private int Walk(GeoPoint from, GeoPoint to, ReadOnlySpan<int> before, ReadOnlySpan<int> after, Span<int> crossed, int count)
    {
        var (north, east) = (to.LatitudeDegrees - from.LatitudeDegrees, to.LongitudeDegrees - from.LongitudeDegrees);
        var rowsCrossed = Math.Abs(north) / GridCell.RowHeightDegrees;
        var columnsCrossed = Math.Abs(east) / 360 * GridCell.ColumnsOf(RowOf(Math.Abs(from.LatitudeDegrees) < Math.Abs(to.LatitudeDegrees) ? from.LatitudeDegrees : to.LatitudeDegrees));
        if (rowsCrossed + columnsCrossed > CellsOfWayMax)
            return count;
        // Row by row, all columns between where the way comes into the row and where it goes out.
        var (southRow, northRow) = (RowOf(Math.Min(from.LatitudeDegrees, to.LatitudeDegrees)), RowOf(Math.Max(from.LatitudeDegrees, to.LatitudeDegrees)));
        for (var row = southRow; row <= northRow; row++)
        {
            var (west, eastEnd) = LongitudesIn(row, from, to);
            var columns = GridCell.ColumnsOf(row);
            for (var column = ColumnOf(west, columns); column <= ColumnOf(eastEnd, columns); column++)
            {
                foreach (var entry in ListOf(row, column))
                {
                    var zone = entry & ~BorderFlag;
                    if (before.Contains(zone) || after.Contains(zone) || crossed[..count].Contains(zone) || count == crossed.Length)
                        continue;
                    if (Meets(_areas[zone], from, to))
                        crossed[count++] = zone;
                }
            }
        }
        return count;
    }

    /// <summary>Whether a way whose ends are not in an area touches it: then it meets a ring, from one hole to another perhaps only those of holes.</summary>
    private static bool Meets(GeoMultiPolygon area, GeoPoint from, GeoPoint to)
    {
        foreach (var polygon in area.Polygons)
        {
            if (Meets(polygon.Outer, from, to))
                return true;
            foreach (var hole in polygon.Holes)
                if (Meets(hole, from, to))
                    return true;
        }
        return false;
    }

    private static bool Meets(ImmutableArray<GeoPoint> ring, GeoPoint from, GeoPoint to)
    {
        for (var i = 1; i < ring.Length; i++)
            if (Orientation.SegmentsMeet(from, to, ring[i - 1], ring[i]))
                return true;
        return false;
    }

    /// <summary>The row's pieces from west to east: where each begins, and its zones in order, with the flag where the zone must be tested.</summary>
    private static IEnumerable<(int From, List<int> List)> Segments(List<Span> spans)
    {
        var cuts = new SortedSet<int>();
        foreach (var span in spans)
        {
            cuts.Add(span.West);
            cuts.Add(span.East + 1);
        }
        var (active, next) = (new List<Span>(), 0);
        foreach (var from in cuts)
        {
            active.RemoveAll(span => span.East < from);
            for (; next < spans.Count && spans[next].West <= from; next++)
                active.Add(spans[next]);
            // A cell that is inside one part of an area is inside the area, whatever other parts do there.
            yield return (from, [.. active.GroupBy(span => span.Zone).OrderBy(zone => zone.Key).Select(zone => zone.All(span => span.IsBorder) ? zone.Key | BorderFlag : zone.Key)]);
        }
    }

    private static void Cover(GeoPolygon polygon, int zone, SortedDictionary<int, List<Span>> spans)
    {
        var border = new SortedDictionary<int, List<(int West, int East)>>();
        Trace(polygon.Outer, border);
        foreach (var hole in polygon.Holes)
            Trace(hole, border);
        foreach (var (row, borders) in border)
        {
            var columns = GridCell.ColumnsOf(row);
            if (!spans.TryGetValue(row, out var inRow))
                spans.Add(row, inRow = []);
            borders.Sort();
            var next = 0; // the first column that is not decided
            foreach (var (west, east) in borders)
            {
                if (west > next && IsInside(polygon, row, next, columns))
                    inRow.Add(new Span(next, west - 1, zone, false));
                if (east >= next)
                    inRow.Add(new Span(Math.Max(west, next), east, zone, true));
                next = Math.Max(next, east + 1);
            }
        }
    }

    /// <summary>No boundary is between this cell and the next border, so the cell's middle speaks for all of them.</summary>
    private static bool IsInside(GeoPolygon polygon, int row, int column, int columns) =>
        polygon.Contains(new GeoPoint((row + 0.5) * GridCell.RowHeightDegrees - 90, (column + 0.5) * 360 / columns - 180));

    private static void Trace(ImmutableArray<GeoPoint> ring, SortedDictionary<int, List<(int, int)>> border)
    {
        for (var i = 1; i < ring.Length; i++)
        {
            var (from, to) = (ring[i - 1], ring[i]);
            var southRow = RowOf(Math.Min(from.LatitudeDegrees, to.LatitudeDegrees) - MarginDegrees);
            var northRow = RowOf(Math.Max(from.LatitudeDegrees, to.LatitudeDegrees) + MarginDegrees);
            for (var row = southRow; row <= northRow; row++)
            {
                var (west, east) = LongitudesIn(row, from, to);
                var columns = GridCell.ColumnsOf(row);
                if (!border.TryGetValue(row, out var spans))
                    border.Add(row, spans = []);
                spans.Add((ColumnOf(west, columns), ColumnOf(east, columns)));
            }
        }
    }

    /// <summary>The longitudes of a straight line within a row, with the margin around.</summary>
    private static (double West, double East) LongitudesIn(int row, GeoPoint from, GeoPoint to)
    {
        var south = row * GridCell.RowHeightDegrees - 90 - MarginDegrees;
        var north = (row + 1) * GridCell.RowHeightDegrees - 90 + MarginDegrees;
        var (one, other) = (from.LongitudeDegrees, to.LongitudeDegrees);
        var height = to.LatitudeDegrees - from.LatitudeDegrees;
        if (height != 0)
        {
            var width = to.LongitudeDegrees - from.LongitudeDegrees;
            var (a, b) = ((south - from.LatitudeDegrees) / height, (north - from.LatitudeDegrees) / height);
            one = from.LongitudeDegrees + Math.Clamp(a, 0, 1) * width;
            other = from.LongitudeDegrees + Math.Clamp(b, 0, 1) * width;
        }
        return (Math.Min(one, other) - MarginDegrees, Math.Max(one, other) + MarginDegrees);
    }

    private ReadOnlySpan<int> ListOf(int row, int column)
    {
        var at = row - _firstRow;
        if (at < 0 || at >= _rows.Length - 1)
            return default;
        var (low, high) = (_rows[at], _rows[at + 1]);
        var first = low;
        while (low < high) // the first segment that begins east of the column
        {
            var middle = (low + high) >> 1;
            if (_segments[middle] <= column)
                low = middle + 1;
            else
                high = middle;
        }
        if (low == first)
            return default;
        var list = _lists[low - 1];
        return _refs.AsSpan(list + 1, _refs[list]);
    }

    private static bool IsCertain(ReadOnlySpan<int> list)
    {
        foreach (var entry in list)
            if (entry < 0)
                return false;
        return true;
    }

    private static (int Row, int Column) CellOf(GeoPoint point)
    {
        var row = RowOf(point.LatitudeDegrees);
        return (row, ColumnOf(point.LongitudeDegrees, GridCell.ColumnsOf(row)));
    }

    // The line of the antimeridian is not wrapped here: areas end on the side that they are drawn on, 180 or −180.
    private static int ColumnOf(double longitudeDegrees, int columns) => Math.Clamp((int)Math.Floor((longitudeDegrees + 180) / 360 * columns), 0, columns - 1);

    private static int RowOf(double latitudeDegrees) => Math.Clamp((int)Math.Floor((latitudeDegrees + 90) / 180 * GridCell.Rows), 0, GridCell.Rows - 1);
}

/// <summary>How many zones a movement left, entered and crossed.</summary>
/// <param name="Left">It was there and is not any more.</param>
/// <param name="Entered">It is there now.</param>
/// <param name="Crossed">It was there in between only.</param>
public readonly record struct ZoneCrossing(int Left, int Entered, int Crossed)
{
    /// <summary>Whether nothing changed.</summary>
    public bool IsNothing => (Left | Entered | Crossed) == 0;
}

/// <summary>
/// Keeps a vehicle that stands at a border from flapping: its zones are decided at a place and stay decided until it has moved away from that place by more
/// than its position can be wrong. So noise below the margin never crosses anything, and a real way is looked at every few meters.
/// </summary>
/// <param name="Decided">Where the vehicle's zones were last decided.</param>
public readonly record struct StandingPlace(GeoPoint Decided)
{
    /// <summary>Meters that a vehicle must move for its zones to be looked at again, when its accuracy is not known or better.</summary>
    public const double MarginMeters = 25;

    /// <summary>Whether a vehicle has left its place; then its crossings are those from <see cref="Decided"/> to the new place, which is the next place to stand.</summary>
    /// <param name="now">Where it says that it is.</param>
    /// <param name="accuracyMeters">How far off it may be, by its own word; null when it did not say.</param>
    public bool IsLeftFor(GeoPoint now, double? accuracyMeters) =>
        Decided.DistanceMetersTo(now) > Math.Max(MarginMeters, 2 * Math.Min(accuracyMeters ?? 0, 200));
}
