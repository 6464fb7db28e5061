using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Payments;

/// <summary>How the money of a booking stands; for its rider and for staff.</summary>
internal static class GetPayment
{
    /// <summary>What a rider needs to know, simpler than the state machine inside.</summary>
    public enum PaymentStatus
    {
        Authorizing,
        ActionRequired,
        Authorized,
        Declined,
        Voided,
        Capturing,
        Outstanding,
        Settled,
    }

    /// <param name="ActionUrl">Where the rider proves to the bank to be the rider; only with action_required.</param>
    /// <param name="Queued">The provider does not answer; the charge waits.</param>
    public sealed record View(
        PaymentId Id, BookingId Booking, PaymentStatus Status, Money? Authorized, Money? Total, Money? FromCredit, Money? Captured, Money? Due,
        string? ActionUrl, string? DeclineCode, InvoiceId? Invoice, string? InvoiceNumber, bool Queued);

    public static View ViewOf(PaymentId id, PaymentState s)
    {
        var status = s switch
        {
            { IsSettled: true } => PaymentStatus.Settled,
            { OutstandingReason: not null } => PaymentStatus.Outstanding,
            { Charge: not null } => PaymentStatus.Capturing,
            { Hold: Hold.Voided or Hold.Lost } => PaymentStatus.Voided,
            { Released: not null, FeeDue: false } => PaymentStatus.Voided,
            { Hold: Hold.ActionRequired } => PaymentStatus.ActionRequired,
            { Hold: Hold.Held } => PaymentStatus.Authorized,
            { Hold: Hold.Declined } => PaymentStatus.Declined,
            _ => PaymentStatus.Authorizing,
        };
        var currency = s.Charge?.Total.Currency ?? s.Requested?.Currency;
        var fromCredit = s.IsFromWallet && s.Captured is { } captured ? captured + (s.Credit ?? Money.Zero(captured.Currency)) : s.Credit;
        return new(id, s.Booking, status, s.Authorized, s.Charge?.Total, fromCredit, currency is { } c ? s.CapturedByProvider(c) : null, s.Due, s.ActionUrl,
            s.DeclineCode, s.Charge is null ? null : s.Invoice, s.InvoiceNumber, s.Deferred);
    }

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/payments/{booking}", Handle).WithName("GetPayment").RequireSignedIn()
        .Produces<View>().ProducesProblem(404);

    public static async Task<IResult> Handle(BookingId booking, Caller caller, Database<PaymentsModule> database, CancellationToken ct)
    {
        var id = PaymentStream.IdOf(booking);
        var (state, version) = await EventStreams.LoadAsync(database, PaymentStream.Type, id.Value, ct);
        var mayRead = caller.May("payments.read") || (caller.May("payments.self") && state.Rider.Value == caller.Subject);
        return version > 0 && mayRead
            ? TypedResults.Ok(ViewOf(id, state))
            : Problem.NotFound("payments.no_such_payment", "There is no payment of this booking.").ToResult();
    }
}
