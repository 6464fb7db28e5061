using Mobility.Contracts;
using Mobility.Fleet;
using Mobility.Tests.Support;

namespace Mobility.Tests.Fleet;

/// <summary>Every cell of the state machine: mode × state × event.</summary>
public sealed class VehicleStateMachineTests
{
    public static TheoryData<string, string> ModesAndStates()
    {
        var data = new TheoryData<string, string>();
        foreach (var mode in Enum.GetNames<VehicleMode>())
            foreach (var state in Enum.GetNames<VehicleState>())
                data.Add(mode, state);
        return data;
    }

    [Theory, MemberData(nameof(ModesAndStates)), Trait("Req", "FLT-1")]
    public void Each_event_leads_where_the_standard_says_and_nowhere_else(string modeName, string stateName)
    {
        var (mode, state) = (Enum.Parse<VehicleMode>(modeName), Enum.Parse<VehicleState>(stateName));
        foreach (var e in Enum.GetValues<MdsEvent>())
        {
            var expected = MdsTriples.Known.Where(t => t.Mode == mode && t.From == state && t.Event == e).Select(t => t.To).Order().ToArray();
            VehicleStateMachine.Targets(mode, state, e).Order().ToArray().ShouldBe(expected, $"{mode} {state} {e}");
            var steps = VehicleStateMachine.Walk(mode, state, [e]);
            if (expected is [var only])
                steps.ShouldNotBeNull().ShouldBe([new MdsStep(state, e, only)]);
            else
                steps.ShouldBeNull($"{mode} {state} {e} has {expected.Length} targets");
        }
    }

    [SharedDataFact("standards/mds-spec/vehicle_state_transitions.csv"), Trait("Req", "FLT-1")]
    public async Task Our_triples_are_those_of_the_standard()
    {
        var standard = MdsTriples.Read(await File.ReadAllTextAsync(SharedData.PathOf("standards/mds-spec/vehicle_state_transitions.csv")));
        MdsTriples.Known.Order(ByText).ToArray().ShouldBe(standard.Order(ByText).ToArray());
    }

    [Fact]
    public void A_path_is_refused_as_a_whole_when_one_step_is_illegal() =>
        VehicleStateMachine.Walk(VehicleMode.Micromobility, VehicleState.Available, [MdsEvent.ReservationStart, MdsEvent.TripEnd]).ShouldBeNull();

    /// <summary>From which states a move is allowed, and where it ends; everything else is refused.</summary>
    private static readonly Dictionary<(VehicleMode, Move), Dictionary<VehicleState, VehicleState>> Allowed = new()
    {
        [(VehicleMode.Micromobility, Move.Activate)] = ToAvailable(VehicleState.Removed, VehicleState.NonContactable, VehicleState.Missing),
        [(VehicleMode.Micromobility, Move.Deactivate)] = To(VehicleState.NonOperational, VehicleState.Available, VehicleState.NonOperational),
        [(VehicleMode.Micromobility, Move.Reactivate)] = ToAvailable(VehicleState.NonOperational),
        [(VehicleMode.Micromobility, Move.Retire)] = To(VehicleState.Removed, VehicleState.Removed, VehicleState.Available, VehicleState.NonOperational,
            VehicleState.Elsewhere, VehicleState.NonContactable, VehicleState.Missing),
        [(VehicleMode.Micromobility, Move.Relocate)] = ToAvailable(VehicleState.Available, VehicleState.NonOperational, VehicleState.Elsewhere, VehicleState.Removed,
            VehicleState.NonContactable, VehicleState.Missing),
        [(VehicleMode.Micromobility, Move.Keep)] = To(VehicleState.Reserved, VehicleState.Available),
        [(VehicleMode.Micromobility, Move.Start)] = To(VehicleState.OnTrip, VehicleState.Available, VehicleState.Reserved),
        [(VehicleMode.Micromobility, Move.Stop)] = Enum.GetValues<VehicleState>().ToDictionary(s => s, s => s),
        [(VehicleMode.Micromobility, Move.Resume)] = Enum.GetValues<VehicleState>().ToDictionary(s => s, s => s),
        [(VehicleMode.Micromobility, Move.End)] = ToAvailable(VehicleState.OnTrip, VehicleState.Reserved, VehicleState.Available),
        [(VehicleMode.Micromobility, Move.CancelByCustomer)] = ToAvailable(VehicleState.Reserved, VehicleState.OnTrip),
        [(VehicleMode.Micromobility, Move.CancelByProvider)] = ToAvailable(VehicleState.Reserved, VehicleState.OnTrip),
        [(VehicleMode.CarShare, Move.Activate)] = ToAvailable(VehicleState.Removed),
        [(VehicleMode.CarShare, Move.Deactivate)] = To(VehicleState.NonOperational, VehicleState.Available, VehicleState.NonOperational),
        [(VehicleMode.CarShare, Move.Reactivate)] = ToAvailable(VehicleState.NonOperational),
        [(VehicleMode.CarShare, Move.Retire)] = To(VehicleState.Removed, VehicleState.Removed, VehicleState.Available, VehicleState.NonOperational),
        [(VehicleMode.CarShare, Move.Relocate)] = ToAvailable(VehicleState.Available, VehicleState.Removed),
        [(VehicleMode.CarShare, Move.Keep)] = To(VehicleState.Reserved, VehicleState.Available),
        [(VehicleMode.CarShare, Move.Start)] = To(VehicleState.OnTrip, VehicleState.Available, VehicleState.Reserved, VehicleState.Stopped),
        [(VehicleMode.CarShare, Move.Stop)] = To(VehicleState.Stopped, VehicleState.OnTrip),
        [(VehicleMode.CarShare, Move.Resume)] = To(VehicleState.OnTrip, VehicleState.Stopped),
        [(VehicleMode.CarShare, Move.End)] = ToAvailable(VehicleState.OnTrip, VehicleState.Stopped, VehicleState.Reserved),
        [(VehicleMode.CarShare, Move.CancelByCustomer)] = ToAvailable(VehicleState.Reserved, VehicleState.Stopped, VehicleState.OnTrip),
        [(VehicleMode.CarShare, Move.CancelByProvider)] = ToAvailable(VehicleState.Reserved, VehicleState.Stopped, VehicleState.OnTrip),
    };

    [Theory, MemberData(nameof(ModesAndStates)), Trait("Req", "FLT-1")]
    public void Each_move_is_made_of_legal_steps_or_refused_with_a_code(string modeName, string stateName)
    {
        var (mode, state) = (Enum.Parse<VehicleMode>(modeName), Enum.Parse<VehicleState>(stateName));
        var vehicle = Vehicle.None with { Mode = mode, State = state, Phase = Phase.Active };
        foreach (var move in Enum.GetValues<Move>())
        {
            var decision = VehicleMoves.Decide(vehicle, move, null, null, DateTimeOffset.UnixEpoch);
            if (!Allowed[(mode, move)].TryGetValue(state, out var expected))
            {
                decision.Problem.ShouldNotBeNull($"{mode} {state} {move}").Code.ShouldBe("fleet.illegal_transition");
                continue;
            }
            decision.Problem.ShouldBeNull($"{mode} {state} {move}");
            decision.Events.Aggregate(vehicle, Vehicle.Evolve).State.ShouldBe(expected, $"{mode} {state} {move}");
            foreach (var step in decision.Events.Cast<StateChanged>())
                MdsTriples.Known.ShouldContain(new MdsTriples.Triple(mode, step.From, step.Event, step.To));
        }
    }

    private static Dictionary<VehicleState, VehicleState> ToAvailable(params VehicleState[] from) => To(VehicleState.Available, from);

    private static Dictionary<VehicleState, VehicleState> To(VehicleState to, params VehicleState[] from) => from.ToDictionary(state => state, _ => to);

    private static readonly Comparer<MdsTriples.Triple> ByText = Comparer<MdsTriples.Triple>.Create(
        (left, right) => string.CompareOrdinal(left.ToString(), right.ToString()));
}
