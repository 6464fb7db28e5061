using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Payments.Provider;
using Mobility.Platform;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;

namespace Mobility.Payments;

/// <summary>The rider confirms a booking: its money is reserved, from the wallet at once, from a card by the provider.</summary>
internal static class OnBookingConfirmationRequested
{
    /// <param name="Token">The rider's newest method; null when there is none.</param>
    /// <param name="Balance">Of the wallet; only looked at when the method is the wallet.</param>
    public sealed record Command(BookingId Booking, AccountId Rider, CityId City, Money Amount, string? Token, Money Balance);

    public static IReadOnlyList<PaymentEvent> Decide(PaymentState state, Command c)
    {
        if (state.Hold != Hold.None || state.Released is not null || state.Charge is not null)
            return []; // a repetition, or the booking is over already: messages of different kinds overtake each other
        var requested = new AuthorizationRequested(c.Booking, c.Rider, c.City, c.Amount, c.Token);
        return c switch
        {
            { Token: null } => [requested, new Declined("no_payment_method")],
            { Token: PaymentState.WalletToken } when c.Balance < c.Amount => [requested, new Declined("insufficient_balance")],
            { Token: PaymentState.WalletToken } or { Amount.Amount: 0 } => [requested, new Authorized(null, c.Amount)],
            _ => [requested],
        };
    }

    public static async Task Handle(BookingConfirmationRequestedV1 e, Reaction r, CancellationToken ct)
    {
        var (id, database) = (PaymentStream.IdOf(e.Booking), r.Services.GetRequiredService<Database<PaymentsModule>>());
        // A payment nearly always begins here, so its stream is read only when that guess was wrong (the commit refuses a wrong guess).
        var loaded = r.Message.Attempt == 1 ? r.Work.StartNew(PaymentStream.Type, id.Value) : await r.Work.LoadAsync(PaymentStream.Type, id.Value, ct);
        var token = await Methods.NewestAsync(database, e.Rider, cardOnly: false, ct);
        var balance = token == PaymentState.WalletToken
            ? await Wallet.BalanceAsync(database, r.Work, e.Rider, e.Amount.Currency, ct)
            : Money.Zero(e.Amount.Currency);
        var events = Decide(loaded.State, new Command(e.Booking, e.Rider, e.City, e.Amount, token, balance));
        if (events.Count == 0)
            return;
        var state = PaymentJournal.Write(r.Work, id, loaded, events, r.Services.GetRequiredService<IPaymentProvider>().Name);
        PaymentJournal.ScheduleNext(r.Work, id, state);
    }
}
