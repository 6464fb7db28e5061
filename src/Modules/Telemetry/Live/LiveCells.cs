using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Mobility.Geo;

namespace Mobility.Telemetry.Live;

/// <summary>Eight by eight cells of the 250 m grid, so four square kilometers, with one version, odd while a writer is inside.</summary>
internal sealed class LiveTile
{
    public const int SideBits = 3;
    public const int Side = 1 << SideBits;
    public const double SquareMeters = (Side * GridCell.RowHeightDegrees * 111_195) * (Side * GridCell.RowHeightDegrees * 111_195);

    /// <summary>First come a row's bits of cells that hold a vehicle, one number for each of the rows; then the first block of each cell.</summary>
    public readonly int[] Cells = new int[Side + Side * Side];

    public int Version;

    /// <summary>Rentable vehicles; a search guesses from them how far it must look.</summary>
    public int Rentable;

    /// <summary>Free blocks of this tile, the first of a chain, or −1. A tile takes blocks in runs, so that a search finds its cells in few pages of memory.</summary>
    public int FirstFree = -1;

    /// <summary>Blocks that are this tile's.</summary>
    public int BlockCount;
}

/// <summary>
/// Where vehicles are: cells of blocks of eight. A block is two cache lines, eight latitudes, longitudes, slots and filter bits, so that one vector instruction
/// measures eight vehicles. Only the first block of a cell may have free lanes; a free lane's latitude is beyond the pole, so no search can meet it.
/// <para>Writers hold the fleet's lock; readers hold nothing and compare versions (see <see cref="LiveSearch"/> and ADR 0009).</para>
/// </summary>
internal sealed class LiveCells
{
    public const int Lanes = 8;
    public const int BlockInts = 4 * Lanes;
    public const int LongitudeAt = Lanes;
    public const int SlotAt = 2 * Lanes;
    public const int BitsAt = 3 * Lanes;
    public const int Free = int.MinValue;

    /// <summary>Set in a cell's entry when its first block has a next.</summary>
    public const int MoreFlag = int.MinValue;

    private const int GroupBits = 6;
    private const int RunMin = 4;
    private const int RunMax = 16;
    private const int AlignmentBytes = 64;

    private readonly LiveTile?[]?[]?[] _directory = new LiveTile?[]?[GridCell.Rows >> LiveTile.SideBits][];
    private Blocks _blocks = new(64, null);
    private int _used;
    private int _structure;

    /// <summary>The blocks, replaced as a whole when they grow. A reader that began with the old ones sees that they were replaced.</summary>
    public sealed class Blocks
    {
        public readonly int[] Data;
        public readonly int[] Next;
        public readonly int Count;
        private readonly int _aligned;

        public Blocks(int count, Blocks? old)
        {
            Count = count;
            Data = GC.AllocateUninitializedArray<int>(count * BlockInts + AlignmentBytes / sizeof(int), pinned: true);
            Next = new int[count];
            HugePages.Advise(Data);
            _aligned = (int)(-Marshal.UnsafeAddrOfPinnedArrayElement(Data, 0) & (AlignmentBytes - 1)) / sizeof(int);
            if (old is not null)
            {
                old.Data.AsSpan(old._aligned, old.Count * BlockInts).CopyTo(Data.AsSpan(_aligned));
                old.Next.CopyTo(Next.AsSpan());
            }
        }

        /// <summary>The first number of a block; <paramref name="block"/> is below <see cref="Count"/>.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public ref int At(int block) => ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(Data), unchecked(_aligned + block * BlockInts));

        /// <summary>Both cache lines of a block will be needed soon.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public unsafe void Prefetch(int block)
        {
            if (!Sse.IsSupported)
                return;
            var first = (int*)Unsafe.AsPointer(ref At(block)); // the array is pinned
            Sse.Prefetch0(first);
            Sse.Prefetch0(first + SlotAt);
        }

        public ref int Latitude(int place) => ref Unsafe.Add(ref At(place >> 3), place & 7);

        public ref int Longitude(int place) => ref Unsafe.Add(ref At(place >> 3), LongitudeAt + (place & 7));

        public ref int Slot(int place) => ref Unsafe.Add(ref At(place >> 3), SlotAt + (place & 7));

        public ref int Bits(int place) => ref Unsafe.Add(ref At(place >> 3), BitsAt + (place & 7));

        public PackedPoint Position(int place) => new(Latitude(place), Longitude(place));
    }

    /// <summary>The blocks as they are now.</summary>
    public Blocks Current => Volatile.Read(ref _blocks);

    /// <summary>Changes when a tile is made: a reader may have found nothing where one is now.</summary>
    public int Structure => Volatile.Read(ref _structure);

    /// <summary>Blocks that were ever used; all of them when one walks the whole fleet.</summary>
    public int BlocksUsed => Volatile.Read(ref _used);

    /// <summary>The tile of a cell, or null where no vehicle ever was.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public LiveTile? Find(int row, int tileColumn)
    {
        var groups = _directory[row >> LiveTile.SideBits];
        if (groups is null)
            return null;
        var group = groups[tileColumn >> GroupBits];
        return group?[tileColumn & ((1 << GroupBits) - 1)];
    }

    /// <summary>Adds a vehicle and returns its place.</summary>
    public int Add(PackedPoint position, int slot, int bits)
    {
        var (tile, cell) = CellOf(position);
        Reserve(tile);
        Enter(tile);
        var place = Insert(tile, cell, position, slot, bits);
        Leave(tile);
        return place;
    }

    /// <summary>Changes a vehicle where it stands or moves it; readers see all of it or nothing. <paramref name="places"/> are all vehicles' places.</summary>
    public void Update(int[] places, int slot, PackedPoint position, int bits)
    {
        var place = places[slot];
        var (from, fromCell) = CellOf(_blocks.Position(place));
        var (to, toCell) = CellOf(position);
        if (from == to && fromCell == toCell)
        {
            Enter(to);
            to.Rentable += RentableOf(bits) - RentableOf(_blocks.Bits(place));
            _blocks.Latitude(place) = position.LatitudeUnits;
            _blocks.Longitude(place) = position.LongitudeUnits;
            _blocks.Bits(place) = bits;
            Leave(to);
            return;
        }
        Reserve(to);
        Enter(from);
        if (to != from)
            Enter(to);
        Remove(from, fromCell, place, places);
        places[slot] = Insert(to, toCell, position, slot, bits);
        if (to != from)
            Leave(to);
        Leave(from);
    }

    private static void Enter(LiveTile tile)
    {
        Volatile.Write(ref tile.Version, unchecked(tile.Version + 1));
        Volatile.WriteBarrier(); // the odd version is seen before anything that is written inside
    }

    private static void Leave(LiveTile tile) => Volatile.Write(ref tile.Version, unchecked(tile.Version + 1));

    private (LiveTile Tile, int Cell) CellOf(PackedPoint position)
    {
        var row = position.Row;
        var column = position.ColumnIn(row);
        ref var groups = ref _directory[row >> LiveTile.SideBits];
        groups ??= new LiveTile?[(160_000 >> LiveTile.SideBits >> GroupBits) + 1][];
        ref var group = ref groups[column >> LiveTile.SideBits >> GroupBits];
        group ??= new LiveTile?[1 << GroupBits];
        ref var tile = ref group[(column >> LiveTile.SideBits) & ((1 << GroupBits) - 1)];
        if (tile is null)
        {
            var made = new LiveTile();
            made.Cells.AsSpan(LiveTile.Side).Fill(-1);
            Volatile.Write(ref tile, made);
            Volatile.Write(ref _structure, unchecked(_structure + 1));
        }
        return (tile, ((row & (LiveTile.Side - 1)) << LiveTile.SideBits) | (column & (LiveTile.Side - 1)));
    }

    private static int RentableOf(int bits) => (bits & LiveBits.RentableMask) / LiveBits.RentableMask;

    /// <summary>Makes sure that the tile has a free block, so that nothing grows while it is entered.</summary>
    private void Reserve(LiveTile tile)
    {
        if (tile.FirstFree >= 0)
            return;
        var run = Math.Clamp(tile.BlockCount / 4, RunMin, RunMax);
        if (_used + run > _blocks.Count)
            Volatile.Write(ref _blocks, new Blocks(_blocks.Count + run + _blocks.Count / 8, _blocks));
        for (var block = _used; block < _used + run; block++)
        {
            ref var first = ref _blocks.At(block);
            for (var lane = 0; lane < Lanes; lane++)
                Unsafe.Add(ref first, lane) = Free;
            _blocks.Next[block] = block + 1 < _used + run ? block + 1 : -1;
        }
        tile.FirstFree = _used;
        tile.BlockCount += run;
        Volatile.Write(ref _used, _used + run);
    }

    private int Insert(LiveTile tile, int cell, PackedPoint position, int slot, int bits)
    {
        ref var entry = ref tile.Cells[LiveTile.Side + cell];
        var block = entry == -1 ? -1 : entry & ~MoreFlag;
        var lane = block == -1 ? Lanes : Filled(block);
        if (lane == Lanes)
        {
            var made = tile.FirstFree;
            tile.FirstFree = _blocks.Next[made];
            _blocks.Next[made] = block;
            entry = block == -1 ? made : made | MoreFlag;
            (block, lane) = (made, 0);
            tile.Cells[cell >> LiveTile.SideBits] |= 1 << (cell & (LiveTile.Side - 1));
        }
        var place = block * Lanes + lane;
        _blocks.Latitude(place) = position.LatitudeUnits;
        _blocks.Longitude(place) = position.LongitudeUnits;
        _blocks.Slot(place) = slot;
        _blocks.Bits(place) = bits;
        tile.Rentable += RentableOf(bits);
        return place;
    }

    /// <summary>The last vehicle of the cell's first block takes the place that becomes free.</summary>
    private void Remove(LiveTile tile, int cell, int place, int[] places)
    {
        ref var entry = ref tile.Cells[LiveTile.Side + cell];
        var block = entry & ~MoreFlag;
        var last = block * Lanes + Filled(block) - 1;
        tile.Rentable -= RentableOf(_blocks.Bits(place));
        if (last != place)
        {
            _blocks.Latitude(place) = _blocks.Latitude(last);
            _blocks.Longitude(place) = _blocks.Longitude(last);
            _blocks.Slot(place) = _blocks.Slot(last);
            _blocks.Bits(place) = _blocks.Bits(last);
            places[_blocks.Slot(last)] = place;
        }
        _blocks.Latitude(last) = Free;
        if (last % Lanes > 0)
            return;
        var next = _blocks.Next[block];
        _blocks.Next[block] = tile.FirstFree;
        tile.FirstFree = block;
        if (next == -1)
        {
            entry = -1;
            tile.Cells[cell >> LiveTile.SideBits] &= ~(1 << (cell & (LiveTile.Side - 1)));
        }
        else
        {
            entry = _blocks.Next[next] == -1 ? next : next | MoreFlag;
        }
    }

    private int Filled(int block)
    {
        ref var first = ref _blocks.At(block);
        var lane = 0;
        while (lane < Lanes && Unsafe.Add(ref first, lane) != Free)
            lane++;
        return lane;
    }
}
