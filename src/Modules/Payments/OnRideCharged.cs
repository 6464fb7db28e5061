using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Payments.Provider;
using Mobility.Platform;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;

namespace Mobility.Payments;

/// <summary>The price is known: it is invoiced, credit pays first, and the rest is captured. What is owed is a fact whether or not the provider answers (PAY-8).</summary>
internal static class OnRideCharged
{
    /// <param name="InvoiceNumber">The next one of city and year.</param>
    /// <param name="Balance">What the rider may spend from the wallet.</param>
    public sealed record Command(RideChargedV1 Ride, InvoiceId Invoice, string InvoiceNumber, Money Balance);

    public static IReadOnlyList<PaymentEvent> Decide(PaymentState state, Command c)
    {
        if (state.Charge is not null)
            return [];
        var (ride, total) = (c.Ride, c.Ride.Charge.Total);
        if (total.Amount < 0 || ride.Charge.Net + ride.Charge.Vat != total)
            throw new InvalidOperationException($"The charge of {ride.Booking} does not add up.");
        var events = new List<PaymentEvent> { new Charged(ride.Booking, ride.Rider, ride.City, ride.Charge, c.Invoice, c.InvoiceNumber, ride.At) };
        var due = total;
        if (state is { Hold: Hold.Held, Intent: null, Authorized: { } kept })
        {
            var fromHold = Money.Min(kept, due);
            events.Add(fromHold.Amount > 0 ? new Captured(null, fromHold) : new Voided());
            due -= fromHold;
        }
        if (Money.Min(c.Balance, due) is { Amount: > 0 } credit)
        {
            events.Add(new CreditApplied(credit));
            due -= credit;
        }
        if (due.Amount == 0)
            events.Add(new Settled());
        return events;
    }

    public static async Task Handle(RideChargedV1 e, Reaction r, CancellationToken ct)
    {
        var (id, database) = (PaymentStream.IdOf(e.Booking), r.Services.GetRequiredService<Database<PaymentsModule>>());
        var reading = Wallet.BalanceAsync(database, r.Work, e.Rider, e.Charge.Total.Currency, ct); // beside the stream: this reaction is a queue for all charges
        var loaded = await r.Work.LoadAsync(PaymentStream.Type, id.Value, ct);
        var balance = await reading;
        if (loaded.State.Charge is not null)
            return;
        var year = e.At.UtcDateTime.Year;
        var number = await InvoiceNumbers.NextAsync(database, r.Work, e.City, year, ct);
        var events = Decide(loaded.State, new Command(e, Id.Named<InvoiceId>("payment", id.ToString()), InvoiceNumbers.Format(e.City, year, number), balance));
        var state = PaymentJournal.Write(r.Work, id, loaded, events, r.Services.GetRequiredService<IPaymentProvider>().Name);
        PaymentJournal.ScheduleNext(r.Work, id, state);
    }
}
