using Mobility.Platform;

namespace Mobility.Contracts;

/// <summary>The money of one booking: authorized, captured, refunded.</summary>
/// <param name="Value">The 128-bit value.</param>
public readonly record struct PaymentId(Guid Value) : IId<PaymentId>
{
    /// <inheritdoc/>
    public static string Prefix => "pay";

    /// <inheritdoc/>
    public static PaymentId From(Guid value) => new(value);

    /// <summary>Binds route and query parameters.</summary>
    public static bool TryParse(string? text, IFormatProvider? provider, out PaymentId id) => Id.TryParse(text, out id);

    /// <inheritdoc/>
    public override string ToString() => Id.Format(this);
}

/// <summary>An invoice.</summary>
/// <param name="Value">The 128-bit value.</param>
public readonly record struct InvoiceId(Guid Value) : IId<InvoiceId>
{
    /// <inheritdoc/>
    public static string Prefix => "inv";

    /// <inheritdoc/>
    public static InvoiceId From(Guid value) => new(value);

    /// <summary>Binds route and query parameters.</summary>
    public static bool TryParse(string? text, IFormatProvider? provider, out InvoiceId id) => Id.TryParse(text, out id);

    /// <inheritdoc/>
    public override string ToString() => Id.Format(this);
}

/// <summary>A rider has a first payment method on file. Key: the account.</summary>
/// <param name="Account">The rider.</param>
[ContractName("payments.method_added.v1")]
public sealed record PaymentMethodAddedV1(AccountId Account) : IContractEvent;

/// <summary>The money of a booking is reserved. Key: the booking.</summary>
/// <param name="Booking">The booking.</param>
/// <param name="Payment">The payment.</param>
/// <param name="Amount">Authorized.</param>
[ContractName("payments.authorized.v1")]
public sealed record PaymentAuthorizedV1(BookingId Booking, PaymentId Payment, Money Amount) : IContractEvent;

/// <summary>The rider must prove to the bank that it is them (3-D Secure). Key: the booking.</summary>
/// <param name="Booking">The booking.</param>
/// <param name="Payment">The payment.</param>
/// <param name="Url">Where the rider does so.</param>
[ContractName("payments.action_required.v1")]
public sealed record PaymentActionRequiredV1(BookingId Booking, PaymentId Payment, string Url) : IContractEvent;

/// <summary>The money could not be reserved. Key: the booking.</summary>
/// <param name="Booking">The booking.</param>
/// <param name="Payment">The payment.</param>
/// <param name="Code">Stable, for example <c>card_declined</c> or <c>no_payment_method</c>.</param>
[ContractName("payments.declined.v1")]
public sealed record PaymentDeclinedV1(BookingId Booking, PaymentId Payment, string Code) : IContractEvent;

/// <summary>The charge of a booking is invoiced and paid. Key: the booking.</summary>
/// <param name="Booking">The booking.</param>
/// <param name="Rider">Who paid.</param>
/// <param name="Payment">The payment.</param>
/// <param name="Invoice">The invoice.</param>
/// <param name="InvoiceNumber">As printed.</param>
/// <param name="Total">Invoice total, VAT included.</param>
/// <param name="Captured">From the card; the rest came from credit.</param>
[ContractName("payments.settled.v1")]
public sealed record PaymentSettledV1(
    BookingId Booking, AccountId Rider, PaymentId Payment, InvoiceId Invoice, string InvoiceNumber, Money Total, Money Captured) : IContractEvent;
