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

/// <summary>Asks Zones for the outlines of a city's zones, for whoever watches movements; null when the city is unknown.</summary>
/// <param name="City">The city.</param>
/// <param name="KnownRevision">What the asker has; of the same revision no outlines are sent again.</param>
[ContractName("zones.get_zone_outlines.v1")]
public sealed record GetZoneOutlines(CityId City, long? KnownRevision) : IContractQuery<ZoneOutlines?>;

/// <summary>The zones of a city.</summary>
/// <param name="Revision">Grows with each change.</param>
/// <param name="Zones">In order of precedence; null when the asker has this revision.</param>
public sealed record ZoneOutlines(long Revision, IReadOnlyList<ZoneOutline>? Zones);

/// <summary>A zone as its outline.</summary>
/// <param name="Id">Unique within the city.</param>
/// <param name="Kind">What it is for.</param>
/// <param name="Coordinates">Of a GeoJSON MultiPolygon.</param>
public sealed record ZoneOutline(ZoneId Id, ZoneKind Kind, IReadOnlyList<IReadOnlyList<IReadOnlyList<IReadOnlyList<double>>>> Coordinates);

/// <summary>Asks Zones whether a ride may end at a place of a city.</summary>
/// <param name="City">The city.</param>
/// <param name="Position">The place.</param>
/// <param name="Type">The vehicle's type: rules bind types.</param>
/// <param name="Kind">The vehicle's kind: bays are for kinds.</param>
[ContractName("zones.get_parking.v1")]
public sealed record GetParking(CityId City, GeoPoint Position, VehicleTypeId Type, VehicleKind Kind) : IContractQuery<ParkingRuling>;

/// <summary>Whether a ride may end at a place.</summary>
/// <param name="Allowed">True also where no rule holds or the city is unknown.</param>
/// <param name="BayNeeded">Whether vehicles must stand in a bay there.</param>
/// <param name="Bays">Where it is not allowed: the nearest bays in which it is, nearest first.</param>
public sealed record ParkingRuling(bool Allowed, bool BayNeeded, IReadOnlyList<ParkingBay> Bays);

/// <summary>A bay where a ride may end.</summary>
/// <param name="Id">Unique within the city.</param>
/// <param name="Name">For people.</param>
/// <param name="Position">Its middle.</param>
/// <param name="DistanceMeters">From the place asked about.</param>
public sealed record ParkingBay(BayId Id, string Name, GeoPoint Position, int DistanceMeters);
