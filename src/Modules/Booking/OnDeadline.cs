using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;

namespace Mobility.Booking;

/// <summary>What happens when a booking has waited as long as it may.</summary>
internal static class OnDeadline
{
    /// <summary>What the decision needs to know of others.</summary>
    /// <param name="FreeUntil">Begin of the next hold of the vehicle or the rider; null when there is none.</param>
    /// <param name="VehicleIsBack">False while the rider before has not returned the vehicle.</param>
    public sealed record Surroundings(DateTimeOffset? FreeUntil, bool VehicleIsBack);

    public static Decision<BookingEvent> Decide(BookingState state, Surroundings around, VehicleCommandId command, DateTimeOffset now)
    {
        if (Deadlines.NextOf(state) is not { } due || now < due)
            return Decision<BookingEvent>.Accept();
        return state.Phase switch
        {
            Phase.Held or Phase.Confirming => Release(ReleaseReason.Expired),
            Phase.Confirmed when !state.IsOccupying => Decision<BookingEvent>.Accept(new WindowOpened(now)),
            Phase.Confirmed when !around.VehicleIsBack => Release(ReleaseReason.VehicleFault),
            Phase.Confirmed => Release(ReleaseReason.NoShow, feeDue: state.IsWindow && state.Facts.Tariff.NoShowFee > 0),
            Phase.Unlocking => Release(ReleaseReason.VehicleFault, "timeout"),
            Phase.Ending => Decision<BookingEvent>.Accept(EndRide.EndedUnanswered(state, now)),
            Phase.Pausing when now < state.MustEndBy => Decision<BookingEvent>.Accept(new PauseFailed("timeout", now)),
            Phase.Resuming when now < state.MustEndBy => Decision<BookingEvent>.Accept(new ResumeFailed("timeout", now)),
            _ => Overtime(state, around.FreeUntil) is { } until
                ? Decision<BookingEvent>.Accept(new OvertimeGranted(until, now))
                : EndRide.Decide(state, EndCause.Deadline, command, now),
        };

        Decision<BookingEvent> Release(ReleaseReason reason, string? detail = null, bool feeDue = false) =>
            Decision<BookingEvent>.Accept(new BookingReleased(reason, state.IsOccupying, feeDue, detail, now));
    }

    public static async Task Handle(DeadlineReached message, Reaction r, CancellationToken ct)
    {
        var (state, _) = await r.Work.LoadAsync(BookingStream.Type, message.Booking.Value, ct);
        if (state.Phase == Phase.None)
            return;
        var around = NeedsSurroundings(state) ? await LookAroundAsync(r.Services, state, ct) : new Surroundings(null, true);
        var decision = Decide(state, around, Id.New<VehicleCommandId>(r.Work.Clock), r.Now);
        r.Work.OnLaw("holds_one_per_vehicle", () => BookingProblems.VehicleTaken); // somebody was faster with a later hold: tried again with a fresh look
        r.Work.OnLaw("holds_one_per_rider", () => BookingProblems.RiderBusy);
        var after = r.Work.Record(message.Booking, state, decision.Events);
        if (Deadlines.NextOf(after) is { } next)
            r.Work.Schedule(next, message.Booking.Value, message); // the row that brought us here goes with this work
    }

    /// <summary>Until when a window may be overrun: nobody else waits, and not for ever. Null when it may not.</summary>
    private static DateTimeOffset? Overtime(BookingState state, DateTimeOffset? freeUntil)
    {
        if (!state.IsWindow)
            return null;
        var until = BookingState.Min(state.WindowEnd!.Value + Deadlines.OvertimeMax, freeUntil ?? DateTimeOffset.MaxValue);
        return until > state.HeldUntil ? until : null;
    }

    private static bool NeedsSurroundings(BookingState state) => state.IsWindow && state.Phase is not (Phase.Held or Phase.Confirming);

    private static async Task<Surroundings> LookAroundAsync(IServiceProvider services, BookingState state, CancellationToken ct)
    {
        var row = await services.GetRequiredService<Database<BookingModule>>().QuerySingleOrDefaultAsync<Row>(AroundSql, new
        {
            booking = state.Facts.Booking.Value,
            vehicle = state.Facts.Vehicle.Value,
            rider = state.Facts.Rider.Value,
            group = state.Facts.Group.Value,
            from = state.Facts.From,
            until = state.HeldUntil,
        }, ct);
        return new Surroundings(row!.FreeUntil, row.VehicleIsBack);
    }

    private sealed record Row(DateTime? FreeUntil, bool VehicleIsBack);

    private const string AroundSql = """
        SELECT least((SELECT min(lower(period)) FROM holds WHERE vehicle_id = @vehicle AND booking_id <> @booking AND lower(period) >= @until),
                     (SELECT min(lower(period)) FROM holds WHERE rider_id = @rider AND group_id <> @group AND lower(period) >= @until)) AS free_until,
               NOT EXISTS (SELECT FROM holds WHERE vehicle_id = @vehicle AND booking_id <> @booking AND lower(period) <= @from) AS vehicle_is_back
        """;
}
