using System.Collections.Immutable;
using Mobility.Geo;
using Mobility.Platform;

namespace Mobility.Contracts;

/// <summary>
/// A city as its folder of plain files describes it (docs/city-packs.md). Launching a city is loading a pack: each module takes its section. Words and
/// units are those of GBFS 3.0 where it has them; money is in minor units of the tariff's currency. All references inside a pack resolve.
/// </summary>
public sealed record CityPack
{
    /// <summary>The city itself.</summary>
    public required City City { get; init; }

    /// <summary>Zones in order of precedence: where two collide, the earlier wins.</summary>
    public required ImmutableArray<Zone> Zones { get; init; }

    /// <summary>Rules that hold where no zone says otherwise (GBFS <c>global_rules</c>).</summary>
    public required ImmutableArray<ZoneRule> GlobalRules { get; init; }

    /// <summary>Places to park and to charge.</summary>
    public required ImmutableArray<Bay> Bays { get; init; }

    /// <summary>Kinds of vehicle on offer.</summary>
    public required ImmutableArray<VehicleType> VehicleTypes { get; init; }

    /// <summary>Prices.</summary>
    public required ImmutableArray<Tariff> Tariffs { get; init; }

    /// <summary>When rides may start; exactly one rule per kind that the city has.</summary>
    public required ImmutableArray<OpeningRule> OpeningRules { get; init; }

    /// <summary>The vehicles that the city starts with.</summary>
    public required ImmutableArray<FleetVehicle> Fleet { get; init; }

    /// <summary>The people who run the city.</summary>
    public required ImmutableArray<StaffAccount> Staff { get; init; }
}

/// <summary>
/// Takes one module's section of a pack. Loading is an upsert: the same pack twice changes nothing, and what already lives (a vehicle, an account) is not
/// reset. A loader may meet a pack of a city that is already open.
/// </summary>
public interface IPackLoader
{
    /// <summary>What is loaded, for the person who watches: for example <c>zones and bays</c>.</summary>
    string Section { get; }

    /// <summary>Loads the section.</summary>
    Task LoadAsync(CityPack pack, CancellationToken ct);
}

/// <summary>A city.</summary>
public sealed record City
{
    /// <summary>Its id.</summary>
    public required CityId Id { get; init; }

    /// <summary>Its name for people.</summary>
    public required string Name { get; init; }

    /// <summary>IANA name, for example <c>Europe/Berlin</c>. Opening hours and day prices follow it.</summary>
    public required string TimeZone { get; init; }

    /// <summary>The currency of every tariff.</summary>
    public required Currency Currency { get; init; }

    /// <summary>BCP 47 tag of the language of all names.</summary>
    public required string Language { get; init; }

    /// <summary>Where a map opens.</summary>
    public required GeoPoint Center { get; init; }

    /// <summary>Value added tax of tariffs that name none, in hundredths of a percent: 1900 is 19 %.</summary>
    public required int VatBasisPoints { get; init; }
}

/// <summary>What a zone is for (requirement GEO-1). The rules decide; the kind is for people and maps.</summary>
public enum ZoneKind
{
    /// <summary>Where rides may start and end.</summary>
    Operational,
    /// <summary>Something is forbidden: riding through, starting or ending.</summary>
    Restricted,
    /// <summary>A speed limit.</summary>
    SpeedLimited,
    /// <summary>Prices differ here.</summary>
    Pricing,
}

/// <summary>A zone and its rules.</summary>
public sealed record Zone
{
    /// <summary>Unique within the city.</summary>
    public required ZoneId Id { get; init; }

    /// <summary>For people.</summary>
    public required string Name { get; init; }

    /// <summary>What it is for.</summary>
    public required ZoneKind Kind { get; init; }

    /// <summary>Where it applies; the boundary belongs to it.</summary>
    public required GeoMultiPolygon Area { get; init; }

    /// <summary>Earlier rules win. A pricing zone may have none.</summary>
    public required ImmutableArray<ZoneRule> Rules { get; init; }
}

/// <summary>What stands in a bay.</summary>
public enum BayKind
{
    /// <summary>Vehicles park.</summary>
    Parking,
    /// <summary>Vehicles park and charge.</summary>
    Charging,
}

/// <summary>A marked place (GBFS station) for some vehicles.</summary>
public sealed record Bay
{
    /// <summary>Unique within the city.</summary>
    public required BayId Id { get; init; }

    /// <summary>For people.</summary>
    public required string Name { get; init; }

    /// <summary>Parking or charging.</summary>
    public required BayKind Kind { get; init; }

    /// <summary>Its middle.</summary>
    public required GeoPoint Position { get; init; }

    /// <summary>Vehicles that fit, at least 1.</summary>
    public required int Capacity { get; init; }

    /// <summary>The kinds that may stand here; at least one.</summary>
    public required ImmutableArray<VehicleKind> VehicleKinds { get; init; }
}

/// <summary>The kinds that booking, pricing and opening rules tell apart.</summary>
public enum VehicleKind
{
    /// <summary>A stand-up scooter.</summary>
    Scooter,
    /// <summary>A bicycle with electric assistance.</summary>
    EBike,
    /// <summary>A car.</summary>
    Car,
    /// <summary>A van.</summary>
    Van,
}

/// <summary>The MDS 2.0 mode, which decides the vehicle's state machine.</summary>
public enum VehicleMode
{
    /// <summary>MDS <c>micromobility</c>: taken where it stands, open end.</summary>
    Micromobility,
    /// <summary>MDS <c>car-share</c>: booked for a window.</summary>
    CarShare,
}

/// <summary>A type of vehicle (GBFS vehicle_types.json).</summary>
public sealed record VehicleType
{
    /// <summary>Unique within the city.</summary>
    public required VehicleTypeId Id { get; init; }

    /// <summary>For people.</summary>
    public required string Name { get; init; }

    /// <summary>Our kind.</summary>
    public required VehicleKind Kind { get; init; }

    /// <summary>GBFS <c>form_factor</c>, for example <c>scooter_standing</c>.</summary>
    public required string FormFactor { get; init; }

    /// <summary>GBFS <c>propulsion_type</c>, for example <c>electric</c>.</summary>
    public required string PropulsionType { get; init; }

    /// <summary>How far a full battery reaches.</summary>
    public required int MaxRangeMeters { get; init; }

    /// <summary>Least state of charge with which a ride may start, 0 to 100 (requirement BKG-2).</summary>
    public required int MinimumStateOfChargePercent { get; init; }

    /// <summary>The MDS mode.</summary>
    public required VehicleMode Mode { get; init; }

    /// <summary>People it may carry, the driver included.</summary>
    public required int RiderCapacity { get; init; }

    /// <summary>GBFS <c>max_permitted_speed</c> in kilometers per hour; null where the road's limit is the only one.</summary>
    public int? MaxPermittedSpeedKph { get; init; }

    /// <summary>GBFS <c>default_pricing_plan_id</c>: the tariff that rides of this type are quoted with.</summary>
    public required TariffId DefaultTariffId { get; init; }
}

/// <summary>A piece of a price that grows (GBFS segment): from <paramref name="Start"/> on, <paramref name="Rate"/> for every begun interval.</summary>
/// <param name="Start">Minutes or kilometers after which the segment applies, 0 or more. Segments that overlap add up.</param>
/// <param name="Rate">Minor units per interval.</param>
/// <param name="Interval">Minutes or kilometers per rate; 0 charges the rate once.</param>
/// <param name="End">Where the segment stops applying; null never.</param>
public sealed record PriceStep(int Start, long Rate, int Interval, int? End);

/// <summary>A tariff: a GBFS pricing plan and what a rental business needs beyond it. Amounts are minor units of the currency, with VAT inside.</summary>
public sealed record Tariff
{
    /// <summary>GBFS <c>plan_id</c>.</summary>
    public required TariffId Id { get; init; }

    /// <summary>For people.</summary>
    public required string Name { get; init; }

    /// <summary>For people, one or two sentences.</summary>
    public required string Description { get; init; }

    /// <summary>The city's currency.</summary>
    public required Currency Currency { get; init; }

    /// <summary>The vehicle types it applies to; at least one.</summary>
    public required ImmutableArray<VehicleTypeId> VehicleTypeIds { get; init; }

    /// <summary>GBFS <c>price</c>: charged once per ride.</summary>
    public required long UnlockFee { get; init; }

    /// <summary>GBFS <c>per_min_pricing</c>.</summary>
    public required ImmutableArray<PriceStep> PerMinute { get; init; }

    /// <summary>GBFS <c>per_km_pricing</c>.</summary>
    public required ImmutableArray<PriceStep> PerKilometer { get; init; }

    /// <summary>Per begun minute between the reservation and the ride; 0 is free.</summary>
    public long ReservationFeePerMinute { get; init; }

    /// <summary>Per begun minute of a pause, instead of the riding price.</summary>
    public long PauseRatePerMinute { get; init; }

    /// <summary>Most that 24 hours of riding cost; null without cap.</summary>
    public long? DayPrice { get; init; }

    /// <summary>Most that one ride costs; null without cap.</summary>
    public long? MaximumCharge { get; init; }

    /// <summary>Least that a ride costs.</summary>
    public long MinimumCharge { get; init; }

    /// <summary>For a window that nobody came to use.</summary>
    public long NoShowFee { get; init; }

    /// <summary>Per begun minute after the end of a booked window, on top of the riding price.</summary>
    public long OvertimeRatePerMinute { get; init; }

    /// <summary>How late a rider may come to a booked window before it is released.</summary>
    public TimeSpan LateArrivalGrace { get; init; }

    /// <summary>Value added tax contained in the amounts, in hundredths of a percent.</summary>
    public required int VatBasisPoints { get; init; }
}

/// <summary>Hours on some days of the week, in the city's wall-clock time.</summary>
/// <param name="Days">At least one day, each once.</param>
/// <param name="Opens">Time since local midnight, 0 to 24 hours; belongs to the hours.</param>
/// <param name="Closes">Time since local midnight, later than <paramref name="Opens"/>; does not belong to the hours. 24 hours is the end of the day.</param>
public sealed record OpeningHours(ImmutableArray<DayOfWeek> Days, TimeSpan Opens, TimeSpan Closes);

/// <summary>When rides of a kind may start. Hours over midnight are two entries.</summary>
/// <param name="VehicleKind">The kind.</param>
/// <param name="Hours">Union of these; empty is closed.</param>
public sealed record OpeningRule(VehicleKind VehicleKind, ImmutableArray<OpeningHours> Hours)
{
    /// <summary>Whether the kind is open at a wall-clock time of the city.</summary>
    public bool IsOpenAt(DateTime local) =>
        Hours.Any(hours => hours.Days.Contains(local.DayOfWeek) && local.TimeOfDay >= hours.Opens && local.TimeOfDay < hours.Closes);
}

/// <summary>A vehicle that a city starts with.</summary>
public sealed record FleetVehicle
{
    /// <summary>The operator's name for it, printed on the vehicle; unique within the city, 1 to 64 characters of a text id.</summary>
    public required string Label { get; init; }

    /// <summary>Registration plate of a car or van; null for others.</summary>
    public string? Plate { get; init; }

    /// <summary>Its type.</summary>
    public required VehicleTypeId VehicleTypeId { get; init; }

    /// <summary>Where it stands when it is first registered.</summary>
    public required GeoPoint Position { get; init; }

    /// <summary>State of charge when it is first registered, 0 to 100.</summary>
    public required int StateOfChargePercent { get; init; }
}

/// <summary>What a member of the staff does; Identity maps it to permissions.</summary>
public enum StaffRole
{
    /// <summary>Everything.</summary>
    Admin,
    /// <summary>Fleet, zones, prices of a city.</summary>
    OperationsManager,
    /// <summary>Swaps, moves and repairs vehicles.</summary>
    FieldTechnician,
    /// <summary>Answers riders.</summary>
    SupportAgent,
    /// <summary>Ledger, invoices, refunds.</summary>
    Finance,
}

/// <summary>A person who runs the city.</summary>
public sealed record StaffAccount
{
    /// <summary>Signs in with it; unique.</summary>
    public required string Email { get; init; }

    /// <summary>For people.</summary>
    public required string DisplayName { get; init; }

    /// <summary>The role.</summary>
    public required StaffRole Role { get; init; }

    /// <summary>Password of a demo account; null where the person sets one by a code. Never in a pack of a real city.</summary>
    public string? DemoPassword { get; init; }
}
