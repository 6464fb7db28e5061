using Mobility.Contracts;
using Mobility.Platform;

namespace Mobility.Booking;

/// <summary>A booking has waited as long as it may. What that means, its phase says.</summary>
internal sealed record DeadlineReached(BookingId Booking) : IScheduledMessage;

/// <summary>How long a booking may stay in a phase. Each phase that waits for somebody has a deadline, so no booking can hang.</summary>
internal static class Deadlines
{
    /// <summary>An unconfirmed hold ends (requirement BKG-5).</summary>
    public static readonly TimeSpan ConfirmWithin = TimeSpan.FromMinutes(5);

    /// <summary>A scooter or e-bike is kept that long before the ride begins (requirement BKG-2).</summary>
    public static readonly TimeSpan StartWithin = TimeSpan.FromMinutes(30);

    /// <summary>Hard stop of a ride without a window (requirement BKG-2).</summary>
    public static readonly TimeSpan RideMax = TimeSpan.FromHours(12);

    /// <summary>A window may be overrun by as much if nobody else waits for the vehicle.</summary>
    public static readonly TimeSpan OvertimeMax = TimeSpan.FromHours(12);

    /// <summary>Fleet gives a command up long before; this is for the case that Fleet itself is silent.</summary>
    public static readonly TimeSpan CommandAnsweredWithin = TimeSpan.FromMinutes(2);

    /// <summary>A vehicle that opened on a token tells it within this time, unless it has no network.</summary>
    public static readonly TimeSpan TokenToldWithin = TimeSpan.FromMinutes(1);

    /// <summary>When something must have happened; null when nothing is waited for. Whoever holds a token may be opening the vehicle right now.</summary>
    public static DateTimeOffset? NextOf(BookingState state) =>
        WithoutToken(state) is { } deadline && state is { Phase: Phase.Confirmed, IsOccupying: true, TokenUntil: { } until }
            ? BookingState.Max(deadline, until + TokenToldWithin)
            : WithoutToken(state);

    /// <summary>The same without regard to a token: no new one is given after it, else tokens would keep a vehicle for ever.</summary>
    public static DateTimeOffset? WithoutToken(BookingState state) => state.Phase switch
    {
        Phase.Held or Phase.Confirming => state.Facts.At + ConfirmWithin,
        Phase.Confirmed when !state.IsWindow => state.Facts.At + StartWithin,
        Phase.Confirmed when state.WindowOpenedAt is null => state.Facts.From,
        Phase.Confirmed => GraceEnd(state),
        Phase.Unlocking or Phase.Ending => state.CommandAt + CommandAnsweredWithin,
        Phase.Riding or Phase.Paused => state.MustEndBy,
        Phase.Pausing or Phase.Resuming => BookingState.Min(state.MustEndBy, state.CommandAt!.Value + CommandAnsweredWithin),
        _ => null,
    };

    /// <summary>Until when a rider may come late to a window: the tariff's grace, but never less than the time to confirm, and not beyond the window.</summary>
    public static DateTimeOffset GraceEnd(BookingState state)
    {
        var grace = state.Facts.Tariff.LateArrivalGrace > ConfirmWithin ? state.Facts.Tariff.LateArrivalGrace : ConfirmWithin;
        return state.WindowEnd - state.Facts.From > grace ? state.Facts.From + grace : state.WindowEnd!.Value;
    }
}
