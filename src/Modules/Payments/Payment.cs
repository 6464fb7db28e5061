using System.Diagnostics;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Events;

namespace Mobility.Payments;

/// <summary>What happens to the money of one booking.</summary>
internal abstract record PaymentEvent;

/// <summary>The booking asks for its money to be reserved. Token is null when the rider has no method.</summary>
internal sealed record AuthorizationRequested(BookingId Booking, AccountId Rider, CityId City, Money Amount, string? Token) : PaymentEvent;

/// <summary>The money is reserved: at the provider under the intent, or in the wallet when there is none.</summary>
internal sealed record Authorized(string? Intent, Money Amount) : PaymentEvent;

/// <summary>The bank wants to see the rider first.</summary>
internal sealed record ActionRequired(string Intent, string Url) : PaymentEvent;

/// <summary>The provider does not know yet.</summary>
internal sealed record AuthorizationPending(string Intent) : PaymentEvent;

internal sealed record Declined(string Code) : PaymentEvent;

/// <summary>The booking ended without a ride. When a fee follows, the reserved money is kept for it.</summary>
internal sealed record VoidRequested(BookingId Booking, AccountId Rider, CityId City, ReleaseReason Reason, bool FeeDue, DateTimeOffset At) : PaymentEvent;

/// <summary>The reserved money is free again.</summary>
internal sealed record Voided : PaymentEvent;

/// <summary>The price is known and invoiced: from here on the rider owes it.</summary>
internal sealed record Charged(
    BookingId Booking, AccountId Rider, CityId City, Charge Charge, InvoiceId Invoice, string InvoiceNumber, DateTimeOffset At) : PaymentEvent;

/// <summary>Wallet credit paid a part.</summary>
internal sealed record CreditApplied(Money Amount) : PaymentEvent;

/// <summary>The provider does not answer; the capture is queued (PAY-8).</summary>
internal sealed record CaptureDeferred(string Reason) : PaymentEvent;

/// <summary>The one final capture of the reserved money.</summary>
internal sealed record Captured(string? Intent, Money Amount) : PaymentEvent;

/// <summary>The reserved money is lost (expired, canceled or refused at the provider): the debt stays.</summary>
internal sealed record CaptureFailed(string Code) : PaymentEvent;

/// <summary>What the reservation did not cover shall be charged with this token; fixed before the provider is asked, so that repeats are equal.</summary>
internal sealed record RemainderRequested(int Number, string Token, Money Amount) : PaymentEvent;

internal sealed record RemainderCaptured(int Number, string Intent, Money Amount) : PaymentEvent;

internal sealed record RemainderDeclined(int Number, string Code) : PaymentEvent;

/// <summary>The rider owes this and there is nothing to take it from now.</summary>
internal sealed record LeftOutstanding(Money Amount, string Reason) : PaymentEvent;

/// <summary>Everything that was charged is paid.</summary>
internal sealed record Settled : PaymentEvent;

/// <summary>Where the reservation of the money stands.</summary>
internal enum Hold
{
    None,
    Requested,
    ActionRequired,
    Pending,
    Held,
    Declined,
    Voided,
    Captured,
    Lost,
}

/// <summary>The money of one booking.</summary>
internal sealed record PaymentState
{
    /// <summary>The method token that means: pay from the wallet's balance only.</summary>
    public const string WalletToken = "wallet";

    public BookingId Booking { get; init; }
    public AccountId Rider { get; init; }
    public CityId City { get; init; }
    public Hold Hold { get; init; }
    public string? Token { get; init; }
    public string? Intent { get; init; }
    public string? ActionUrl { get; init; }
    public string? DeclineCode { get; init; }
    public Money? Requested { get; init; }
    public Money? Authorized { get; init; }
    public ReleaseReason? Released { get; init; }
    public bool FeeDue { get; init; }
    public DateTimeOffset ReleasedAt { get; init; }
    public Charge? Charge { get; init; }
    public InvoiceId Invoice { get; init; }
    public string? InvoiceNumber { get; init; }
    public Money? Credit { get; init; }
    public Money? Captured { get; init; }
    public Money? CapturedLater { get; init; }
    public bool Deferred { get; init; }
    public RemainderRequested? Remainder { get; init; }
    public int RemainderTries { get; init; }
    public string? OutstandingReason { get; init; }
    public bool IsSettled { get; init; }

    /// <summary>The reservation is in our own ledger; no provider is involved.</summary>
    public bool IsFromWallet => Token == WalletToken;

    /// <summary>Still owed; null before the charge.</summary>
    public Money? Due => Charge is null ? null : Charge.Total - Paid(Charge.Total.Currency);

    /// <summary>Taken by the provider so far: first capture and later ones.</summary>
    public Money CapturedByProvider(Currency currency) =>
        (IsFromWallet ? Money.Zero(currency) : Captured ?? Money.Zero(currency)) + (CapturedLater ?? Money.Zero(currency));

    private Money Paid(Currency currency) =>
        (Credit ?? Money.Zero(currency)) + (Captured ?? Money.Zero(currency)) + (CapturedLater ?? Money.Zero(currency));
}

/// <summary>The stream of one booking's money. Its id is derived from the booking's, so that nobody needs to look it up.</summary>
internal static class PaymentStream
{
    public static StreamType<PaymentState, PaymentEvent> Type { get; } = new("payment", new PaymentState(), Evolve, new EventCatalog<PaymentEvent>()
        .Add<AuthorizationRequested>("authorization_requested.v1")
        .Add<Authorized>("authorized.v1")
        .Add<ActionRequired>("action_required.v1")
        .Add<AuthorizationPending>("authorization_pending.v1")
        .Add<Declined>("declined.v1")
        .Add<VoidRequested>("void_requested.v1")
        .Add<Voided>("voided.v1")
        .Add<Charged>("charged.v1")
        .Add<CreditApplied>("credit_applied.v1")
        .Add<CaptureDeferred>("capture_deferred.v1")
        .Add<Captured>("captured.v1")
        .Add<CaptureFailed>("capture_failed.v1")
        .Add<RemainderRequested>("remainder_requested.v1")
        .Add<RemainderCaptured>("remainder_captured.v1")
        .Add<RemainderDeclined>("remainder_declined.v1")
        .Add<LeftOutstanding>("left_outstanding.v1")
        .Add<Settled>("settled.v1"));

    public static PaymentId IdOf(BookingId booking) => Id.Named<PaymentId>("booking", booking.ToString());

    public static PaymentState Evolve(PaymentState state, PaymentEvent e) => e switch
    {
        AuthorizationRequested x => state with
        {
            Booking = x.Booking,
            Rider = x.Rider,
            City = x.City,
            Requested = x.Amount,
            Token = x.Token,
            Hold = Hold.Requested,
        },
        Authorized x => state with { Hold = Hold.Held, Intent = x.Intent, Authorized = x.Amount, ActionUrl = null },
        ActionRequired x => state with { Hold = Hold.ActionRequired, Intent = x.Intent, ActionUrl = x.Url },
        AuthorizationPending x => state with { Hold = Hold.Pending, Intent = x.Intent },
        Declined x => state with { Hold = Hold.Declined, DeclineCode = x.Code, ActionUrl = null },
        VoidRequested x => state with
        {
            Booking = x.Booking,
            Rider = x.Rider,
            City = x.City,
            Released = x.Reason,
            FeeDue = x.FeeDue,
            ReleasedAt = x.At,
        },
        Voided => state with { Hold = Hold.Voided, ActionUrl = null },
        Charged x => state with
        {
            Booking = x.Booking,
            Rider = x.Rider,
            City = x.City,
            Charge = x.Charge,
            Invoice = x.Invoice,
            InvoiceNumber = x.InvoiceNumber,
        },
        CreditApplied x => state with { Credit = Sum(state.Credit, x.Amount) },
        CaptureDeferred => state with { Deferred = true },
        Captured x => state with { Hold = Hold.Captured, Captured = Sum(state.Captured, x.Amount), Deferred = false },
        CaptureFailed => state with { Hold = Hold.Lost, Deferred = false },
        RemainderRequested x => state with { Remainder = x, RemainderTries = x.Number },
        RemainderCaptured x => state with { Remainder = null, CapturedLater = Sum(state.CapturedLater, x.Amount) },
        RemainderDeclined => state with { Remainder = null },
        LeftOutstanding x => state with { OutstandingReason = x.Reason },
        Settled => state with { IsSettled = true, OutstandingReason = null, Deferred = false },
        _ => throw new UnreachableException($"{e.GetType().Name} is no event of a payment."),
    };

    private static Money Sum(Money? before, Money amount) => before is { } money ? money + amount : amount;
}
