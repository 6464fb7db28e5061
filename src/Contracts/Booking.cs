using Mobility.Geo;
using Mobility.Platform;

namespace Mobility.Contracts;

/// <summary>A booking from reservation to settlement; a ride is its middle.</summary>
/// <param name="Value">The 128-bit value.</param>
public readonly record struct BookingId(Guid Value) : IId<BookingId>
{
    /// <inheritdoc/>
    public static string Prefix => "booking";

    /// <inheritdoc/>
    public static BookingId From(Guid value) => new(value);

    /// <summary>Binds route and query parameters.</summary>
    public static bool TryParse(string? text, IFormatProvider? provider, out BookingId id) => Id.TryParse(text, out id);

    /// <inheritdoc/>
    public override string ToString() => Id.Format(this);
}

/// <summary>A vehicle is held for a rider. Key: the vehicle.</summary>
/// <param name="Booking">The booking.</param>
/// <param name="Rider">The holder.</param>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="City">The city.</param>
/// <param name="Kind">Its kind.</param>
/// <param name="From">When the vehicle is the rider's: now, or the begin of the window.</param>
/// <param name="Until">When the hold ends at the latest.</param>
/// <param name="At">When it was reserved.</param>
[ContractName("booking.reserved.v1")]
public sealed record BookingReservedV1(
    BookingId Booking, AccountId Rider, VehicleId Vehicle, CityId City, VehicleKind Kind, DateTimeOffset From, DateTimeOffset Until, DateTimeOffset At) : IContractEvent;

/// <summary>The rider confirms: the money must be authorized. Key: the booking.</summary>
/// <param name="Booking">The booking.</param>
/// <param name="Rider">Who pays.</param>
/// <param name="City">The city.</param>
/// <param name="Amount">To authorize.</param>
[ContractName("booking.confirmation_requested.v1")]
public sealed record BookingConfirmationRequestedV1(BookingId Booking, AccountId Rider, CityId City, Money Amount) : IContractEvent;

/// <summary>The booking is paid for in advance and stands. Key: the booking.</summary>
/// <param name="Booking">The booking.</param>
/// <param name="Rider">The rider.</param>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="City">The city.</param>
[ContractName("booking.confirmed.v1")]
public sealed record BookingConfirmedV1(BookingId Booking, AccountId Rider, VehicleId Vehicle, CityId City) : IContractEvent;

/// <summary>A window's reserved time has come and the vehicle must now be kept for the rider (cars and vans). Key: the vehicle.</summary>
/// <param name="Booking">The booking.</param>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="At">When.</param>
[ContractName("booking.window_opened.v1")]
public sealed record BookingWindowOpenedV1(BookingId Booking, VehicleId Vehicle, DateTimeOffset At) : IContractEvent;

/// <summary>Why a booking ended without a ride.</summary>
public enum ReleaseReason
{
    /// <summary>The rider cancelled.</summary>
    Cancelled,
    /// <summary>Never confirmed in time.</summary>
    Expired,
    /// <summary>The money could not be authorized.</summary>
    PaymentFailed,
    /// <summary>Confirmed, but nobody came.</summary>
    NoShow,
    /// <summary>The vehicle did not unlock or was not there: our fault.</summary>
    VehicleFault,
}

/// <summary>The vehicle is free again without a ride. Key: the vehicle.</summary>
/// <param name="Booking">The booking.</param>
/// <param name="Rider">The rider.</param>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="City">The city.</param>
/// <param name="Reason">Why.</param>
/// <param name="Occupied">Whether the vehicle was already kept for the rider (MDS reserved).</param>
/// <param name="At">When.</param>
[ContractName("booking.released.v1")]
public sealed record BookingReleasedV1(
    BookingId Booking, AccountId Rider, VehicleId Vehicle, CityId City, ReleaseReason Reason, bool Occupied, DateTimeOffset At) : IContractEvent
{
    /// <summary>
    /// Whether a fee follows: <see cref="BookingForfeitedV1"/> and then <see cref="RideChargedV1"/> come for this booking, so its authorization must not be
    /// voided yet. False for every other release, also for a scooter that nobody came for.
    /// </summary>
    public bool FeeDue { get; init; }
}

/// <summary>Nobody came: the tariff's no-show fee is due. Key: the booking. Pricing answers with <see cref="RideChargedV1"/>.</summary>
/// <param name="Booking">The booking.</param>
/// <param name="Rider">The rider.</param>
/// <param name="City">The city.</param>
/// <param name="Tariff">The snapshot.</param>
/// <param name="Usage">With NoShow set.</param>
[ContractName("booking.forfeited.v1")]
public sealed record BookingForfeitedV1(BookingId Booking, AccountId Rider, CityId City, Tariff Tariff, RideUsage Usage) : IContractEvent;

/// <summary>The vehicle shall open or close for a booking. Key: the vehicle.</summary>
/// <param name="Booking">The booking.</param>
/// <param name="Rider">The rider.</param>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="Command">Comes back with the vehicle's report.</param>
/// <param name="Kind">Unlock or lock.</param>
/// <param name="At">When it was asked.</param>
[ContractName("booking.vehicle_command_requested.v1")]
public sealed record VehicleCommandRequestedV1(
    BookingId Booking, AccountId Rider, VehicleId Vehicle, VehicleCommandId Command, VehicleCommandKind Kind, DateTimeOffset At) : IContractEvent;

/// <summary>The ride began with the vehicle's unlock. Key: the vehicle.</summary>
/// <param name="Booking">The booking.</param>
/// <param name="Rider">The rider.</param>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="City">The city.</param>
/// <param name="At">The vehicle's own time.</param>
/// <param name="Position">Where.</param>
[ContractName("booking.ride_started.v1")]
public sealed record RideStartedV1(BookingId Booking, AccountId Rider, VehicleId Vehicle, CityId City, DateTimeOffset At, GeoPoint Position) : IContractEvent;

/// <summary>The rider paused (Paused) or went on. Key: the vehicle.</summary>
/// <param name="Booking">The booking.</param>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="Paused">True for a pause, false for its end.</param>
/// <param name="At">The vehicle's own time.</param>
[ContractName("booking.ride_pause_changed.v1")]
public sealed record RidePauseChangedV1(BookingId Booking, VehicleId Vehicle, bool Paused, DateTimeOffset At) : IContractEvent;

/// <summary>The ride ended with the vehicle's lock. Key: the vehicle. Pricing answers with <see cref="RideChargedV1"/>.</summary>
/// <param name="Booking">The booking.</param>
/// <param name="Rider">The rider.</param>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="City">The city.</param>
/// <param name="Tariff">The snapshot.</param>
/// <param name="Usage">The facts.</param>
/// <param name="Position">Where.</param>
[ContractName("booking.ride_ended.v1")]
public sealed record RideEndedV1(
    BookingId Booking, AccountId Rider, VehicleId Vehicle, CityId City, Tariff Tariff, RideUsage Usage, GeoPoint Position) : IContractEvent;
