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
    private readonly long[] _keys;
    private readonly int[] _lists;
    private readonly int[] _refs;
    private readonly int _mask;

    /// <summary>Lays areas over the grid; the cost is their cells, about 16 for each square kilometer.</summary>
    /// <param name="areas">In order of precedence; answers name them by their place in this list.</param>
    /// <exception cref="ArgumentException">A cell meets more than <see cref="ZonesAtPointMax"/> areas.</exception>
    public ZoneIndex(IEnumerable<GeoMultiPolygon> areas)
    {
        _areas = [.. areas];
        var cells = new Dictionary<long, List<int>>();
        for (var zone = 0; zone < _areas.Length; zone++)
        {
            var cover = new Dictionary<long, bool>();
            foreach (var polygon in _areas[zone].Polygons)
                Cover(polygon, cover);
            foreach (var (cell, isBorder) in cover)
            {
                if (!cells.TryGetValue(cell, out var list))
                    cells.Add(cell, list = []);
                list.Add(isBorder ? zone | BorderFlag : zone);
                if (list.Count > ZonesAtPointMax)
                    throw new ArgumentException($"More than {ZonesAtPointMax} zones meet in one cell.", nameof(areas));
            }
        }
        CellCount = cells.Count;
        _mask = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)(cells.Count * 2 + 2)) - 1;
        _keys = new long[_mask + 1];
        _lists = new int[_mask + 1];
        Array.Fill(_keys, -1);
        // Most cells have the same few lists: each is kept once, its length before it.
        var refs = new List<int>();
        var known = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (cell, list) in cells)
        {
            var name = string.Join(',', list);
            if (!known.TryGetValue(name, out var at))
            {
                known.Add(name, at = refs.Count);
                refs.Add(list.Count);
                refs.AddRange(list);
            }
            var slot = HashOf(cell) & _mask;
            while (_keys[slot] >= 0)
                slot = (slot + 1) & _mask;
            (_keys[slot], _lists[slot]) = (cell, at);
        }
        _refs = [.. refs];
    }

    /// <summary>Cells that meet any zone.</summary>
    public int CellCount { get; }

    /// <summary>The areas, as they were given.</summary>
    public ImmutableArray<GeoMultiPolygon> Areas => _areas;

    /// <summary>Which areas hold the point, ascending.</summary>
    /// <param name="point">A valid point.</param>
    /// <param name="zones">Receives their places; has room for <see cref="ZonesAtPointMax"/>.</param>
    /// <returns>How many.</returns>
    public int At(GeoPoint point, Span<int> zones)
    {
        var count = 0;
        foreach (var entry in ListOf(CellOf(point)))
            if (entry >= 0 || _areas[entry & ~BorderFlag].Contains(point))
                zones[count++] = entry & ~BorderFlag;
        return count;
    }

    /// <summary>Whether an area holds the point; as fast as <see cref="At"/>.</summary>
    public bool Contains(int zone, GeoPoint point)
    {
        foreach (var entry in ListOf(CellOf(point)))
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
        if (fromCell == toCell && IsCertain(ListOf(fromCell)))
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
                foreach (var entry in ListOf(KeyOf(row, column)))
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

    /// <summary>Whether a way that ends outside an area touches it: then it meets its outer ring.</summary>
    private static bool Meets(GeoMultiPolygon area, GeoPoint from, GeoPoint to)
    {
        foreach (var polygon in area.Polygons)
        {
            var ring = polygon.Outer;
            for (var i = 1; i < ring.Length; i++)
                if (Orientation.SegmentsMeet(from, to, ring[i - 1], ring[i]))
                    return true;
        }
        return false;
    }

    private static void Cover(GeoPolygon polygon, Dictionary<long, bool> cover)
    {
        var border = new SortedDictionary<int, List<(int West, int East)>>();
        Trace(polygon.Outer, border);
        foreach (var hole in polygon.Holes)
            Trace(hole, border);
        foreach (var (row, spans) in border)
        {
            var columns = GridCell.ColumnsOf(row);
            spans.Sort();
            var next = 0; // the first column that is not decided
            foreach (var (west, east) in spans)
            {
                if (west > next && IsInside(polygon, row, next, columns))
                    for (var column = next; column < west; column++)
                        cover.TryAdd(KeyOf(row, column), false);
                for (var column = Math.Max(west, next); column <= east; column++)
                    cover[KeyOf(row, column)] = !cover.TryGetValue(KeyOf(row, column), out var isBorder) || isBorder; // inside another part stays inside
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

    private ReadOnlySpan<int> ListOf(long cell)
    {
        for (var slot = HashOf(cell) & _mask; ; slot = (slot + 1) & _mask)
        {
            if (_keys[slot] == cell)
                return _refs.AsSpan(_lists[slot] + 1, _refs[_lists[slot]]);
            if (_keys[slot] < 0)
                return default;
        }
    }

    private static bool IsCertain(ReadOnlySpan<int> list)
    {
        foreach (var entry in list)
            if (entry < 0)
                return false;
        return true;
    }

    private static long CellOf(GeoPoint point)
    {
        var row = RowOf(point.LatitudeDegrees);
        return KeyOf(row, ColumnOf(point.LongitudeDegrees, GridCell.ColumnsOf(row)));
    }

    // The line of the antimeridian is not wrapped here: areas end on the side that they are drawn on, 180 or −180.
    private static int ColumnOf(double longitudeDegrees, int columns) => Math.Clamp((int)Math.Floor((longitudeDegrees + 180) / 360 * columns), 0, columns - 1);

    private static int RowOf(double latitudeDegrees) => Math.Clamp((int)Math.Floor((latitudeDegrees + 90) / 180 * GridCell.Rows), 0, GridCell.Rows - 1);

    private static long KeyOf(int row, int column) => ((long)row << 18) | (uint)column;

    private static int HashOf(long cell) => unchecked((int)((ulong)cell * 0x9E3779B97F4A7C15 >> 33));
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
