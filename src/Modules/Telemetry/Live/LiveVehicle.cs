using System.Runtime.CompilerServices;
using Mobility.Contracts;

namespace Mobility.Telemetry.Live;

/// <summary>What vehicles of one type in one city share; their number is small, so a vehicle only names its class.</summary>
/// <param name="City">Their city.</param>
/// <param name="Type">Their type, which also names what they cost.</param>
/// <param name="Kind">Scooter, e-bike, car or van.</param>
/// <param name="MaxRangeMeters">What a full battery gives.</param>
/// <param name="MinimumCharge">Percent below which a vehicle is not rented out.</param>
internal sealed record LiveClass(string City, string Type, VehicleKind Kind, int MaxRangeMeters, int MinimumCharge)
{
    /// <summary>The same sum as Fleet's own table makes.</summary>
    public int RangeMeters(int charge) => (int)((long)MaxRangeMeters * charge / 100);
}

/// <summary>What Fleet says of a vehicle.</summary>
internal readonly record struct LiveState
{
    public required Guid Vehicle { get; init; }

    public required string Label { get; init; }

    public required LiveClass Class { get; init; }

    public required VehicleState State { get; init; }

    /// <summary>Whether Fleet lets riders have it, its charge apart: active and available.</summary>
    public required bool Offered { get; init; }

    /// <summary>The version of the vehicle's stream: older news changes nothing.</summary>
    public required int Version { get; init; }

    public required Geo.PackedPoint Position { get; init; }

    public required int Charge { get; init; }

    /// <summary>When position and charge were so, in milliseconds since 1970: a newer report stays.</summary>
    public required long MeasuredAt { get; init; }
}

/// <summary>One vehicle of an answer; its text is looked up by slot.</summary>
internal readonly record struct FoundVehicle(int Slot, Geo.PackedPoint Position, LiveBits Bits, double DistanceMeters);

/// <summary>What a search filters by, in 32 bits beside the position, so that a vector instruction looks at eight vehicles: charge, rentable, kind, class.</summary>
internal readonly record struct LiveBits(int Value)
{
    public const int ChargeMask = 0x7F;
    public const int RentableMask = 1 << 7;
    public const int KindShift = 8;
    public const int KindMask = 7 << KindShift;
    public const int OfferedMask = 1 << 11;
    public const int ClassShift = 12;

    /// <summary>Classes that fit.</summary>
    public const int ClassesMax = 1 << 16;

    public int Charge => Value & ChargeMask;

    public bool Rentable => (Value & RentableMask) != 0;

    /// <summary>Rentable but for its charge.</summary>
    public bool Offered => (Value & OfferedMask) != 0;

    public VehicleKind Kind => (VehicleKind)((Value & KindMask) >> KindShift);

    public int Class => Value >>> ClassShift;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LiveBits Of(LiveClass what, int index, bool offered, int charge) => new(
        charge | (offered && charge >= what.MinimumCharge ? RentableMask : 0) | (int)what.Kind << KindShift | (offered ? OfferedMask : 0) | index << ClassShift);
}

/// <summary>Which vehicles a search wants.</summary>
internal readonly record struct LiveFilter
{
    public static readonly LiveFilter Rentable = Of(onlyRentable: true, null, 0);

    private LiveFilter(int mask, int want, int chargeAbove) => (Mask, Want, ChargeAbove) = (mask, want, chargeAbove);

    public int Mask { get; }

    public int Want { get; }

    public int ChargeAbove { get; }

    /// <summary>By class, the least charge that will do, more than 100 for classes that are not wanted; null when all classes will do.</summary>
    public byte[]? MinimumChargeByClass { get; init; }

    public static LiveFilter Of(bool onlyRentable, VehicleKind? kind, int minimumCharge) => new(
        (onlyRentable ? LiveBits.RentableMask : 0) | (kind is null ? 0 : LiveBits.KindMask),
        (onlyRentable ? LiveBits.RentableMask : 0) | (kind is { } wanted ? (int)wanted << LiveBits.KindShift : 0), minimumCharge - 1);

    /// <summary>The same, of one type and with a least range only.</summary>
    public LiveFilter With(IReadOnlyList<LiveClass> classes, string? type, int minimumRangeMeters)
    {
        if (type is null && minimumRangeMeters <= 0)
            return this;
        var least = new byte[classes.Count];
        for (var i = 0; i < least.Length; i++)
        {
            var what = classes[i];
            // The least percent whose range, rounded down as everywhere, is enough.
            var percent = what.MaxRangeMeters == 0 ? (minimumRangeMeters <= 0 ? 0 : 101)
                : (int)Math.Min(101, ((long)minimumRangeMeters * 100 + what.MaxRangeMeters - 1) / what.MaxRangeMeters);
            least[i] = (byte)(type is null || what.Type == type ? percent : 101);
        }
        return this with { MinimumChargeByClass = least };
    }

    public bool Takes(LiveBits bits) => (bits.Value & Mask) == Want && bits.Charge > ChargeAbove
        && (MinimumChargeByClass is not { } least || (bits.Class < least.Length && bits.Charge >= least[bits.Class]));
}
