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
            WriteOne(work, id, before, state, e, PostingId.Of(id, ++version), provider);
        }
        return state;
    }

    /// <summary>Asks for the next step, if one follows.</summary>
    public static void ScheduleNext(Work work, PaymentId id, PaymentState state, int failures = 0, DateTimeOffset? notBefore = null)
    {
        if (PaymentFlow.DueAt(state, PaymentFlow.Next(state, work.Now), failures, work.Now) is { } due)
            work.Schedule(notBefore is { } later && later > due ? later : due, id.Value, new CallProvider.Message(id, failures, NewMeans: false));
    }

    private static void WriteOne(Work work, PaymentId id, PaymentState before, PaymentState state, PaymentEvent e, PostingId posting, string provider)
    {
        switch (e)
        {
            case Authorized authorized:
                if (state.IsFromWallet)
                    Post("wallet_hold", authorized.Amount.Currency, Entry.Wallet(state.Rider, authorized.Amount.Amount),
                        Entry.WalletHold(state.Rider, -authorized.Amount.Amount));
                if (state.Released is null)
                    work.Publish(state.Booking.Value, new PaymentAuthorizedV1(state.Booking, id, authorized.Amount));
                break;
            case ActionRequired action when state.Released is null:
                work.Publish(state.Booking.Value, new PaymentActionRequiredV1(state.Booking, id, action.Url));
                break;
            case Declined declined when state.Released is null:
                work.Publish(state.Booking.Value, new PaymentDeclinedV1(state.Booking, id, declined.Code));
                break;
            case Voided when before is { IsFromWallet: true, Hold: Hold.Held, Authorized: { } held }:
                Post("wallet_release", held.Currency, Entry.WalletHold(state.Rider, held.Amount), Entry.Wallet(state.Rider, -held.Amount));
                break;
            case Charged charged:
                Invoice(work, id, charged);
                var (total, net, vat) = (charged.Charge.Total, charged.Charge.Net, charged.Charge.Vat);
                Post("charge", total.Currency, Entry.Receivable(charged.Rider, total.Amount), Entry.Revenue(charged.City, -net.Amount),
                    Entry.Vat(charged.City, -vat.Amount));
                break;
            case CreditApplied credit:
                Post("credit", credit.Amount.Currency, Entry.Wallet(state.Rider, credit.Amount.Amount), Entry.Receivable(state.Rider, -credit.Amount.Amount));
                if (state is { OutstandingReason: { } reason, Due: { Amount: > 0 } rest })
                    Owe(rest, reason);
                break;
            case Captured { Intent: null } captured:
                var kept = before.Authorized!.Value;
                Post("wallet_capture", kept.Currency, Entry.WalletHold(state.Rider, kept.Amount), Entry.Receivable(state.Rider, -captured.Amount.Amount),
                    Entry.Wallet(state.Rider, (captured.Amount - kept).Amount));
                break;
            case Captured captured:
                Take(0, captured.Intent, before.Authorized!.Value, captured.Amount);
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
                var sum = state.Charge!.Total;
                work.Publish(state.Booking.Value, new PaymentSettledV1(state.Booking, state.Rider, id, state.Invoice, state.InvoiceNumber!, sum,
                    state.CapturedByProvider(sum.Currency)));
                break;
        }

        void Post(string kind, Currency currency, params IReadOnlyList<Entry> entries) =>
            Ledger.Post(work, new Posting(posting, kind, id.Value, currency, entries));

        void Owe(Money amount, string reason) =>
            work.Execute(OutstandingSql, id.Value, state.Rider.Value, amount.Amount, amount.Currency.Code, reason, work.Now);

        void Take(int number, string intent, Money authorized, Money amount)
        {
            work.Execute(CaptureSql, id.Value, number, intent, authorized.Amount, amount.Amount, amount.Currency.Code, work.Now);
            Post("capture", amount.Currency, Entry.Clearing(provider, amount.Amount), Entry.Receivable(state.Rider, -amount.Amount));
        }
    }

    private static void Invoice(Work work, PaymentId id, Charged e) => work.Execute(InvoiceSql, e.Invoice.Value, e.Booking.Value, id.Value, e.Rider.Value,
        e.City.Value, e.At.UtcDateTime.Year, int.Parse(e.InvoiceNumber.AsSpan(e.InvoiceNumber.LastIndexOf('-') + 1)), Json.Of(e.Charge.Lines),
        e.Charge.Total.Amount, e.Charge.Net.Amount, e.Charge.Vat.Amount, e.Charge.VatBasisPoints, e.Charge.Total.Currency.Code, e.At);
}
