using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Mobility.Geo;

namespace Mobility.Telemetry.Live;

/// <summary>An area of the map: a rectangle that may cross the antimeridian (west is then the greater longitude).</summary>
internal readonly record struct LiveBox(int SouthUnits, int WestUnits, int NorthUnits, int EastUnits)
{
    public static LiveBox Of(double south, double west, double north, double east)
    {
        var (low, high) = (PackedPoint.Of(new GeoPoint(south, west)), PackedPoint.Of(new GeoPoint(north, east)));
        // 180° is −180° when packed; as an eastern edge it is the last unit before.
        return new LiveBox(low.LatitudeUnits, low.LongitudeUnits, high.LatitudeUnits, east == 180 ? int.MaxValue : high.LongitudeUnits);
    }

    public uint WidthUnits => unchecked((uint)(EastUnits - WestUnits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Contains(PackedPoint point) => point.LatitudeUnits >= SouthUnits && point.LatitudeUnits <= NorthUnits
        && unchecked((uint)(point.LongitudeUnits - WestUnits)) <= WidthUnits;
}

/// <summary>
/// Searches of one thread: it owns the memory they need, so a search allocates nothing. What it returns is valid until the thread's next search.
/// <para>
/// A search sees the fleet as it was at one instant: it notes the versions of the tiles it reads, and when any of them, the blocks or the directory changed
/// before it was done, it begins again. After <see cref="TriesMax"/> tries it takes its turn among the writers. ADR 0009 has the argument, a stress test the proof.
/// </para>
/// </summary>
internal sealed class LiveSearch(LiveFleet fleet)
{
    public const int TriesMax = 16;

    /// <summary>Vehicles of one answer.</summary>
    public const int FoundMax = 5_000;

    /// <summary>Up to here distances come from vectors; farther searches use the formula itself, one vehicle after another.</summary>
    public const double VectorRadiusMetersMax = 10_000;

    private const int NearMax = 2_048;
    private const int BlocksAtOnce = 2_048;
    private const int Bins = 64;

    // Squared distances in single precision are off by less than this share (a test compares them at all latitudes up to 84°).
    private const float Slack = 1.0002f;
    private const float SlackSquareMeters = 0.02f;

    private readonly float[] _squares = new float[NearMax + LiveCells.Lanes];
    private readonly int[] _places = new int[NearMax + LiveCells.Lanes];
    private readonly int[] _sorted = new int[NearMax + LiveCells.Lanes];
    private readonly ushort[] _bins = new ushort[Bins];
    private LiveTile[] _tiles = new LiveTile[256];
    private int[] _versions = new int[256];
    private int[] _list = new int[2 * BlocksAtOnce];
    private FoundVehicle[] _found = new FoundVehicle[64];
    private int _foundCount;
    private int _tileCount;
    private int _listed;
    private int _nearCount;
    private LiveCells.Blocks _blocks = fleet.Cells.Current;

    /// <summary>Searches that began again because a writer came between.</summary>
    public long Retries { get; private set; }

    /// <summary>Searches that took the writers' turn.</summary>
    public long Waits { get; private set; }

    /// <summary>The nearest vehicles within a radius, nearest first; of two at the same distance the one with the smaller id.</summary>
    /// <param name="center">From where.</param>
    /// <param name="radiusMeters">0 or more.</param>
    /// <param name="filter">Which vehicles.</param>
    /// <param name="limit">1 to <see cref="FoundMax"/>.</param>
    /// <param name="box">Only vehicles in here, too.</param>
    public ReadOnlySpan<FoundVehicle> Nearest(PackedPoint center, double radiusMeters, in LiveFilter filter, int limit, LiveBox? box = null)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, FoundMax);
        if (_found.Length < limit + 1)
            _found = new FoundVehicle[limit + 1];
        // In a dense city the nearest few are next door: a wide search looks there first.
        for (var near = RadiusThatHolds(limit, center); near < radiusMeters * 0.8; near *= 2.5)
            if (Complete(center, near, filter, limit, box) == limit)
                return _found.AsSpan(0, limit);
        Complete(center, radiusMeters, filter, limit, box);
        return _found.AsSpan(0, _foundCount);
    }

    /// <summary>Vehicles in a box, in no order, at most so many.</summary>
    public ReadOnlySpan<FoundVehicle> Within(LiveBox box, in LiveFilter filter, int limit)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, FoundMax);
        if (_found.Length < limit + 1)
            _found = new FoundVehicle[limit + 1];
        for (var tries = 0; tries < TriesMax; tries++)
        {
            if (TryWithin(box, filter, limit))
                return _found.AsSpan(0, _foundCount);
            Retries++;
        }
        Waits++;
        var wanted = filter;
        fleet.Still((Search: this, box, wanted, limit), static a => a.Search.TryWithin(a.box, a.wanted, a.limit));
        return _found.AsSpan(0, _foundCount);
    }

    /// <summary>A guess from the rentable vehicles of the tile: a circle with three standard deviations more of them than are asked for.</summary>
    private double RadiusThatHolds(int limit, PackedPoint center)
    {
        var row = center.Row;
        var rentable = fleet.Cells.Find(row, center.ColumnIn(row) >> LiveTile.SideBits)?.Rentable ?? 0;
        return Math.Sqrt((limit + 3 * Math.Sqrt(limit)) / (Math.PI * Math.Max(1, rentable)) * LiveTile.SquareMeters);
    }

    private int Complete(PackedPoint center, double radiusMeters, in LiveFilter filter, int limit, LiveBox? box)
    {
        for (var tries = 0; tries < TriesMax; tries++)
        {
            if (TryNearest(center, radiusMeters, filter, limit, box))
                return _foundCount;
            Retries++;
        }
        Waits++;
        var wanted = filter;
        fleet.Still((Search: this, center, radiusMeters, wanted, limit, box),
            static a => a.Search.TryNearest(a.center, a.radiusMeters, a.wanted, a.limit, a.box));
        return _foundCount;
    }

    private bool TryNearest(PackedPoint center, double radiusMeters, in LiveFilter filter, int limit, LiveBox? box)
    {
        _foundCount = _nearCount = 0;
        var structure = Begin();
        var from = new DistanceFrom(center);
        var done = radiusMeters <= VectorRadiusMetersMax && Math.Abs(center.LatitudeUnits) <= DistanceFrom.LatitudeUnitsMax
            ? TryByVector(center, from, radiusMeters, filter, limit, box)
            : null as bool?;
        return (done ?? TryByFormula(center, radiusMeters, filter, limit, box)) && IsStill(structure);
    }

    private int Begin()
    {
        var structure = fleet.Cells.Structure;
        _blocks = fleet.Cells.Current;
        _tileCount = _listed = 0;
        return structure;
    }

    /// <summary>Whether nothing that was read has changed since it was first looked at.</summary>
    private bool IsStill(int structure)
    {
        Volatile.ReadBarrier(); // what was read before stays before
        for (var i = 0; i < _tileCount; i++)
            if (_tiles[i].Version != _versions[i])
                return false;
        return fleet.Cells.Structure == structure && fleet.Cells.Current == _blocks;
    }

    /// <summary>Null when more vehicles than fit are near the edge of the answer: the formula's way needs no room for them.</summary>
    private bool? TryByVector(PackedPoint center, in DistanceFrom from, double radiusMeters, in LiveFilter filter, int limit, LiveBox? box)
    {
        var reach = (radiusMeters + 0.05) / PackedPoint.MetersPerUnit + 1;
        var south = PackedPoint.RowOf((int)Math.Max(-PackedPoint.Pole, center.LatitudeUnits - reach));
        var north = PackedPoint.RowOf((int)Math.Min(PackedPoint.Pole, center.LatitudeUnits + reach));
        // The least cosine of a latitude that the circle touches: cos(|φ| + r) ≥ cos φ (1 − r²/2) − sin |φ| r.
        var angle = reach * PackedPoint.MetersPerUnit / GeoPoint.EarthRadiusMeters;
        var leastCos = from.CosLatitude * (1 - angle * angle / 2) - Math.Abs(from.SinLatitude) * angle;
        var widen = 1.0001 / Math.Sqrt(from.CosLatitude * leastCos);
        var scan = new Scan(center, from, radiusMeters, filter, box);
        for (var row = south; row <= north; row++)
        {
            var rowSouth = PackedPoint.SouthOf(row) - 1L;
            var rowNorth = PackedPoint.SouthOf(row + 1) + 1L;
            double off = center.LatitudeUnits < rowSouth ? rowSouth - center.LatitudeUnits : center.LatitudeUnits > rowNorth ? center.LatitudeUnits - rowNorth : 0;
            var half = Math.Min((uint)int.MaxValue, (uint)(Math.Sqrt(Math.Max(0, reach * reach - off * off)) * widen + 2));
            var columns = GridCell.ColumnsOf(row);
            var west = PackedPoint.ColumnOf(unchecked(center.LongitudeUnits - (int)half), columns);
            var east = PackedPoint.ColumnOf(unchecked(center.LongitudeUnits + (int)half), columns);
            if (west <= east ? !List(row, west, east) : !List(row, west, columns - 1) || !List(row, 0, east))
                return false;
            if (_listed < BlocksAtOnce)
                continue;
            if (!scan.Run(this, limit))
                return null;
        }
        if (!scan.Run(this, limit))
            return null;
        Choose(from, radiusMeters, scan.Edge, limit);
        return true;
    }

    /// <summary>Notes the blocks of a row's cells and the versions of their tiles. False when a writer is inside one.</summary>
    private bool List(int row, int west, int east)
    {
        var cells = fleet.Cells;
        var rowInTile = row & (LiveTile.Side - 1);
        for (var tileColumn = west >> LiveTile.SideBits; tileColumn <= east >> LiveTile.SideBits; tileColumn++)
        {
            if (cells.Find(row, tileColumn) is not { } tile)
                continue;
            if (_tileCount == 0 || _tiles[_tileCount - 1] != tile)
            {
                var version = Volatile.Read(ref tile.Version);
                if ((version & 1) != 0)
                    return false;
                if (_tileCount == _tiles.Length)
                {
                    Array.Resize(ref _tiles, 2 * _tileCount);
                    Array.Resize(ref _versions, 2 * _tileCount);
                }
                (_tiles[_tileCount], _versions[_tileCount]) = (tile, version);
                _tileCount++;
            }
            var first = tileColumn << LiveTile.SideBits;
            var wanted = (-1 << Math.Max(0, west - first)) & (int)(((1u << LiveTile.Side) - 1) >> Math.Max(0, first + LiveTile.Side - 1 - east));
            var entries = tile.Cells;
            for (var held = entries[rowInTile] & wanted; held != 0; held &= held - 1)
            {
                var entry = entries[LiveTile.Side + (rowInTile << LiveTile.SideBits) + BitOperations.TrailingZeroCount(held)];
                for (var block = entry & ~LiveCells.MoreFlag; ;)
                {
                    if (block < 0 || block >= _blocks.Count || _listed > _blocks.Count)
                        return false; // a writer is at it: there is no such block, or the chain has become a circle
                    if (_listed == _list.Length)
                        Array.Resize(ref _list, 2 * _listed);
                    _list[_listed++] = block;
                    _blocks.Prefetch(block);
                    if (entry >= 0)
                        break;
                    block = _blocks.Next[block];
                    if (block < 0)
                        break;
                }
            }
        }
        return true;
    }

    /// <summary>Looks at the listed blocks, eight vehicles at a time, and keeps those near enough.</summary>
    private ref struct Scan
    {
        private readonly Vector256<int> _latitude;
        private readonly Vector256<int> _longitude;
        private readonly Vector256<int> _mask;
        private readonly Vector256<int> _want;
        private readonly Vector256<int> _chargeAbove;
        private readonly float _shrink;
        private readonly float _turn;
        private readonly LiveFilter _filter;
        private readonly LiveBox _box;
        private readonly bool _looksCloser;
        private readonly bool _boxed;

        public Scan(PackedPoint center, in DistanceFrom from, double radiusMeters, in LiveFilter filter, LiveBox? box)
        {
            _latitude = Vector256.Create(center.LatitudeUnits);
            _longitude = Vector256.Create(center.LongitudeUnits);
            _mask = Vector256.Create(filter.Mask);
            _want = Vector256.Create(filter.Want);
            _chargeAbove = Vector256.Create(filter.ChargeAbove);
            // cos φ₁ cos φ₂ ≈ cos² φ₁ − cos φ₁ sin φ₁ Δφ, with Δφ in meters over the earth's radius.
            _shrink = (float)(from.CosLatitude * from.CosLatitude);
            _turn = (float)(from.CosLatitude * from.SinLatitude / GeoPoint.EarthRadiusMeters);
            Edge = (float)(radiusMeters * radiusMeters) * Slack + SlackSquareMeters;
            _filter = filter;
            _boxed = box is not null;
            _box = box ?? default;
            _looksCloser = _boxed || filter.MinimumChargeByClass is not null;
        }

        /// <summary>Squared meters within which a vehicle is still of interest.</summary>
        public float Edge { get; private set; }

        public bool Run(LiveSearch search, int limit)
        {
            var blocks = search._blocks;
            var count = search._nearCount;
            var scale = Vector256.Create((float)PackedPoint.MetersPerUnit);
            var shrink = Vector256.Create(_shrink);
            var turn = Vector256.Create(_turn);
            var edge = Vector256.Create(Edge);
            ref var squares = ref search._squares[0];
            ref var places = ref search._places[0];
            var list = search._list.AsSpan(0, search._listed);
            search._listed = 0;
            unchecked
            {
                foreach (var block in list)
                {
                    ref var first = ref blocks.At(block);
                    var north = Vector256.ConvertToSingle(Vector256.LoadUnsafe(ref first) - _latitude) * scale;
                    var east = Vector256.ConvertToSingle(Vector256.LoadUnsafe(ref first, LiveCells.LongitudeAt) - _longitude) * scale;
                    // A free lane's latitude makes the factor negative: it must stay far away.
                    var square = north * north + east * east * Vector256.Max(shrink - turn * north, Vector256<float>.Zero);
                    var hits = Vector256.LessThanOrEqual(square, edge).AsInt32();
                    // No branch on what was found: the processor reads on ahead over blocks that are not in its cache yet.
                    var bits = Vector256.LoadUnsafe(ref first, LiveCells.BitsAt);
                    hits &= Vector256.Equals(bits & _mask, _want) & Vector256.GreaterThan(bits & Vector256.Create(LiveBits.ChargeMask), _chargeAbove);
                    var lanes = hits.ExtractMostSignificantBits();
                    var own = Vector256.Create(block * LiveCells.Lanes) + Vector256<int>.Indices;
                    if (_looksCloser)
                        lanes = LookCloser(blocks, block, lanes);
                    if (Avx2.IsSupported)
                    {
                        // The lanes that hit move to the front and all eight are stored: no branch depends on which they are.
                        var order = Vector256.LoadUnsafe(ref Front[0], lanes * LiveCells.Lanes);
                        Vector256.StoreUnsafe(Avx2.PermuteVar8x32(square, order), ref squares, (nuint)count);
                        Vector256.StoreUnsafe(Avx2.PermuteVar8x32(own, order), ref places, (nuint)count);
                        count += BitOperations.PopCount(lanes);
                    }
                    else
                    {
                        for (; lanes != 0; lanes &= lanes - 1, count++)
                        {
                            var lane = BitOperations.TrailingZeroCount(lanes);
                            Unsafe.Add(ref squares, count) = square.GetElement(lane);
                            Unsafe.Add(ref places, count) = own.GetElement(lane);
                        }
                    }
                    if (count < NearMax)
                        continue;
                    count = search.Thin(count, limit, Edge, out var closer);
                    if (count > NearMax / 2)
                        return false;
                    Edge = closer;
                    edge = Vector256.Create(closer);
                }
            }
            search._nearCount = count;
            return true;
        }

        private readonly uint LookCloser(LiveCells.Blocks blocks, int block, uint lanes)
        {
            for (var left = lanes; left != 0; left &= left - 1)
            {
                var lane = BitOperations.TrailingZeroCount(left);
                var place = block * LiveCells.Lanes + lane;
                if ((_boxed && !_box.Contains(blocks.Position(place))) || !_filter.Takes(new LiveBits(blocks.Bits(place))))
                    lanes &= ~(1u << lane);
            }
            return lanes;
        }
    }

    /// <summary>Keeps of too many candidates those that may still be among the nearest, and says how near that is.</summary>
    private int Thin(int count, int limit, float edge, out float closer)
    {
        Array.Sort(_squares, _places, 0, count);
        closer = limit >= count ? edge : Math.Min(edge, _squares[limit - 1] * Slack * Slack + 2 * SlackSquareMeters);
        var kept = 0;
        while (kept < count && _squares[kept] <= closer)
            kept++;
        return kept;
    }

    /// <summary>
    /// The nearest of the candidates by their exact distance. Squares of distances fill bins evenly, since area grows with them: one pass counts, one puts the
    /// nearer bins in order, and only those are measured exactly.
    /// </summary>
    private void Choose(in DistanceFrom from, double radiusMeters, float edge, int limit)
    {
        var (squares, places, sorted, bins, count) = (_squares, _places, _sorted, _bins, _nearCount);
        var perSquare = Bins / edge;
        Array.Clear(bins);
        unchecked
        {
            for (var i = 0; i < count; i++)
                bins[BinOf(squares[i], perSquare)]++;
            var (taken, last) = (0, 0);
            for (var bin = 0; bin < Bins; bin++)
            {
                int inBin = bins[bin];
                bins[bin] = (ushort)taken; // where the bin begins
                last = bin;
                taken += inBin;
                if (taken >= limit)
                    break;
            }
            // Rounding may have put a vehicle of the answer just behind the last bin.
            var bound = (last + 1) / perSquare * Slack * Slack + 2 * SlackSquareMeters;
            var beyond = taken;
            for (var i = 0; i < count; i++)
            {
                var bin = BinOf(squares[i], perSquare);
                if (bin <= last)
                    sorted[bins[bin]++] = places[i];
                else if (squares[i] <= bound)
                    sorted[beyond++] = places[i];
            }
            if (_found.Length < beyond + 1)
                Array.Resize(ref _found, beyond + 1);
            var (found, kept) = (_found, 0);
            for (var i = 0; i < beyond; i++)
            {
                var place = sorted[i];
                var position = _blocks.Position(place);
                var meters = from.MetersTo(position.LatitudeUnits, position.LongitudeUnits);
                if (meters > radiusMeters)
                    continue;
                var vehicle = new FoundVehicle(_blocks.Slot(place), position, new LiveBits(_blocks.Bits(place)), meters);
                var at = kept++;
                while (at > 0 && IsBefore(vehicle, found[at - 1]))
                {
                    found[at] = found[at - 1];
                    at--;
                }
                found[at] = vehicle;
            }
            _foundCount = Math.Min(kept, limit);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int BinOf(float square, float perSquare) => Math.Min(Bins - 1, unchecked((int)(square * perSquare)));

    /// <summary>For each set of lanes the order that brings them to the front.</summary>
    private static readonly int[] Front = [.. Enumerable.Range(0, 256).SelectMany(lanes =>
        Enumerable.Range(0, 8).OrderBy(lane => (lanes >> lane & 1) == 0))];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsBefore(in FoundVehicle left, in FoundVehicle right) =>
        left.DistanceMeters < right.DistanceMeters
        || (left.DistanceMeters == right.DistanceMeters && IsKnown(left.Slot) && IsKnown(right.Slot) && fleet.IdOf(left.Slot).CompareTo(fleet.IdOf(right.Slot)) < 0);

    /// <summary>A writer may be halfway: then the slot is any number, and the search begins again.</summary>
    private bool IsKnown(int slot) => slot >= 0 && slot < fleet.Count;

    /// <summary>The same by the formula, anywhere on earth and for any radius.</summary>
    private bool TryByFormula(PackedPoint center, double radiusMeters, in LiveFilter filter, int limit, LiveBox? box)
    {
        Begin();
        _foundCount = 0;
        var place = center.ToPoint();
        var angle = (radiusMeters + 0.05) / GeoPoint.EarthRadiusMeters;
        var reach = angle >= Math.PI ? uint.MaxValue : (angle / (2 * Math.PI) * 4294967296.0) + 2;
        var south = PackedPoint.RowOf((int)Math.Max(-PackedPoint.Pole, center.LatitudeUnits - reach));
        var north = PackedPoint.RowOf((int)Math.Min(PackedPoint.Pole, center.LatitudeUnits + reach));
        var ratio = Math.Sin(angle) / Math.Cos(double.DegreesToRadians(place.LatitudeDegrees));
        var holdsPole = Math.Abs((double)center.LatitudeUnits) + reach >= PackedPoint.Pole || !(ratio < 1) || angle >= Math.PI / 2;
        var half = holdsPole ? int.MaxValue : (int)(Math.Asin(ratio) / (2 * Math.PI) * 4294967296.0 * 1.0001 + 2);
        for (var row = south; row <= north; row++)
        {
            var columns = GridCell.ColumnsOf(row);
            var west = holdsPole ? 0 : PackedPoint.ColumnOf(unchecked(center.LongitudeUnits - half), columns);
            var east = holdsPole ? columns - 1 : PackedPoint.ColumnOf(unchecked(center.LongitudeUnits + half), columns);
            if (west <= east ? !List(row, west, east) : !List(row, west, columns - 1) || !List(row, 0, east))
                return false;
            foreach (var block in _list.AsSpan(0, _listed))
            {
                for (var at = block * LiveCells.Lanes; at < (block + 1) * LiveCells.Lanes; at++)
                {
                    var position = _blocks.Position(at);
                    var bits = new LiveBits(_blocks.Bits(at));
                    if (position.LatitudeUnits == LiveCells.Free || !filter.Takes(bits) || (box is { } only && !only.Contains(position)))
                        continue;
                    var meters = position.ToPoint().DistanceMetersTo(place);
                    if (meters <= radiusMeters)
                        Keep(new FoundVehicle(_blocks.Slot(at), position, bits, meters), limit);
                }
            }
            _listed = 0;
        }
        return true;
    }

    private void Keep(FoundVehicle vehicle, int limit)
    {
        if (_foundCount == limit && !IsBefore(vehicle, _found[limit - 1]))
            return;
        var at = _foundCount == limit ? limit - 1 : _foundCount++;
        for (; at > 0 && IsBefore(vehicle, _found[at - 1]); at--)
            _found[at] = _found[at - 1];
        _found[at] = vehicle;
    }

    private bool TryWithin(LiveBox box, in LiveFilter filter, int limit)
    {
        var structure = Begin();
        _foundCount = 0;
        for (var row = PackedPoint.RowOf(box.SouthUnits); row <= PackedPoint.RowOf(box.NorthUnits); row++)
        {
            var columns = GridCell.ColumnsOf(row);
            var west = PackedPoint.ColumnOf(box.WestUnits, columns);
            var east = PackedPoint.ColumnOf(box.EastUnits, columns);
            var wraps = west > east || (west == east && box.WidthUnits > int.MaxValue);
            if (!wraps ? !List(row, west, east) : !List(row, west, columns - 1) || !List(row, 0, Math.Min(east, west - 1)))
                return false;
            foreach (var block in _list.AsSpan(0, _listed))
            {
                for (var at = block * LiveCells.Lanes; at < (block + 1) * LiveCells.Lanes && _foundCount < limit; at++)
                {
                    var position = _blocks.Position(at);
                    var bits = new LiveBits(_blocks.Bits(at));
                    if (position.LatitudeUnits != LiveCells.Free && box.Contains(position) && filter.Takes(bits))
                        _found[_foundCount++] = new FoundVehicle(_blocks.Slot(at), position, bits, 0);
                }
            }
            _listed = 0;
        }
        return IsStill(structure);
    }
}
