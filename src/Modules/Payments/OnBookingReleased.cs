using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Payments.Provider;
using Mobility.Platform.Modules;

namespace Mobility.Payments;

/// <summary>The booking ended without a ride: what was reserved is freed, unless the tariff's fee follows.</summary>
internal static class OnBookingReleased
{
    public static IReadOnlyList<PaymentEvent> Decide(PaymentState state, BookingReleasedV1 e)
    {
        if (state.Released is not null || state.Charge is not null)
            return []; // a repetition, or the fee overtook this message
        var requested = new VoidRequested(e.Booking, e.Rider, e.City, e.Reason, e.FeeDue, e.At);
        return state is { Hold: Hold.Held, Intent: null } && !e.FeeDue ? [requested, new Voided()] : [requested];
    }

    public static async Task Handle(BookingReleasedV1 e, Reaction r, CancellationToken ct)
    {
        var id = PaymentStream.IdOf(e.Booking);
        var loaded = await r.Work.LoadAsync(PaymentStream.Type, id.Value, ct);
        var events = Decide(loaded.State, e);
        if (events.Count == 0)
            return;
        var state = PaymentJournal.Write(r.Work, id, loaded, events, r.Services.GetRequiredService<IPaymentProvider>().Name);
        PaymentJournal.ScheduleNext(r.Work, id, state);
    }
}
