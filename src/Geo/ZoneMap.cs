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

    /// <summary>Whether the rule binds a vehicle type.</summary>
    public bool Binds(string vehicleTypeId) => VehicleTypeIds.IsDefaultOrEmpty || VehicleTypeIds.Contains(vehicleTypeId);
}

/// <summary>A zone as geometry and rules need it.</summary>
/// <param name="Id">Unique within its city.</param>
/// <param name="Area">Where it applies; its boundary belongs to it.</param>
/// <param name="Rules">Earlier rules win.</param>
public sealed record ZoneShape(string Id, GeoMultiPolygon Area, ImmutableArray<ZoneRule> Rules);

/// <summary>The zones of a city in their order, and the rules that hold where no zone says otherwise. Feed, app, vehicle and fine all ask this one.</summary>
/// <param name="Zones">In order of precedence: where two collide, the earlier wins (GBFS 3.0).</param>
/// <param name="GlobalRules">Apply last, everywhere.</param>
public sealed record ZoneMap(ImmutableArray<ZoneShape> Zones, ImmutableArray<ZoneRule> GlobalRules)
{
    /// <summary>The zones that hold the point, in order of precedence.</summary>
    public ImmutableArray<ZoneShape> At(GeoPoint point) => [.. Zones.Where(zone => zone.Area.Contains(point))];

    /// <summary>
    /// The rule for one vehicle type at a point: rules of all zones there in order, then the global ones; the first that binds the type decides what is
    /// allowed, the first that names a speed or the parking decides that (GBFS 3.0, geofencing_zones.json: the earliest of colliding rules takes precedence).
    /// Null when no rule binds the type here.
    /// </summary>
    public ZoneRule? RuleAt(GeoPoint point, string vehicleTypeId)
    {
        var binding = At(point).SelectMany(zone => zone.Rules).Concat(GlobalRules).Where(rule => rule.Binds(vehicleTypeId)).ToList();
        if (binding.Count == 0)
            return null;
        return binding[0] with
        {
            VehicleTypeIds = [vehicleTypeId],
            MaximumSpeedKph = binding.Find(rule => rule.MaximumSpeedKph is not null)?.MaximumSpeedKph,
            StationParking = binding.Find(rule => rule.StationParking is not null)?.StationParking,
        };
    }
}
