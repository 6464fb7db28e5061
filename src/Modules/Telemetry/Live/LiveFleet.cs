using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;
using Mobility.Contracts;
using Mobility.Geo;

namespace Mobility.Telemetry.Live;

/// <summary>
/// All vehicles in memory: about 150 bytes each (the bench says exactly). Any number of readers ask without a lock; writers take turns.
/// <para>
/// A slot is a vehicle's number here; it is given once and never to another vehicle, so what a slot names can be read at any time after a search. Arrays grow
/// by an eighth and are replaced as a whole, the old ones staying readable for whoever still reads them.
/// </para>
/// </summary>
internal sealed class LiveFleet
{
    /// <summary>More vehicles than this are refused and counted: the grid's places are 31-bit numbers.</summary>
    public const int VehiclesMax = 20_000_000;

    private readonly Lock _writing = new();
    private readonly Dictionary<LiveClass, int> _classNumbers = [];
    private ImmutableArray<LiveClass> _classes = [];
    private ImmutableArray<byte[]> _classTexts = [];
    private Slots _slots = new(1_024, null);
    private int _count;
    private int _textUsed;
    private long _changes;

    /// <summary>Where they are.</summary>
    public LiveCells Cells { get; } = new();

    /// <summary>Vehicles known.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Counts every change; for those who look whether anything is new.</summary>
    public long Changes => Volatile.Read(ref _changes);

    /// <summary>The classes; a class keeps its number.</summary>
    public ImmutableArray<LiveClass> Classes => _classes;

    /// <summary>Takes Fleet's word. False when a newer one is known already, or the fleet is full.</summary>
    public bool Take(in LiveState state)
    {
        lock (_writing)
        {
            var kind = NumberOf(state.Class);
            var slot = _slots.Find(state.Vehicle);
            if (slot < 0)
            {
                if (_count == VehiclesMax)
                    return false;
                var text = Encoding.UTF8.GetBytes(TextOf(state.Vehicle, state.Label));
                if (_count == _slots.Ids.Length || _textUsed + text.Length > _slots.Text.Length)
                    Volatile.Write(ref _slots, new Slots(_count + 1 + _count / 8, _slots, _textUsed + text.Length));
                slot = _count;
                text.CopyTo(_slots.Text, _textUsed);
                (_slots.TextAt[slot], _slots.TextLength[slot]) = (_textUsed, (byte)text.Length);
                _textUsed += text.Length;
                _slots.Ids[slot] = state.Vehicle;
                _slots.Versions[slot] = state.Version;
                (_slots.MeasuredAt[slot], _slots.ChargeAt[slot]) = (state.MeasuredAt, state.MeasuredAt);
                _slots.States[slot] = (byte)state.State;
                var bits = LiveBits.Of(state.Class, kind, state.Offered, state.Charge);
                _slots.Enlist(slot); // before the cells know it, so that whoever finds it there can name it
                Volatile.Write(ref _count, slot + 1);
                _slots.Places[slot] = Cells.Add(state.Position, slot, bits.Value);
                Changed();
                return true;
            }
            if (state.Version <= _slots.Versions[slot])
                return false;
            _slots.Versions[slot] = state.Version;
            _slots.States[slot] = (byte)state.State;
            var place = _slots.Places[slot];
            var (position, charge) = (Cells.Current.Position(place), new LiveBits(Cells.Current.Bits(place)).Charge);
            if (state.MeasuredAt >= _slots.MeasuredAt[slot])
                (position, _slots.MeasuredAt[slot]) = (state.Position, state.MeasuredAt);
            if (state.MeasuredAt >= _slots.ChargeAt[slot]) // perhaps of a battery that was fitted since
                (charge, _slots.ChargeAt[slot]) = (state.Charge, state.MeasuredAt);
            Move(slot, position, LiveBits.Of(state.Class, kind, state.Offered, charge));
            return true;
        }
    }

    /// <summary>Takes a vehicle's own report. False when the vehicle is unknown or the report is older than what is known.</summary>
    /// <param name="vehicle">The vehicle.</param>
    /// <param name="position">Where it was.</param>
    /// <param name="charge">Percent; null when it did not say.</param>
    /// <param name="measuredAt">By the vehicle's clock, in milliseconds since 1970.</param>
    /// <param name="before">Where it was before.</param>
    public bool Report(Guid vehicle, PackedPoint position, int? charge, long measuredAt, out PackedPoint before) =>
        Report(vehicle, position, charge, measuredAt, measuredAt, out before);

    /// <summary>The same where the charge is older than the position; older than what is known it changes nothing.</summary>
    public bool Report(Guid vehicle, PackedPoint position, int? charge, long chargeAt, long measuredAt, out PackedPoint before)
    {
        lock (_writing)
        {
            var slot = _slots.Find(vehicle);
            before = position;
            if (slot < 0 || measuredAt < _slots.MeasuredAt[slot])
                return false;
            // Of two charges of one time a report's own is the newer; one that it repeats from before is not: Fleet may know of another battery.
            var isNews = charge is not null && (chargeAt == measuredAt ? chargeAt >= _slots.ChargeAt[slot] : chargeAt > _slots.ChargeAt[slot]);
            _slots.MeasuredAt[slot] = measuredAt;
            if (isNews)
                _slots.ChargeAt[slot] = chargeAt;
            var place = _slots.Places[slot];
            before = Cells.Current.Position(place);
            var bits = new LiveBits(Cells.Current.Bits(place));
            Move(slot, position, charge is { } percent && isNews && percent != bits.Charge ? LiveBits.Of(_classes[bits.Class], bits.Class, bits.Offered, percent) : bits);
            return true;
        }
    }

    /// <summary>What is known of a vehicle; for comparisons and single questions, not for the hot path: it takes the writers' turn.</summary>
    public LiveState? Get(Guid vehicle)
    {
        lock (_writing)
        {
            var slot = _slots.Find(vehicle);
            return slot < 0 ? null : StateOf(slot);
        }
    }

    /// <summary>Runs while no writer changes anything; what a reader falls back to whom writers overtook too often.</summary>
    public T Still<TArgument, T>(TArgument argument, Func<TArgument, T> read)
    {
        lock (_writing)
            return read(argument);
    }

    /// <summary>The vehicle's id.</summary>
    public Guid IdOf(int slot) => Volatile.Read(ref _slots).Ids[slot];

    /// <summary>The MDS state, as Fleet last said.</summary>
    public VehicleState StateAt(int slot) => (VehicleState)Volatile.Read(ref _slots).States[slot];

    /// <summary>The beginning of a vehicle's JSON: <c>{"id":"…","label":"…"</c>.</summary>
    public ReadOnlySpan<byte> TextOf(int slot)
    {
        var slots = Volatile.Read(ref _slots);
        return slots.Text.AsSpan(slots.TextAt[slot], slots.TextLength[slot]);
    }

    /// <summary>The middle of it, from <c>,"city":</c> to <c>{"lat":</c>.</summary>
    public ReadOnlySpan<byte> TextOfClass(int number) => _classTexts[number];

    private void Move(int slot, PackedPoint position, LiveBits bits)
    {
        var place = _slots.Places[slot];
        var (before, bitsBefore) = (Cells.Current.Position(place), new LiveBits(Cells.Current.Bits(place)));
        if (before == position && bitsBefore == bits)
            return;
        Cells.Update(_slots.Places, slot, position, bits.Value);
        Changed();
    }

    private void Changed() => Volatile.Write(ref _changes, _changes + 1);

    private LiveState StateOf(int slot)
    {
        var bits = new LiveBits(Cells.Current.Bits(_slots.Places[slot]));
        return new LiveState
        {
            Vehicle = _slots.Ids[slot],
            Label = LabelOf(slot),
            Class = _classes[bits.Class],
            State = (VehicleState)_slots.States[slot],
            Offered = bits.Offered,
            Version = _slots.Versions[slot],
            Position = Cells.Current.Position(_slots.Places[slot]),
            Charge = bits.Charge,
            MeasuredAt = _slots.MeasuredAt[slot],
        };
    }

    private string LabelOf(int slot)
    {
        var text = Encoding.UTF8.GetString(TextOf(slot)) + "}";
        return System.Text.Json.JsonDocument.Parse(text).RootElement.GetProperty("label").GetString()!;
    }

    private static string TextOf(Guid vehicle, string label) => $$"""{"id":"{{new VehicleId(vehicle)}}","label":{{System.Text.Json.JsonSerializer.Serialize(label)}}""";

    private int NumberOf(LiveClass what)
    {
        if (_classNumbers.TryGetValue(what, out var number))
            return number;
        if (_classNumbers.Count == LiveBits.ClassesMax)
            throw new InvalidOperationException($"More than {LiveBits.ClassesMax} kinds of vehicles in all cities.");
        number = _classNumbers.Count;
        _classNumbers.Add(what, number);
        _classTexts = _classTexts.Add(LiveJson.TextOf(what));
        _classes = _classes.Add(what);
        return number;
    }

    /// <summary>What is kept of a vehicle besides its place on the map, one array for each thing, and the table that finds a slot by id.</summary>
    private sealed class Slots
    {
        private const int TextBytes = 58; // of a vehicle with a label of a few characters
        private readonly int[] _table;

        public readonly Guid[] Ids;
        public readonly int[] Places;
        public readonly int[] Versions;
        public readonly long[] MeasuredAt;
        public readonly long[] ChargeAt;
        public readonly byte[] States;
        public readonly int[] TextAt;
        public readonly byte[] TextLength;
        public readonly byte[] Text;

        public Slots(int capacity, Slots? old, int textNeeded = 0)
        {
            Ids = Grown(old?.Ids, capacity);
            Places = Grown(old?.Places, capacity);
            Versions = Grown(old?.Versions, capacity);
            MeasuredAt = Grown(old?.MeasuredAt, capacity);
            ChargeAt = Grown(old?.ChargeAt, capacity);
            States = Grown(old?.States, capacity);
            TextAt = Grown(old?.TextAt, capacity);
            TextLength = Grown(old?.TextLength, capacity);
            Text = Grown(old?.Text, old is null ? capacity * TextBytes : Math.Max(textNeeded + textNeeded / 8, old.Text.Length));
            _table = old is not null && old._table.Length * 3L >= Ids.Length * 4L ? old._table : new int[(int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)(Ids.Length / 3 * 4 + 8))];
            if (_table != old?._table)
                for (var slot = 0; slot < (old?.Ids.Length ?? 0); slot++)
                    Enlist(slot);
        }

        /// <summary>The vehicle's slot, or −1.</summary>
        public int Find(Guid vehicle)
        {
            var mask = _table.Length - 1;
            for (var at = HashOf(vehicle) & mask; ; at = (at + 1) & mask)
            {
                var slot = _table[at] - 1;
                if (slot < 0 || Ids[slot] == vehicle)
                    return slot;
            }
        }

        public void Enlist(int slot)
        {
            var mask = _table.Length - 1;
            var at = HashOf(Ids[slot]) & mask;
            while (_table[at] != 0)
                at = (at + 1) & mask;
            _table[at] = slot + 1;
        }

        /// <summary>Ids are half random: their last bytes spread well enough, and a multiplication spreads those that were named rather than drawn.</summary>
        private static int HashOf(Guid vehicle)
        {
            var halves = MemoryMarshal.Cast<Guid, ulong>(MemoryMarshal.CreateReadOnlySpan(in vehicle, 1));
            return unchecked((int)((halves[1] ^ halves[0]) * 0x9E3779B97F4A7C15 >> 33));
        }

        private static T[] Grown<T>(T[]? old, int capacity)
        {
            if (old is not null && old.Length >= capacity)
                return old;
            var grown = GC.AllocateUninitializedArray<T>(capacity);
            old?.CopyTo(grown.AsSpan());
            return grown;
        }
    }
}

/// <summary>Words of enumerations as JSON has them.</summary>
internal static class Words
{
    public static string Of<T>(T value) where T : struct, Enum => System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());
}
