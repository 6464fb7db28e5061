using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Modules;

namespace Mobility.Booking;

/// <summary>
/// The vehicle opened: the ride begins or goes on at the vehicle's own time (law 3). If the booking is over, the vehicle is told to lock again.
/// </summary>
internal static class OnVehicleUnlocked
{
    /// <summary>A vehicle's clock may differ by as much before the ride says so.</summary>
    public static readonly TimeSpan ClockTolerance = TimeSpan.FromMinutes(1);

    public static Decision<BookingEvent> Decide(BookingState state, VehicleUnlockedV1 e, VehicleCommandId lockCommand, DateTimeOffset now)
    {
        var obeyed = e.Command is null || e.Command == state.Command;
        return state.Phase switch
        {
            Phase.Unlocking when obeyed => Start(state.CommandAt!.Value),
            // On a token, without a command of ours.
            Phase.Confirmed when e.Command is null && now >= state.Facts.From => Start(state.Facts.From),
            Phase.Resuming when obeyed => Resume(),
            Phase.Paused when state.Corrected(e.At) >= state.PausedAt && obeyed => Resume(), // late: the command had been given up
            Phase.Ending when state.Corrected(e.At) >= state.PausedAt => Resume(),
            Phase.Released when (e.Command is null ? state.TokenUntil is not null : e.Command == state.Command) => Decision<BookingEvent>.Accept(new StrayUnlockSeen(lockCommand, now)),
            _ => Decision<BookingEvent>.Accept(),
        };

        Decision<BookingEvent> Start(DateTimeOffset earliest)
        {
            var at = BookingState.Within(earliest, e.At, now);
            return Decision<BookingEvent>.Accept(new RideStarted(at, e.Position, e.StateOfChargePercent, e.OdometerMeters,
                ClockCorrected: (at - e.At).Duration() > ClockTolerance, ClockAhead: e.At > at ? e.At - at : TimeSpan.Zero));
        }

        Decision<BookingEvent> Resume() => Decision<BookingEvent>.Accept(new RideResumed(state.TimeOf(e.At, now)));
    }

    public static async Task Handle(VehicleUnlockedV1 e, Reaction r, CancellationToken ct)
    {
        if (e.Booking is not { } booking)
            return;
        var (state, _) = await r.Work.LoadAsync(BookingStream.Type, booking.Value, ct);
        r.Work.Record(booking, state, Decide(state, e, Id.New<VehicleCommandId>(r.Work.Clock), r.Now).Events);
    }
}
