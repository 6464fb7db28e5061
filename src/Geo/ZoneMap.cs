using System.Collections.Immutable;

namespace Mobility.Geo;

/// <summary>What is allowed in a zone, in the words of GBFS 3.0 geofencing_zones.json.</summary>
public sealed record ZoneRule
{
    /// <summary>The vehicle types that the rule binds; empty binds all.</summary>
    public ImmutableArray<string> VehicleTypeIds { get; init; } = [];

    /// <summary>Whether a ride may start here.</summary>
    public required bool RideStartAllowed { get; init; }

    /// <summary>Whether a ride may end here.</summary>
    public required bool RideEndAllowed { get; init; }

    /// <summary>Whether a ride may pass through.</summary>
    public required bool RideThroughAllowed { get; init; }

    /// <summary>Highest speed in kilometers per hour; null leaves it to rules that come later.</summary>
    public int? MaximumSpeedKph { get; init; }

    /// <summary>Whether vehicles must be parked in a bay; null leaves it to rules that come later.</summary>
    public bool? StationParking { get; init; }

    /// <summary>What a rider pays who ends here although it is not allowed, in minor units of the city's currency; null leaves it to rules that come later.</summary>
    public long? EndFine { get; init; }

    /// <summary>What a rider gets who ends here, in minor units of the city's currency; null leaves it to rules that come later.</summary>
    public long? EndBonus { get; init; }

    /// <summary>Whether the rule binds a vehicle type.</summary>
    public bool Binds(string vehicleTypeId) => VehicleTypeIds.IsDefaultOrEmpty || VehicleTypeIds.Contains(vehicleTypeId);
}

/// <summary>An instant, and what the clocks of the city show then; who knows the city's time zone makes it.</summary>
/// <param name="At">The instant.</param>
/// <param name="Local">The city's wall-clock time.</param>
public readonly record struct ZoneMoment(DateTimeOffset At, DateTime Local);

/// <summary>Hours on some days of the week, in the city's wall-clock time. Hours over midnight are two of these.</summary>
/// <param name="Days">At least one day.</param>
/// <param name="Opens">Time since local midnight; belongs to the hours.</param>
/// <param name="Closes">Time since local midnight, later than <paramref name="Opens"/>; does not belong to the hours. 24 hours is the end of the day.</param>
public sealed record ZoneHours(ImmutableArray<DayOfWeek> Days, TimeSpan Opens, TimeSpan Closes);

/// <summary>When a zone holds: from <see cref="Start"/> until <see cref="End"/> (GBFS 3.0 properties of a zone) and within the hours.</summary>
public sealed record ZoneTimes
{
    /// <summary>At all times.</summary>
    public static readonly ZoneTimes Always = new();

    /// <summary>Belongs to the times; null has no beginning.</summary>
    public DateTimeOffset? Start { get; init; }

    /// <summary>Does not belong to the times; null has no end.</summary>
    public DateTimeOffset? End { get; init; }

    /// <summary>Union of these; empty is at all hours.</summary>
    public ImmutableArray<ZoneHours> Hours { get; init; } = [];

    /// <summary>Whether the zone holds then.</summary>
    public bool HoldAt(ZoneMoment moment)
    {
        if (moment.At < Start || moment.At >= End)
            return false;
        if (Hours.IsDefaultOrEmpty)
            return true;
        foreach (var hours in Hours)
            if (hours.Days.Contains(moment.Local.DayOfWeek) && moment.Local.TimeOfDay >= hours.Opens && moment.Local.TimeOfDay < hours.Closes)
                return true;
        return false;
    }
}

/// <summary>A zone as geometry and rules need it.</summary>
/// <param name="Id">Unique within its city.</param>
/// <param name="Area">Where it applies; its boundary belongs to it.</param>
/// <param name="Rules">Earlier rules win.</param>
public sealed record ZoneShape(string Id, GeoMultiPolygon Area, ImmutableArray<ZoneRule> Rules)
{
    /// <summary>When it holds.</summary>
    public ZoneTimes Times { get; init; } = ZoneTimes.Always;

    /// <summary>Counts the changes of the zone; a fine cites the version that held.</summary>
    public int Version { get; init; } = 1;
}

/// <summary>The zones of a city in their order, and the rules that hold where no zone says otherwise. Feed, app, vehicle and fine all ask this one.</summary>
/// <param name="Zones">In order of precedence: where two collide, the earlier wins (GBFS 3.0).</param>
/// <param name="GlobalRules">Apply last, everywhere.</param>
public sealed record ZoneMap(ImmutableArray<ZoneShape> Zones, ImmutableArray<ZoneRule> GlobalRules)
{
    private ZoneIndex? _index;

    /// <summary>The zones laid over the grid; built when it is first asked for. Answers name zones by their place in <see cref="Zones"/>.</summary>
    public ZoneIndex Index => _index ??= new ZoneIndex(Zones.Select(zone => zone.Area));

    /// <summary>The zones that hold the point, in order of precedence, whatever the time.</summary>
    public ImmutableArray<ZoneShape> At(GeoPoint point) => At(point, null);

    /// <summary>The zones that hold the point at a moment, in order of precedence; null is any time.</summary>
    public ImmutableArray<ZoneShape> At(GeoPoint point, ZoneMoment? moment)
    {
        Span<int> found = stackalloc int[ZoneIndex.ZonesAtPointMax];
        var zones = ImmutableArray.CreateBuilder<ZoneShape>();
        foreach (var zone in found[..Index.At(point, found)])
            if (moment is not { } then || Zones[zone].Times.HoldAt(then))
                zones.Add(Zones[zone]);
        return zones.DrainToImmutable();
    }

    /// <summary>The rule for one vehicle type at a point, whatever the time.</summary>
    public ZoneRule? RuleAt(GeoPoint point, string vehicleTypeId) => RuleAt(point, vehicleTypeId, null);

    /// <summary>
    /// The rule for one vehicle type at a point and moment: rules of all zones there in order, then the global ones; the first that binds the type decides what
    /// is allowed, the first that names a speed, the parking, a fine or a bonus decides that (GBFS 3.0, geofencing_zones.json: the earliest of colliding rules
    /// takes precedence). Null when no rule binds the type here.
    /// </summary>
    public ZoneRule? RuleAt(GeoPoint point, string vehicleTypeId, ZoneMoment? moment)
    {
        var binding = At(point, moment).SelectMany(zone => zone.Rules).Concat(GlobalRules).Where(rule => rule.Binds(vehicleTypeId)).ToList();
        if (binding.Count == 0)
            return null;
        return binding[0] with
        {
            VehicleTypeIds = [vehicleTypeId],
            MaximumSpeedKph = binding.Find(rule => rule.MaximumSpeedKph is not null)?.MaximumSpeedKph,
            StationParking = binding.Find(rule => rule.StationParking is not null)?.StationParking,
            EndFine = binding.Find(rule => rule.EndFine is not null)?.EndFine,
            EndBonus = binding.Find(rule => rule.EndBonus is not null)?.EndBonus,
        };
    }

    /// <summary>Maps are equal when their zones and rules are, whether indexed yet or not.</summary>
    public bool Equals(ZoneMap? other) => other is not null && Zones.Equals(other.Zones) && GlobalRules.Equals(other.GlobalRules);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Zones, GlobalRules);
}
