using System.Collections.Immutable;
using Mobility.Geo;

namespace Mobility.Edge.Safety;

/// <summary>Zones that the vehicle came into or left.</summary>
/// <param name="Left">Left, or crossed between two fixes.</param>
/// <param name="Entered">Entered, or crossed between two fixes.</param>
internal sealed record FenceCrossing(ImmutableArray<string> Left, ImmutableArray<string> Entered)
{
    public static readonly FenceCrossing None = new([], []);
}

/// <summary>
/// Which zones the vehicle is in and how fast it may go there (FLT-9, GEO-2), by the very code that the platform asks: the zones of a place by
/// <see cref="ZoneMap"/>, crossings by <see cref="ZoneIndex.Between"/>, and <see cref="StandingPlace"/> against a border that a standing vehicle would flap over.
/// </summary>
/// <param name="map">The city's zones.</param>
/// <param name="vehicleTypeId">The rules' word for what the vehicle is; empty is bound only by rules for all.</param>
/// <param name="ownLimitKph">What the vehicle may do where no zone says less.</param>
internal sealed class FenceWatch(ZoneMap map, string vehicleTypeId, int ownLimitKph)
{
    /// <summary>
    /// Where riding through is not allowed, a vehicle that is there all the same may be taken out at walking pace: a motor that stops in traffic harms.
    /// </summary>
    public const int WalkingKph = 6;

    private const int CrossedMax = 64;
    private StandingPlace? _standing;

    /// <summary>The limit at a place, exact at the border: the earliest rule that names a speed, never above the vehicle's own.</summary>
    public int LimitKphAt(GeoPoint position)
    {
        var rule = map.RuleAt(position, vehicleTypeId);
        var limit = Math.Min(ownLimitKph, rule?.MaximumSpeedKph ?? ownLimitKph);
        return rule is { RideThroughAllowed: false } ? Math.Min(limit, WalkingKph) : limit;
    }

    /// <summary>What a fix changes. The first one enters the zones that it is in.</summary>
    public FenceCrossing Move(GeoPoint now, double? accuracyMeters)
    {
        if (_standing is not { } standing)
        {
            _standing = new StandingPlace(now);
            return new FenceCrossing([], [.. map.At(now).Select(zone => zone.Id)]);
        }
        if (!standing.IsLeftFor(now, accuracyMeters))
            return FenceCrossing.None;
        Span<int> left = stackalloc int[ZoneIndex.ZonesAtPointMax];
        Span<int> entered = stackalloc int[ZoneIndex.ZonesAtPointMax];
        Span<int> crossed = stackalloc int[CrossedMax];
        var crossing = map.Index.Between(standing.Decided, now, left, entered, crossed);
        _standing = new StandingPlace(now);
        if (crossing.IsNothing)
            return FenceCrossing.None;
        var through = Ids(crossed[..crossing.Crossed]);
        return new FenceCrossing([.. Ids(left[..crossing.Left]), .. through], [.. Ids(entered[..crossing.Entered]), .. through]);
    }

    private ImmutableArray<string> Ids(ReadOnlySpan<int> zones)
    {
        var ids = ImmutableArray.CreateBuilder<string>(zones.Length);
        foreach (var zone in zones)
            ids.Add(map.Zones[zone].Id);
        return ids.MoveToImmutable();
    }
}

/// <summary>Whether the vehicle is too fast, with hysteresis: it is after two seconds well above the limit, and is not any more below it.</summary>
/// <param name="Since">When it came above; null when it is not.</param>
/// <param name="IsTold">The event was sent.</param>
internal readonly record struct Overspeed(DateTimeOffset? Since, bool IsTold)
{
    /// <summary>Share of the limit that a speedometer and a slope may add.</summary>
    public const double Tolerance = 0.1;

    public static readonly TimeSpan For = TimeSpan.FromSeconds(2);

    /// <summary>The state after a fix, and whether it is time to tell.</summary>
    public (Overspeed State, bool Tell) Next(double speedMetersPerSecond, int limitKph, DateTimeOffset at)
    {
        var kph = speedMetersPerSecond * 3.6;
        if (kph <= limitKph)
            return (default, false);
        if (IsTold || (Since is null && kph <= limitKph * (1 + Tolerance)))
            return (this, false);
        if (Since is not { } since)
            return (new Overspeed(at, false), false);
        return kph > limitKph * (1 + Tolerance) && at - since >= For ? (new Overspeed(since, true), true) : (this, false);
    }
}
