using System.Diagnostics;
using System.Text.Json.Nodes;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Events;

namespace Mobility.Booking;

/// <summary>Where a booking is in its life. Settled and Released are the two ends.</summary>
internal enum Phase
{
    None,
    Held,
    Confirming,
    Confirmed,
    Unlocking,
    Riding,
    Pausing,
    Paused,
    Resuming,
    Ending,
    Ended,
    Settled,
    Released,
}

/// <summary>Who or what ends a ride.</summary>
internal enum EndCause
{
    Rider,
    Staff,
    Deadline,
}

/// <summary>What was not as it should be; each is visible on the ride and was decided in the rider's favor.</summary>
internal enum RideFlag
{
    /// <summary>The vehicle did not confirm a lock in time: the ride ended with the last known facts.</summary>
    LockUnanswered,
    /// <summary>The vehicle did not confirm an unlock in time.</summary>
    UnlockUnanswered,
    /// <summary>The ride had to be over and was ended without the rider.</summary>
    EndedByDeadline,
    /// <summary>Staff ended it.</summary>
    EndedByStaff,
    /// <summary>The vehicle's clock told an impossible time, which was replaced by the nearest possible one.</summary>
    VehicleClock,
    /// <summary>The vehicle opened after the booking was over and was told to lock.</summary>
    StrayUnlock,
    /// <summary>The vehicle locked where no ride may end. It is locked, so the ride is over.</summary>
    ParkedOutside,
}

internal abstract record BookingEvent;

/// <summary>Everything that is frozen with the booking (requirement BKG-8).</summary>
/// <param name="Until">End of the hold.</param>
/// <param name="WindowEnd">End of the window that was booked; null for an open end.</param>
internal sealed record VehicleReserved(
    BookingId Booking, AccountId Rider, BookingId Group, VehicleId Vehicle, CityId City, VehicleTypeId Type, VehicleKind Kind, QuoteId Quote, Tariff Tariff,
    Money Estimate, Money HoldAmount, GeoPoint VehiclePosition, DateTimeOffset From, DateTimeOffset Until, DateTimeOffset? WindowEnd, DateTimeOffset At)
    : BookingEvent;

internal sealed record ConfirmationRequested(DateTimeOffset At) : BookingEvent;

internal sealed record PaymentActionAsked(PaymentId Payment, string Url) : BookingEvent;

internal sealed record BookingConfirmed(PaymentId Payment, Money Authorized, DateTimeOffset At) : BookingEvent;

/// <summary>The begin of a booked window has come.</summary>
internal sealed record WindowOpened(DateTimeOffset At) : BookingEvent;

/// <summary>The rider booked a longer window.</summary>
internal sealed record WindowExtended(DateTimeOffset Until, DateTimeOffset At) : BookingEvent;

/// <summary>The window is over, the ride is not, and nobody else waits for the vehicle: it is kept longer, at the overtime rate.</summary>
internal sealed record OvertimeGranted(DateTimeOffset Until, DateTimeOffset At) : BookingEvent;

internal sealed record UnlockRequested(VehicleCommandId Command, DateTimeOffset At) : BookingEvent;

/// <summary><paramref name="At"/> is the vehicle's own time, as far as that is possible; <paramref name="ClockAhead"/> is what its clock was seen to be ahead of ours.</summary>
internal sealed record RideStarted(
    DateTimeOffset At, GeoPoint Position, int StateOfChargePercent, long OdometerMeters, bool ClockCorrected, TimeSpan ClockAhead) : BookingEvent;

internal sealed record PauseRequested(VehicleCommandId Command, DateTimeOffset At) : BookingEvent;

internal sealed record RidePaused(DateTimeOffset At, GeoPoint Position, int StateOfChargePercent, long OdometerMeters) : BookingEvent;

/// <summary>The vehicle did not lock: the ride goes on.</summary>
internal sealed record PauseFailed(string Reason, DateTimeOffset At) : BookingEvent;

internal sealed record ResumeRequested(VehicleCommandId Command, DateTimeOffset At) : BookingEvent;

internal sealed record RideResumed(DateTimeOffset At) : BookingEvent;

/// <summary>The vehicle did not unlock: the pause goes on.</summary>
internal sealed record ResumeFailed(string Reason, DateTimeOffset At) : BookingEvent;

/// <summary>The lock was asked for. <paramref name="Command"/> is null when the vehicle is locked already.</summary>
internal sealed record EndRequested(VehicleCommandId? Command, EndCause Cause, DateTimeOffset At) : BookingEvent;

/// <summary>The facts that are charged. Names what the list of rides needs, which sees single events only.</summary>
internal sealed record RideEnded(
    AccountId Rider, VehicleId Vehicle, CityId City, RideUsage Usage, GeoPoint Position, int? StateOfChargePercent, RideFlag? Flag, DateTimeOffset At)
    : BookingEvent;

internal sealed record ChargeKnown(Charge Charge) : BookingEvent;

internal sealed record BookingSettled(PaymentId Payment, InvoiceId Invoice, string InvoiceNumber, Money Total, Money Captured) : BookingEvent;

/// <summary>Over without a ride. <paramref name="Detail"/> is a stable code of whoever refused, for example <c>card_declined</c>.</summary>
internal sealed record BookingReleased(ReleaseReason Reason, bool Occupied, bool FeeDue, string? Detail, DateTimeOffset At) : BookingEvent;

/// <summary>The rider has a token that opens the vehicle until then, with or without network.</summary>
internal sealed record UnlockTokenIssued(DateTimeOffset ExpiresAt, DateTimeOffset At) : BookingEvent;

internal sealed record StrayUnlockSeen(VehicleCommandId LockCommand, DateTimeOffset At) : BookingEvent;

/// <summary>A booking as its stream says.</summary>
internal sealed record BookingState
{
    public static readonly BookingState None = new();

    public Phase Phase { get; init; }
    public VehicleReserved? Reservation { get; init; }
    public DateTimeOffset HeldUntil { get; init; }
    public DateTimeOffset? WindowEnd { get; init; }
    public DateTimeOffset? WindowOpenedAt { get; init; }
    public string? ActionUrl { get; init; }
    public PaymentId? Payment { get; init; }
    public Money? Authorized { get; init; }
    public DateTimeOffset? ConfirmedAt { get; init; }
    public VehicleCommandId? Command { get; init; }
    public DateTimeOffset? CommandAt { get; init; }
    public DateTimeOffset? TokenUntil { get; init; }
    public RideStarted? Start { get; init; }
    public IReadOnlyList<RidePause> Pauses { get; init; } = [];
    public DateTimeOffset? PausedAt { get; init; }
    public DateTimeOffset? EndAskedAt { get; init; }
    public EndCause? EndedBy { get; init; }
    public GeoPoint Position { get; init; }
    public int? StateOfChargePercent { get; init; }
    public long OdometerMeters { get; init; }
    public RideUsage? Usage { get; init; }
    public Charge? Charge { get; init; }
    public BookingSettled? Settlement { get; init; }
    public BookingReleased? Release { get; init; }
    public IReadOnlyList<RideFlag> Flags { get; init; } = [];

    /// <summary>What was frozen; a booking that exists has it.</summary>
    public VehicleReserved Facts => Reservation ?? throw new InvalidOperationException("The booking has not begun.");

    public bool IsWindow => Facts.WindowEnd is not null;

    /// <summary>Whether the vehicle stands ready for the rider (MDS reserved): at once, or since the window opened.</summary>
    public bool IsOccupying => !IsWindow || WindowOpenedAt is not null;

    /// <summary>The latest instant of the ride that the vehicle told.</summary>
    public DateTimeOffset LastMove => PausedAt ?? (Pauses is [.., var last] ? last.Until : Start!.At);

    /// <summary>What the vehicle's clock says, less what it was ahead of ours when it opened: of a report that comes late nobody can see that it is ahead.</summary>
    public DateTimeOffset Corrected(DateTimeOffset told) => told - (Start?.ClockAhead ?? TimeSpan.Zero);

    /// <summary>When the vehicle did what it tells: not before its last move and not after we heard of it.</summary>
    public DateTimeOffset TimeOf(DateTimeOffset told, DateTimeOffset now) => Within(LastMove, Corrected(told), now);

    /// <summary>The vehicle's time, as far as it is possible.</summary>
    public static DateTimeOffset Within(DateTimeOffset earliest, DateTimeOffset told, DateTimeOffset now) => Max(earliest, Min(told, now));

    /// <summary>The ride must be over then: with the hold, and for a ride without a window after twelve hours.</summary>
    public DateTimeOffset MustEndBy => IsWindow || Start is null || HeldUntil < Start.At + Deadlines.RideMax ? HeldUntil : Start.At + Deadlines.RideMax;

    /// <summary>The facts up to an instant, as a tariff needs them; a pause that goes on ends there.</summary>
    public RideUsage UsageUntil(DateTimeOffset end, long odometerMeters)
    {
        IReadOnlyList<RidePause> pauses = PausedAt is { } pausedAt ? [.. Pauses, new RidePause(pausedAt, end)] : Pauses;
        return new RideUsage(Min(Facts.From, Start!.At), Start.At, end, pauses, Math.Max(0, odometerMeters - Start.OdometerMeters), WindowEnd, NoShow: false);
    }

    public static BookingState Evolve(BookingState state, BookingEvent e) => e switch
    {
        VehicleReserved reserved => state with
        {
            Phase = Phase.Held,
            Reservation = reserved,
            HeldUntil = reserved.Until,
            WindowEnd = reserved.WindowEnd,
            Position = reserved.VehiclePosition,
        },
        ConfirmationRequested => state with { Phase = Phase.Confirming },
        PaymentActionAsked asked => state with { Payment = asked.Payment, ActionUrl = asked.Url },
        BookingConfirmed confirmed => state with
        {
            Phase = Phase.Confirmed,
            Payment = confirmed.Payment,
            Authorized = confirmed.Authorized,
            ConfirmedAt = confirmed.At,
            ActionUrl = null,
        },
        WindowOpened opened => state with { WindowOpenedAt = opened.At },
        WindowExtended extended => state with { HeldUntil = extended.Until, WindowEnd = extended.Until },
        OvertimeGranted granted => state with { HeldUntil = granted.Until },
        UnlockRequested asked => state with { Phase = Phase.Unlocking, Command = asked.Command, CommandAt = asked.At },
        RideStarted start => Flagged(state, start.ClockCorrected ? RideFlag.VehicleClock : null) with
        {
            Phase = Phase.Riding,
            Start = start,
            Position = start.Position,
            StateOfChargePercent = start.StateOfChargePercent,
            OdometerMeters = start.OdometerMeters,
        },
        PauseRequested asked => state with { Phase = Phase.Pausing, Command = asked.Command, CommandAt = asked.At },
        RidePaused paused => state with
        {
            Phase = Phase.Paused,
            PausedAt = paused.At,
            Position = paused.Position,
            StateOfChargePercent = paused.StateOfChargePercent,
            OdometerMeters = paused.OdometerMeters,
        },
        PauseFailed => Flagged(state, RideFlag.LockUnanswered) with { Phase = Phase.Riding },
        ResumeRequested asked => state with { Phase = Phase.Resuming, Command = asked.Command, CommandAt = asked.At },
        RideResumed resumed => state with
        {
            Phase = state.Phase == Phase.Ending ? Phase.Ending : Phase.Riding,
            Pauses = [.. state.Pauses, new RidePause(state.PausedAt ?? resumed.At, resumed.At)],
            PausedAt = null,
        },
        ResumeFailed => Flagged(state, RideFlag.UnlockUnanswered) with { Phase = Phase.Paused },
        EndRequested asked => Flagged(state, FlagOf(asked.Cause)) with
        {
            Phase = Phase.Ending,
            Command = asked.Command ?? state.Command,
            CommandAt = asked.At,
            EndAskedAt = asked.At,
            EndedBy = asked.Cause,
        },
        RideEnded ended => Flagged(state, ended.Flag) with
        {
            Phase = Phase.Ended,
            Usage = ended.Usage,
            Pauses = ended.Usage.Pauses,
            PausedAt = null,
            Position = ended.Position,
            StateOfChargePercent = ended.StateOfChargePercent ?? state.StateOfChargePercent,
        },
        ChargeKnown known => state with { Charge = known.Charge },
        BookingSettled settled => state with { Phase = state.Phase == Phase.Released ? Phase.Released : Phase.Settled, Settlement = settled },
        BookingReleased released => Flagged(state, released is { Reason: ReleaseReason.VehicleFault, Detail: not null } ? RideFlag.UnlockUnanswered : null) with
        {
            Phase = Phase.Released,
            Release = released,
            ActionUrl = null,
        },
        UnlockTokenIssued issued => state with { TokenUntil = issued.ExpiresAt },
        StrayUnlockSeen => Flagged(state, RideFlag.StrayUnlock),
        _ => throw new UnreachableException($"{e.GetType().Name} is no event of a booking."),
    };

    public static DateTimeOffset Min(DateTimeOffset left, DateTimeOffset right) => left < right ? left : right;

    public static DateTimeOffset Max(DateTimeOffset left, DateTimeOffset right) => left > right ? left : right;

    private static RideFlag? FlagOf(EndCause cause) => cause switch
    {
        EndCause.Rider => null,
        EndCause.Staff => RideFlag.EndedByStaff,
        EndCause.Deadline => RideFlag.EndedByDeadline,
        _ => throw new UnreachableException(),
    };

    private static BookingState Flagged(BookingState state, RideFlag? flag) =>
        flag is { } raised && !state.Flags.Contains(raised) ? state with { Flags = [.. state.Flags, raised] } : state;
}

internal static class BookingStream
{
    public static readonly StreamType<BookingState, BookingEvent> Type = new("booking", BookingState.None, BookingState.Evolve, new EventCatalog<BookingEvent>()
        .Add<VehicleReserved>("vehicle_reserved.v1")
        .Add<ConfirmationRequested>("confirmation_requested.v1")
        .Add<PaymentActionAsked>("payment_action_asked.v1")
        .Add<BookingConfirmed>("booking_confirmed.v1")
        .Add<WindowOpened>("window_opened.v1")
        .Add<WindowExtended>("window_extended.v1")
        .Add<OvertimeGranted>("overtime_granted.v1")
        .Add<UnlockRequested>("unlock_requested.v1")
        .Add<RideStarted>("ride_started.v2").Upcast("ride_started.v1", "ride_started.v2", WithClockAhead)
        .Add<PauseRequested>("pause_requested.v1")
        .Add<RidePaused>("ride_paused.v1")
        .Add<PauseFailed>("pause_failed.v1")
        .Add<ResumeRequested>("resume_requested.v1")
        .Add<RideResumed>("ride_resumed.v1")
        .Add<ResumeFailed>("resume_failed.v1")
        .Add<EndRequested>("end_requested.v1")
        .Add<RideEnded>("ride_ended.v1")
        .Add<ChargeKnown>("charge_known.v1")
        .Add<BookingSettled>("booking_settled.v1")
        .Add<BookingReleased>("booking_released.v1")
        .Add<UnlockTokenIssued>("unlock_token_issued.v1")
        .Add<StrayUnlockSeen>("stray_unlock_seen.v1"));

    /// <summary>Before vehicles' clocks were compared with ours, none was known to be ahead.</summary>
    private static JsonObject WithClockAhead(JsonObject before)
    {
        before["clockAhead"] = "00:00:00";
        return before;
    }
}
