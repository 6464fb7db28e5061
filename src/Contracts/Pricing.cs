using Mobility.Platform;

namespace Mobility.Contracts;

/// <summary>A price that was offered.</summary>
/// <param name="Value">The 128-bit value.</param>
public readonly record struct QuoteId(Guid Value) : IId<QuoteId>
{
    /// <inheritdoc/>
    public static string Prefix => "quote";

    /// <inheritdoc/>
    public static QuoteId From(Guid value) => new(value);

    /// <summary>Binds route and query parameters.</summary>
    public static bool TryParse(string? text, IFormatProvider? provider, out QuoteId id) => Id.TryParse(text, out id);

    /// <inheritdoc/>
    public override string ToString() => Id.Format(this);
}

/// <summary>An offer for one vehicle with everything that is frozen into the booking (requirement BKG-8).</summary>
/// <param name="Id">The quote.</param>
/// <param name="Account">For whom.</param>
/// <param name="City">The city.</param>
/// <param name="Vehicle">The vehicle.</param>
/// <param name="Type">Its type.</param>
/// <param name="Kind">Its kind.</param>
/// <param name="Tariff">The policy snapshot: later changes of the tariff do not touch it.</param>
/// <param name="From">Begin of the window asked for; null for a ride now.</param>
/// <param name="Until">End of the window; null for an open end.</param>
/// <param name="Estimate">What the ride is expected to cost, VAT included.</param>
/// <param name="HoldAmount">What is authorized before the ride.</param>
/// <param name="VehiclePosition">Where the vehicle stood when the quote was made; alternatives are looked for around it.</param>
/// <param name="ExpiresAt">It cannot be booked afterwards.</param>
public sealed record QuoteSnapshot(
    QuoteId Id, AccountId Account, CityId City, VehicleId Vehicle, VehicleTypeId Type, VehicleKind Kind, Tariff Tariff, DateTimeOffset? From,
    DateTimeOffset? Until, Money Estimate, Money HoldAmount, Geo.GeoPoint VehiclePosition, DateTimeOffset ExpiresAt);

/// <summary>Asks Pricing for an offer by its id; null when there is none. An expired one is returned too.</summary>
/// <param name="Quote">The quote.</param>
[ContractName("pricing.get_quote.v1")]
public sealed record GetQuote(QuoteId Quote) : IContractQuery<QuoteSnapshot?>;

/// <summary>A pause of a ride.</summary>
/// <param name="From">The vehicle locked.</param>
/// <param name="Until">The vehicle unlocked.</param>
public sealed record RidePause(DateTimeOffset From, DateTimeOffset Until);

/// <summary>The measured facts that a tariff is applied to.</summary>
/// <param name="ReservedAt">When the hold began.</param>
/// <param name="StartedAt">The vehicle's own unlock time; null when no ride took place.</param>
/// <param name="EndedAt">The vehicle's own lock time; null when no ride took place.</param>
/// <param name="Pauses">In order, within the ride, not overlapping.</param>
/// <param name="DistanceMeters">By the odometer.</param>
/// <param name="WindowEnd">End of the booked window; null for an open end.</param>
/// <param name="NoShow">Nobody came: only the no-show fee is due.</param>
public sealed record RideUsage(
    DateTimeOffset ReservedAt, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, IReadOnlyList<RidePause> Pauses, long DistanceMeters, DateTimeOffset? WindowEnd,
    bool NoShow);

/// <summary>One line of a charge.</summary>
/// <param name="Code">Stable: unlock, time, distance, reservation, pause, overtime, no_show, minimum, cap.</param>
/// <param name="Description">For people.</param>
/// <param name="Quantity">Units.</param>
/// <param name="Unit">minute, kilometer, piece.</param>
/// <param name="Amount">VAT included; negative for a cap.</param>
public sealed record ChargeLine(string Code, string Description, long Quantity, string Unit, Money Amount);

/// <summary>What a tariff makes of a usage.</summary>
/// <param name="Lines">They add up to the total.</param>
/// <param name="Total">VAT included, never negative.</param>
/// <param name="Net">Without VAT; net and VAT add up to the total.</param>
/// <param name="Vat">Contained in the total.</param>
/// <param name="VatBasisPoints">Hundredths of a percent.</param>
public sealed record Charge(IReadOnlyList<ChargeLine> Lines, Money Total, Money Net, Money Vat, int VatBasisPoints);

/// <summary>Asks Pricing what a tariff makes of a usage; pure.</summary>
/// <param name="Tariff">The snapshot.</param>
/// <param name="Usage">The facts so far.</param>
[ContractName("pricing.apply_tariff.v1")]
public sealed record ApplyTariff(Tariff Tariff, RideUsage Usage) : IContractQuery<Charge>;

/// <summary>An ended or forfeited booking has its price.</summary>
/// <param name="Booking">The booking.</param>
/// <param name="Rider">Who pays.</param>
/// <param name="City">The city.</param>
/// <param name="Charge">The price.</param>
/// <param name="At">When it was computed.</param>
[ContractName("pricing.ride_charged.v1")]
public sealed record RideChargedV1(BookingId Booking, AccountId Rider, CityId City, Charge Charge, DateTimeOffset At) : IContractEvent;
