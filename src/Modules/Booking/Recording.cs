using Mobility.Contracts;
using Mobility.Platform.Events;

namespace Mobility.Booking;

/// <summary>The one way in which a decision becomes facts: events, what other modules hear of them, and the next deadline.</summary>
internal static class Recording
{
    public static BookingState Record(this Work work, BookingId id, BookingState before, IReadOnlyList<BookingEvent> events)
    {
        if (events.Count == 0)
            return before;
        work.Append(BookingStream.Type, id.Value, events);
        var state = before;
        foreach (var e in events)
        {
            state = BookingState.Evolve(state, e);
            Announce(work, id, state, e);
            var after = state;
            work.OnCommitted(() => BookingMetrics.Count(after, e));
        }
        var (dueBefore, due) = (Deadlines.NextOf(before), Deadlines.NextOf(state));
        if (due is { } at && due != dueBefore)
            work.Schedule(at, id.Value, new DeadlineReached(id));
        else if (due is null && dueBefore is not null)
            work.Unschedule<DeadlineReached>(id.Value);
        return state;
    }

    private static void Announce(Work work, BookingId id, BookingState state, BookingEvent e)
    {
        var facts = state.Facts;
        switch (e)
        {
            case VehicleReserved reserved:
                work.Publish(facts.Vehicle.Value, new BookingReservedV1(
                    id, facts.Rider, facts.Vehicle, facts.City, facts.Kind, reserved.From, reserved.Until, reserved.At));
                break;
            case ConfirmationRequested:
                work.Publish(id.Value, new BookingConfirmationRequestedV1(id, facts.Rider, facts.City, facts.HoldAmount));
                break;
            case BookingConfirmed:
                work.Publish(id.Value, new BookingConfirmedV1(id, facts.Rider, facts.Vehicle, facts.City));
                break;
            case WindowOpened opened:
                work.Publish(facts.Vehicle.Value, new BookingWindowOpenedV1(id, facts.Vehicle, opened.At));
                break;
            case UnlockRequested asked:
                Command(asked.Command, VehicleCommandKind.Unlock, asked.At);
                break;
            case RideStarted started:
                work.Publish(facts.Vehicle.Value, new RideStartedV1(id, facts.Rider, facts.Vehicle, facts.City, started.At, started.Position));
                break;
            case PauseRequested asked:
                Command(asked.Command, VehicleCommandKind.Lock, asked.At);
                break;
            case RidePaused paused:
                work.Publish(facts.Vehicle.Value, new RidePauseChangedV1(id, facts.Vehicle, Paused: true, paused.At));
                break;
            case ResumeRequested asked:
                Command(asked.Command, VehicleCommandKind.Unlock, asked.At);
                break;
            case RideResumed resumed:
                work.Publish(facts.Vehicle.Value, new RidePauseChangedV1(id, facts.Vehicle, Paused: false, resumed.At));
                break;
            case EndRequested { Command: { } command } asked:
                Command(command, VehicleCommandKind.Lock, asked.At);
                break;
            case StrayUnlockSeen stray:
                Command(stray.LockCommand, VehicleCommandKind.Lock, stray.At);
                break;
            case RideEnded ended:
                work.Publish(facts.Vehicle.Value, new RideEndedV1(id, facts.Rider, facts.Vehicle, facts.City, facts.Tariff, ended.Usage, ended.Position));
                break;
            case BookingReleased released:
                work.Publish(facts.Vehicle.Value, new BookingReleasedV1(
                    id, facts.Rider, facts.Vehicle, facts.City, released.Reason, released.Occupied, released.At)
                { FeeDue = released.FeeDue });
                if (released.FeeDue)
                    work.Publish(id.Value, new BookingForfeitedV1(id, facts.Rider, facts.City, facts.Tariff,
                        new RideUsage(facts.From, null, null, [], 0, state.WindowEnd, NoShow: true)));
                break;
        }

        void Command(VehicleCommandId command, VehicleCommandKind kind, DateTimeOffset at) =>
            work.Publish(facts.Vehicle.Value, new VehicleCommandRequestedV1(id, facts.Rider, facts.Vehicle, command, kind, at));
    }
}
