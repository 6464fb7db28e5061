using Mobility.Geo;
using Mobility.Platform;

namespace Mobility.Contracts;

/// <summary>A vehicle.</summary>
/// <param name="Value">The 128-bit value.</param>
public readonly record struct VehicleId(Guid Value) : IId<VehicleId>
{
    /// <inheritdoc/>
    public static string Prefix => "veh";

    /// <inheritdoc/>
    public static VehicleId From(Guid value) => new(value);

    /// <summary>The vehicle of a pack's fleet: the same in every database.</summary>
    public static VehicleId Of(CityId city, string label) => Id.Named<VehicleId>(city.Value, label);

    /// <summary>Binds route and query parameters.</summary>
    public static bool TryParse(string? text, IFormatProvider? provider, out VehicleId id) => Id.TryParse(text, out id);

    /// <inheritdoc/>
    public override string ToString() => Id.Format(this);
}

/// <summary>A command to a vehicle; its acknowledgement carries it back.</summary>
/// <param name="Value">The 128-bit value.</param>
public readonly record struct VehicleCommandId(Guid Value) : IId<VehicleCommandId>
{
    /// <inheritdoc/>
    public static string Prefix => "cmd";

    /// <inheritdoc/>
    public static VehicleCommandId From(Guid value) => new(value);

    /// <summary>Binds route and query parameters.</summary>
    public static bool TryParse(string? text, IFormatProvider? provider, out VehicleCommandId id) => Id.TryParse(text, out id);

    /// <inheritdoc/>
    public override string ToString() => Id.Format(this);
}

/// <summary>The MDS 2.0 vehicle states.</summary>
public enum VehicleState
{
    /// <summary>Not in the city's right of way.</summary>
    Removed,
    /// <summary>Can be rented.</summary>
    Available,
    /// <summary>There, but cannot be rented.</summary>
    NonOperational,
    /// <summary>Held for a rider who has not begun.</summary>
    Reserved,
    /// <summary>In use.</summary>
    OnTrip,
    /// <summary>In use but standing (car-share).</summary>
    Stopped,
    /// <summary>Does not answer.</summary>
    NonContactable,
    /// <summary>Does not answer and was not found.</summary>
    Missing,
    /// <summary>Outside the jurisdiction.</summary>
    Elsewhere,
}

/// <summary>A vehicle as others see it now.</summary>
/// <param name="Id">The vehicle.</param>
/// <param name="Label">Printed on it.</param>
/// <param name="City">Its city.</param>
/// <param name="Type">Its type in the city's pack.</param>
/// <param name="Kind">Scooter, e-bike, car or van.</param>
/// <param name="State">MDS state.</param>
/// <param name="Position">Last known.</param>
/// <param name="StateOfChargePercent">0 to 100, last known.</param>
/// <param name="RangeMeters">What the charge gives.</param>
/// <param name="Rentable">Whether a rider may reserve it now: available and charged enough.</param>
public sealed record VehicleSummary(
    VehicleId Id, string Label, CityId City, VehicleTypeId Type, VehicleKind Kind, VehicleState State, GeoPoint Position, int StateOfChargePercent,
    int RangeMeters, bool Rentable);

/// <summary>Asks Fleet for one vehicle; null when there is none.</summary>
/// <param name="Vehicle">The vehicle.</param>
[ContractName("fleet.get_vehicle.v1")]
public sealed record GetVehicle(VehicleId Vehicle) : IContractQuery<VehicleSummary?>;

/// <summary>Asks Fleet for rentable vehicles around a place, nearest first.</summary>
/// <param name="Position">Where the rider is.</param>
/// <param name="RadiusMeters">At most 5,000.</param>
/// <param name="Kind">Only this kind; null for all.</param>
/// <param name="Limit">1 to 50.</param>
[ContractName("fleet.find_rentable.v1")]
public sealed record FindRentable(GeoPoint Position, int RadiusMeters, VehicleKind? Kind, int Limit) : IContractQuery<IReadOnlyList<VehicleSummary>>;

/// <summary>The vehicle says that it unlocked.</summary>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="Command">The command it obeyed; null when it acted by itself or on a token.</param>
/// <param name="Booking">The booking of that command or token.</param>
/// <param name="At">By the vehicle's own clock: billing begins here.</param>
/// <param name="Position">Where.</param>
/// <param name="StateOfChargePercent">0 to 100.</param>
/// <param name="OdometerMeters">Total distance so far.</param>
[ContractName("fleet.vehicle_unlocked.v1")]
public sealed record VehicleUnlockedV1(
    VehicleId Vehicle, VehicleCommandId? Command, BookingId? Booking, DateTimeOffset At, GeoPoint Position, int StateOfChargePercent, long OdometerMeters) : IContractEvent;

/// <summary>The vehicle says that it locked; fields as in <see cref="VehicleUnlockedV1"/>.</summary>
[ContractName("fleet.vehicle_locked.v1")]
public sealed record VehicleLockedV1(
    VehicleId Vehicle, VehicleCommandId? Command, BookingId? Booking, DateTimeOffset At, GeoPoint Position, int StateOfChargePercent, long OdometerMeters) : IContractEvent;

/// <summary>What a command asks of a vehicle.</summary>
public enum VehicleCommandKind
{
    /// <summary>Open.</summary>
    Unlock,
    /// <summary>Close.</summary>
    Lock,
    /// <summary>Say where it is, at once.</summary>
    Locate,
    /// <summary>Be heard.</summary>
    Horn,
    /// <summary>Go no faster than a speed, or as fast as it may again.</summary>
    SpeedLimit,
    /// <summary>Open for nobody and drive no more, until enabled. Only for a vehicle that stands.</summary>
    Disable,
    /// <summary>Be usable again.</summary>
    Enable,
}

/// <summary>
/// The words of an unlock token: a JWT, signed with ES256 by a key of Fleet's and checked by the vehicle without network. <c>aud</c> is the vehicle, <c>sub</c> the
/// rider, <c>jti</c> a nonce that the vehicle takes once, <c>exp</c> at most <see cref="LivesSeconds"/> after <c>iat</c>. A vehicle that opens on one tells it in
/// its event, so that the ride belongs to the booking.
/// </summary>
public static class UnlockTokenWords
{
    /// <summary>Header <c>typ</c>: an access token never opens a vehicle, and an unlock token never opens a door of ours.</summary>
    public const string Type = "unlock+jwt";

    /// <summary>Claim <c>iss</c>.</summary>
    public const string Issuer = "mobility.fleet";

    /// <summary>Claim with the booking's id.</summary>
    public const string Booking = "booking";

    /// <summary>Life of a token in seconds.</summary>
    public const int LivesSeconds = 60;
}

/// <summary>A command to a vehicle is recorded and stands until its deadline: whoever holds the vehicle's wire sends it.</summary>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="Command">The command; the vehicle's report names it.</param>
/// <param name="Kind">What is asked.</param>
/// <param name="RequestedAt">When it was asked.</param>
/// <param name="Deadline">After it the command is given up, and must not be obeyed any more.</param>
/// <param name="SpeedLimitKph">For a speed limit: km/h, or null to lift it.</param>
[ContractName("fleet.command_issued.v1")]
public sealed record VehicleCommandIssuedV1(
    VehicleId Vehicle, VehicleCommandId Command, VehicleCommandKind Kind, DateTimeOffset RequestedAt, DateTimeOffset Deadline, int? SpeedLimitKph = null) : IContractEvent;

/// <summary>Fleet waits until a vehicle stands; whoever hears its reports tells it with <see cref="VehicleStandsV1"/>. A later one takes the place of this one.</summary>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="Command">What goes out then.</param>
/// <param name="StandsFor">How long it must have stood; a locked vehicle stands at once.</param>
/// <param name="Until">Afterwards nobody waits any more.</param>
[ContractName("fleet.standstill_wanted.v1")]
public sealed record StandstillWantedV1(VehicleId Vehicle, VehicleCommandId Command, TimeSpan StandsFor, DateTimeOffset Until) : IContractEvent;

/// <summary>Asks Fleet for the commands that wait for a vehicle, oldest first.</summary>
/// <param name="Vehicle">The vehicle.</param>
[ContractName("fleet.get_pending_commands.v1")]
public sealed record GetPendingCommands(VehicleId Vehicle) : IContractQuery<IReadOnlyList<VehicleCommandIssuedV1>>;

/// <summary>Asks Fleet for a token that opens a vehicle without network; null when the vehicle is not in service or disabled. Who asks has made sure that the rider may open it now.</summary>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="Booking">The booking.</param>
/// <param name="Rider">Whose it is.</param>
[ContractName("fleet.get_unlock_token.v1")]
public sealed record GetUnlockToken(VehicleId Vehicle, BookingId Booking, AccountId Rider) : IContractQuery<UnlockToken?>;

/// <summary>A signed token in the words of <see cref="UnlockTokenWords"/>.</summary>
/// <param name="Token">A JWT in its compact form.</param>
/// <param name="ExpiresAt">The vehicle refuses it then.</param>
public sealed record UnlockToken(string Token, DateTimeOffset ExpiresAt);

/// <summary>A vehicle did not acknowledge a command in time, or refused it: whoever asked must compensate.</summary>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="Command">The command.</param>
/// <param name="Booking">The booking for which it was asked; null for a command of staff.</param>
/// <param name="Kind">What was asked.</param>
/// <param name="Reason">A stable code, for example <c>timeout</c> or <c>refused_moving</c>.</param>
/// <param name="At">When it was given up.</param>
[ContractName("fleet.command_failed.v1")]
public sealed record VehicleCommandFailedV1(
    VehicleId Vehicle, VehicleCommandId Command, BookingId? Booking, VehicleCommandKind Kind, string Reason, DateTimeOffset At) : IContractEvent;

/// <summary>All that a list of vehicles for riders needs to know of one.</summary>
/// <param name="Id">The vehicle.</param>
/// <param name="Label">Printed on it.</param>
/// <param name="City">Its city.</param>
/// <param name="Type">Its type in the city's pack.</param>
/// <param name="Kind">Scooter, e-bike, car or van.</param>
/// <param name="State">MDS state.</param>
/// <param name="Offered">Whether a rider may have it, its charge apart: in service, available and not disabled.</param>
/// <param name="Version">Counts the vehicle's events: of two of these the one with the greater version is newer.</param>
/// <param name="Position">Last known to Fleet.</param>
/// <param name="StateOfChargePercent">0 to 100, last known to Fleet.</param>
/// <param name="MeasuredAt">When position and charge were so, by the vehicle's own clock where it said.</param>
/// <param name="MaxRangeMeters">What a full battery gives.</param>
/// <param name="MinimumStateOfChargePercent">Below it the vehicle is not rented out.</param>
public sealed record VehicleNow(
    VehicleId Id, string Label, CityId City, VehicleTypeId Type, VehicleKind Kind, VehicleState State, bool Offered, int Version, GeoPoint Position,
    int StateOfChargePercent, DateTimeOffset MeasuredAt, int MaxRangeMeters, int MinimumStateOfChargePercent);

/// <summary>Asks Fleet for all vehicles, page by page in the order of their ids: how a process that follows <see cref="VehicleStateChangedV1"/> begins.</summary>
/// <param name="After">The last id of the page before; null for the first.</param>
/// <param name="Limit">1 to 2,000.</param>
[ContractName("fleet.list_vehicles_now.v1")]
public sealed record ListVehiclesNow(VehicleId? After, int Limit) : IContractQuery<IReadOnlyList<VehicleNow>>;

/// <summary>A vehicle came, moved to another MDS state, was placed elsewhere, or has another charge by what Fleet knows.</summary>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="City">Its city.</param>
/// <param name="From">State before.</param>
/// <param name="To">State after; the same as before when only position or charge changed.</param>
/// <param name="EventType">The last MDS event type, for example <c>trip_start</c>; null when the state did not change.</param>
/// <param name="At">When.</param>
/// <param name="Now">The vehicle after the change; every message that was ever published has it.</param>
[ContractName("fleet.vehicle_state_changed.v1")]
public sealed record VehicleStateChangedV1(
    VehicleId Vehicle, CityId City, VehicleState From, VehicleState To, string? EventType, DateTimeOffset At, VehicleNow? Now = null) : IContractEvent;
