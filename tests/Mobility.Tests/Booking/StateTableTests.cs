using Mobility.Booking;
using Mobility.Platform;
using static Mobility.Tests.Bookings.Examples;

namespace Mobility.Tests.Bookings;

/// <summary>Every phase × every command: what happens, "-" for an accepted command that changes nothing, "!" for a refusal.</summary>
public sealed class StateTableTests
{
    /// <summary>Of a scooter, at minute 35 or (deadline) when it is due. A row names the phases that differ; all others are under "else".</summary>
    private const string Table = """
        confirm         | held: !booking.expired | confirming confirmed: - | else: !booking.wrong_phase
        cancel          | held confirming confirmed: BookingReleased | released: - | else: !booking.wrong_phase
        extend          | else: !booking.wrong_phase
        unlock          | confirmed: !booking.expired | unlocking riding: - | else: !booking.wrong_phase
        pause           | riding: PauseRequested | pausing paused: - | else: !booking.wrong_phase
        resume          | paused: ResumeRequested | resuming riding: - | else: !booking.wrong_phase
        end             | riding pausing resuming: EndRequested | paused: EndRequested+RideEnded | ending ended settled: - | else: !booking.wrong_phase
        force_end       | held confirming confirmed unlocking: BookingReleased | riding pausing resuming: EndRequested
            | paused: EndRequested+RideEnded | ending: RideEnded | ended settled: - | else: !booking.wrong_phase
        deadline        | held confirming confirmed unlocking: BookingReleased | riding: EndRequested | paused: EndRequested+RideEnded
            | pausing: PauseFailed | resuming: ResumeFailed | ending: RideEnded | else: -
        authorized      | confirming: BookingConfirmed | else: -
        action_required | confirming: PaymentActionAsked | else: -
        declined        | confirming: BookingReleased | else: -
        unlocked        | unlocking: RideStarted | resuming: RideResumed | else: -
        locked          | pausing: RidePaused | ending: RideEnded | else: -
        command_failed  | unlocking: BookingReleased | pausing: PauseFailed | resuming: ResumeFailed | ending: RideEnded | else: -
        charged         | ended: ChargeKnown | else: -
        settled         | ended: BookingSettled | else: -
        """;

    private static string[] Lines => Table.Replace("\n    |", " |", StringComparison.Ordinal).Split('\n');

    public static TheoryData<string, string, string> Cells()
    {
        var cells = new TheoryData<string, string, string>();
        foreach (var line in Lines)
        {
            var parts = line.Split('|', StringSplitOptions.TrimEntries);
            var named = (
                from part in parts[1..]
                let colon = part.IndexOf(':')
                from phase in part[..colon].Split(' ')
                select (phase, outcome: part[(colon + 1)..].Trim())).ToDictionary(cell => cell.phase, cell => cell.outcome);
            foreach (var phase in Enum.GetValues<Phase>())
                cells.Add(parts[0], phase.ToString(), named.GetValueOrDefault(phase.ToString().ToLowerInvariant(), named["else"]));
        }
        return cells;
    }

    [Theory, MemberData(nameof(Cells)), Trait("Req", "BKG-6"), Trait("Req", "EVT-9")]
    public void Each_phase_answers_each_command_as_the_table_says(string command, string phase, string outcome) =>
        Names(Decide(command, In(Enum.Parse<Phase>(phase)))).ShouldBe(outcome);

    [Fact]
    public void The_table_has_every_command() => Lines.Length.ShouldBe(17);

    private static Decision<BookingEvent> Decide(string command, BookingState state) => command switch
    {
        "confirm" => ConfirmBooking.Decide(state, At(35)),
        "cancel" => CancelBooking.Decide(state, At(35)),
        "extend" => ExtendBooking.Decide(state, At(400), At(35)),
        "unlock" => UnlockVehicle.Decide(state, NewCommand, At(35)),
        "pause" => PauseRide.Decide(state, NewCommand, At(35)),
        "resume" => ResumeRide.Decide(state, NewCommand, At(35)),
        "end" => EndRide.Decide(state, EndCause.Rider, NewCommand, At(35)),
        "force_end" => ForceEndBooking.Decide(state, NewCommand, At(35)),
        "deadline" => OnDeadline.Decide(state, new OnDeadline.Surroundings(null, true), NewCommand, Deadlines.NextOf(state) ?? At(35)),
        "authorized" => OnPaymentAuthorized.Decide(state, Payment, Eur(700), At(35)),
        "action_required" => OnPaymentActionRequired.Decide(state, Payment, "https://bank.example/1"),
        "declined" => OnPaymentDeclined.Decide(state, "card_declined", At(35)),
        "unlocked" => OnVehicleUnlocked.Decide(state, Unlocked(state.Phase == Phase.Paused ? NewCommand : state.Command ?? NewCommand, 34), NewCommand, At(35)),
        "locked" => OnVehicleLocked.Decide(state, Locked(state.Phase == Phase.Riding ? NewCommand : state.Command ?? NewCommand, 34), At(35)),
        "command_failed" => OnVehicleCommandFailed.Decide(state, state.Command ?? NewCommand, "timeout", At(35)),
        "charged" => OnRideCharged.Decide(state, Price),
        "settled" => OnPaymentSettled.Decide(state, SettledNews),
        _ => throw new ArgumentOutOfRangeException(nameof(command)),
    };
}
