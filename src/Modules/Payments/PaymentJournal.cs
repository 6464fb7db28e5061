using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Events;

namespace Mobility.Payments;

/// <summary>
/// The one place where a payment's private events become everything else: ledger postings, captures, invoices, the list of what is
/// outstanding, contract events, and the next step's schedule. All of it is in the transaction of the events.
/// </summary>
internal static class PaymentJournal
{
    private const string CaptureSql = """
        INSERT INTO captures (payment_id, number, intent_id, authorized, captured, currency, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
        """;

    private const string InvoiceSql = """
        INSERT INTO invoices (invoice_id, booking_id, payment_id, account_id, city_id, year, number, lines, total, net, vat, vat_basis_points, currency, issued_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        """;

    private const string OutstandingSql = """
        INSERT INTO outstanding (payment_id, account_id, amount, currency, reason, since) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (payment_id) DO UPDATE SET amount = excluded.amount, reason = excluded.reason
        """;

    /// <summary>Appends the events with all that they mean, and schedules what follows from the new state.</summary>
    /// <param name="work">The transaction.</param>
    /// <param name="id">The payment.</param>
    /// <param name="loaded">As it was decided on.</param>
    /// <param name="events">What was decided.</param>
    /// <param name="provider">Names the clearing account.</param>
    public static PaymentState Write(Work work, PaymentId id, Loaded<PaymentState> loaded, IReadOnlyList<PaymentEvent> events, string provider)
    {
        var (state, version) = (loaded.State, loaded.Version);
        foreach (var e in events)
        {
            var before = state;
            state = work.Append(PaymentStream.Type, id.Value, e);
            if (PostingOf(id, ++version, before, state, e, provider) is { } posting)
                Ledger.Post(work, posting);
            WriteOne(work, id, before, state, e);
        }
        return state;
    }

    /// <summary>Asks for the next step, if one follows.</summary>
    public static void ScheduleNext(Work work, PaymentId id, PaymentState state, int failures = 0, DateTimeOffset? notBefore = null)
    {
        if (PaymentFlow.DueAt(state, PaymentFlow.Next(state, work.Now), failures, work.Now) is { } due)
            work.Schedule(notBefore is { } later && later > due ? later : due, id.Value, new CallProvider.Message(id, failures, NewMeans: false));
    }

    /// <summary>What an event means in the ledger; null when it moves no money of ours. Pure: one event, at most one posting, named by its place in the stream.</summary>
    public static Posting? PostingOf(PaymentId id, int version, PaymentState before, PaymentState state, PaymentEvent e, string provider)
    {
        var rider = state.Rider;
        return e switch
        {
            Authorized { Amount: { Amount: > 0 } kept } when state.IsFromWallet =>
                Post("wallet_hold", kept, Entry.Wallet(rider, kept.Amount), Entry.WalletHold(rider, -kept.Amount)),
            Voided when before is { IsFromWallet: true, Hold: Hold.Held, Authorized: { } kept } =>
                Post("wallet_release", kept, Entry.WalletHold(rider, kept.Amount), Entry.Wallet(rider, -kept.Amount)),
            Charged { Charge: var charge } => Post("charge", charge.Total, Entry.Receivable(rider, charge.Total.Amount),
                Entry.Revenue(state.City, -charge.Net.Amount), Entry.Vat(state.City, -charge.Vat.Amount)),
            CreditApplied { Amount: var credit } => Post("credit", credit, Entry.Wallet(rider, credit.Amount), Entry.Receivable(rider, -credit.Amount)),
            Captured { Intent: null, Amount: var taken } when before.Authorized is { } kept => Post("wallet_capture", kept,
                Entry.WalletHold(rider, kept.Amount), Entry.Receivable(rider, -taken.Amount), Entry.Wallet(rider, (taken - kept).Amount)),
            Captured { Amount: var taken } => Post("capture", taken, Entry.Clearing(provider, taken.Amount), Entry.Receivable(rider, -taken.Amount)),
            RemainderCaptured { Amount: var taken } => Post("capture", taken, Entry.Clearing(provider, taken.Amount), Entry.Receivable(rider, -taken.Amount)),
            _ => null,
        };

        Posting Post(string kind, Money money, params IReadOnlyList<Entry> entries) => new(PostingId.Of(id, version), kind, id.Value, money.Currency, entries);
    }

    private static void WriteOne(Work work, PaymentId id, PaymentState before, PaymentState state, PaymentEvent e)
    {
        switch (e)
        {
            case Authorized authorized when state.Released is null:
                work.Publish(state.Booking.Value, new PaymentAuthorizedV1(state.Booking, id, authorized.Amount));
                break;
            case ActionRequired action when state.Released is null:
                work.Publish(state.Booking.Value, new PaymentActionRequiredV1(state.Booking, id, action.Url));
                break;
            case Declined declined when state.Released is null:
                work.Publish(state.Booking.Value, new PaymentDeclinedV1(state.Booking, id, declined.Code));
                break;
            case Charged charged:
                Invoice(work, id, charged);
                break;
            case CreditApplied when state is { OutstandingReason: { } reason, Due: { Amount: > 0 } rest }:
                Owe(rest, reason);
                break;
            case Captured { Intent: { } intent } captured:
                Take(0, intent, before.Authorized!.Value, captured.Amount);
                break;
            case RemainderCaptured taken:
                Take(taken.Number, taken.Intent, before.Remainder!.Amount, taken.Amount);
                break;
            case LeftOutstanding left:
                Owe(left.Amount, left.Reason);
                break;
            case Settled:
                if (before.OutstandingReason is not null)
                    work.Execute("DELETE FROM outstanding WHERE payment_id = $1", id.Value);
                work.Execute("UPDATE invoices SET paid_at = $2 WHERE invoice_id = $1", state.Invoice.Value, work.Now);
                var total = state.Charge!.Total;
                work.Publish(state.Booking.Value, new PaymentSettledV1(state.Booking, state.Rider, id, state.Invoice, state.InvoiceNumber!, total,
                    state.CapturedByProvider(total.Currency)));
                break;
        }

        void Owe(Money amount, string reason) =>
            work.Execute(OutstandingSql, id.Value, state.Rider.Value, amount.Amount, amount.Currency.Code, reason, work.Now);

        void Take(int number, string intent, Money authorized, Money amount) =>
            work.Execute(CaptureSql, id.Value, number, intent, authorized.Amount, amount.Amount, amount.Currency.Code, work.Now);
    }

    private static void Invoice(Work work, PaymentId id, Charged e) => work.Execute(InvoiceSql, e.Invoice.Value, e.Booking.Value, id.Value, e.Rider.Value,
        e.City.Value, e.At.UtcDateTime.Year, int.Parse(e.InvoiceNumber.AsSpan(e.InvoiceNumber.LastIndexOf('-') + 1)), Json.Of(e.Charge.Lines),
        e.Charge.Total.Amount, e.Charge.Net.Amount, e.Charge.Vat.Amount, e.Charge.VatBasisPoints, e.Charge.Total.Currency.Code, e.At);
}
