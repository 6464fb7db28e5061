using System.Collections.Immutable;
using Mobility.Geo;
using Mobility.Platform;

namespace Mobility.Contracts;

/// <summary>Asks Zones what is allowed to a vehicle type at a place of a city.</summary>
/// <param name="City">The city.</param>
/// <param name="Position">The place.</param>
/// <param name="Type">The vehicle type.</param>
[ContractName("zones.get_zone_rule.v1")]
public sealed record GetZoneRule(CityId City, GeoPoint Position, VehicleTypeId Type) : IContractQuery<ZoneRuling>;

/// <summary>What is allowed at a place, and by which zones.</summary>
/// <param name="Zones">The zones there, in order of precedence.</param>
/// <param name="Rule">The rule that holds; null when the city is unknown or no rule binds the type there.</param>
public sealed record ZoneRuling(ImmutableArray<ZoneId> Zones, ZoneRule? Rule);
