using System.Text.Json;
using Mobility.Contracts;
using Mobility.Fleet;
using Mobility.Geo;
using Mobility.Platform;

namespace Mobility.Tests.Fleet;

/// <summary>The life of a vehicle, commands to it, and what it reports: given events, when command, then events or a code.</summary>
public sealed class VehicleTests
{
    private static readonly DateTimeOffset Now = new(2026, 6, 1, 8, 0, 0, TimeSpan.Zero);
    private static readonly GeoPoint Here = new(50, 10);
    private static readonly VehicleId Id = VehicleId.Of(new CityId("tiny"), "s-1");
    private static readonly BookingId Booking = new(Guid.Parse("00000000-0000-7000-8000-000000000001"));
    private static readonly FleetOptions Options = new();

    private static readonly VehicleRegistered Registration = new(
        Id, new CityId("tiny"), "s-1", null, new VehicleTypeId("scooter"), VehicleKind.Scooter, VehicleMode.Micromobility, 40_000, 15, Here, 88, Now.AddDays(-1));

    public static TheoryData<string, string> PhasesAndMoves()
    {
        var data = new TheoryData<string, string>();
        foreach (var phase in Enum.GetNames<Phase>())
            foreach (var move in new[] { Move.Activate, Move.Deactivate, Move.Reactivate, Move.Retire })
                data.Add(phase, move.ToString());
        return data;
    }

    [Theory, MemberData(nameof(PhasesAndMoves)), Trait("Req", "FLT-1")]
    public void Each_step_of_a_life_is_taken_from_the_phases_that_allow_it_and_refused_from_the_others(string phaseName, string moveName)
    {
        var (phase, move) = (Enum.Parse<Phase>(phaseName), Enum.Parse<Move>(moveName));
        var state = phase switch
        {
            Phase.Active => VehicleState.Available,
            Phase.OutOfService => VehicleState.NonOperational,
            _ => VehicleState.Removed,
        };
        var decision = ChangeLifecycle.Decide(Vehicle.None with { Id = Id, Phase = phase, State = state }, move, "why", Now);
        var first = (phase, move) switch
        {
            (Phase.Registered, Move.Activate) => typeof(VehicleActivated),
            (Phase.Active, Move.Deactivate) => typeof(VehicleDeactivated),
            (Phase.OutOfService, Move.Reactivate) => typeof(VehicleReactivated),
            (Phase.Registered or Phase.Active or Phase.OutOfService, Move.Retire) => typeof(VehicleRetired),
            _ => null,
        };
        if (first is not null)
            decision.Events[0].ShouldBeOfType(first);
        else
            decision.Problem.ShouldNotBeNull().Code.ShouldBe(phase == Phase.None ? "fleet.no_such_vehicle" : "fleet.illegal_transition");
    }

    [Fact, Trait("Req", "FLT-1")]
    public void A_whole_life_ends_retired_and_removed()
    {
        var vehicle = Vehicle.Evolve(Vehicle.None, Registration);
        foreach (var (move, phase, state) in new[]
                 {
                     (Move.Activate, Phase.Active, VehicleState.Available), (Move.Deactivate, Phase.OutOfService, VehicleState.NonOperational),
                     (Move.Reactivate, Phase.Active, VehicleState.Available), (Move.Retire, Phase.Retired, VehicleState.Removed),
                 })
        {
            vehicle = Apply(vehicle, ChangeLifecycle.Decide(vehicle, move, "", Now));
            (vehicle.Phase, vehicle.State).ShouldBe((phase, state));
        }
    }

    [Fact]
    public void A_vehicle_that_a_rider_has_is_not_taken_out_of_service()
    {
        var held = Apply(Street(), Occupancy.Decide(Street(), Booking, Move.Keep, Now, Now));
        ChangeLifecycle.Decide(held, Move.Deactivate, "", Now).Problem.ShouldNotBeNull().Code.ShouldBe("fleet.illegal_transition");
        RelocateVehicle.Decide(held, new RelocateVehicle.Body(Here), Now).Problem.ShouldNotBeNull().Code.ShouldBe("fleet.illegal_transition");
        InstallBattery.Decide(held, new InstallBattery.Body("pack-1", 100), Now).Problem.ShouldNotBeNull().Code.ShouldBe("fleet.illegal_transition");
    }

    [Fact, Trait("Req", "FLT-1")]
    public void Staff_pick_a_vehicle_up_and_drop_it_elsewhere()
    {
        var decision = RelocateVehicle.Decide(Street(), new RelocateVehicle.Body(new GeoPoint(50.1, 10.1), 90), Now);
        decision.Events.OfType<StateChanged>().Select(step => step.Event).ShouldBe([MdsEvent.RebalancePickUp, MdsEvent.ProviderDropOff]);
        var after = Apply(Street(), decision);
        (after.State, after.Position, after.StateOfChargePercent).ShouldBe((VehicleState.Available, new GeoPoint(50.1, 10.1), 90));
    }

    [Fact, Trait("Req", "FLT-1")]
    public void A_new_battery_brings_its_charge() =>
        Apply(Street(), InstallBattery.Decide(Street(), new InstallBattery.Body("pack-7", 97), Now)).StateOfChargePercent.ShouldBe(97);

    [Fact]
    public void An_unlock_that_was_asked_for_names_its_booking()
    {
        var vehicle = Asked(VehicleCommandKind.Unlock, out var command);
        var report = Report(ReportLock.ReportKind.Unlocked, command);
        var reported = Decided<LockReported>(ReportLock.Decide(vehicle, report, Options, Now));
        (reported.Booking, reported.Command, reported.MeasuredAt).ShouldBe((Booking, command, report.At));
    }

    [Fact]
    public void A_report_that_comes_twice_acts_once()
    {
        var vehicle = Asked(VehicleCommandKind.Unlock, out var command);
        var report = Report(ReportLock.ReportKind.Unlocked, command) with { Sequence = 7 };
        vehicle = Apply(vehicle, ReportLock.Decide(vehicle, report, Options, Now));
        var again = ReportLock.Decide(vehicle, report with { At = Now.AddSeconds(1) }, Options, Now);
        again.Problem.ShouldBeNull();
        again.Events.ShouldBeEmpty("the command is obeyed already");
        ReportLock.Decide(vehicle, report with { Command = null }, Options, Now).Events.ShouldBeEmpty("the sequence number is known");
    }

    [Fact, Trait("Req", "UNL-3")]
    public void A_command_that_is_not_obeyed_in_time_is_given_up_once()
    {
        var vehicle = Asked(VehicleCommandKind.Unlock, out var command);
        var givenUp = GiveUpCommand.Decide(vehicle, command, Now.AddSeconds(30));
        Decided<CommandGivenUp>(givenUp).Reason.ShouldBe("timeout");
        GiveUpCommand.Decide(Apply(vehicle, givenUp), command, Now.AddSeconds(31)).Events.ShouldBeEmpty();
    }

    [Fact, Trait("Req", "UNL-3")]
    public void An_unlock_after_its_command_was_given_up_is_told_with_its_command_so_that_the_vehicle_is_locked_again()
    {
        var vehicle = Asked(VehicleCommandKind.Unlock, out var command);
        vehicle = Apply(vehicle, GiveUpCommand.Decide(vehicle, command, Now));
        var late = ReportLock.Decide(vehicle, Report(ReportLock.ReportKind.Unlocked, command), Options, Now);
        (Decided<LockReported>(late).Command, Decided<LockReported>(late).Booking).ShouldBe((command, Booking));
        var after = Apply(vehicle, late);
        (after.State, after.Occupant).ShouldBe((VehicleState.Available, null), "a report alone starts no trip");
    }

    [Fact]
    public void An_unlock_that_nobody_asked_for_is_recorded_without_a_booking() =>
        Decided<LockReported>(ReportLock.Decide(Street(), Report(ReportLock.ReportKind.Unlocked, null), Options, Now)).Booking.ShouldBeNull();

    [Fact, Trait("Req", "UNL-4")]
    public void A_lock_after_its_command_was_given_up_still_ends_the_ride()
    {
        var vehicle = Asked(VehicleCommandKind.Lock, out var command);
        vehicle = Apply(vehicle, GiveUpCommand.Decide(vehicle, command, Now));
        Decided<LockReported>(ReportLock.Decide(vehicle, Report(ReportLock.ReportKind.Locked, command), Options, Now)).Booking.ShouldBe(Booking);
    }

    [Fact]
    public void An_obeyed_command_is_not_given_up()
    {
        var vehicle = Asked(VehicleCommandKind.Unlock, out var command);
        vehicle = Apply(vehicle, ReportLock.Decide(vehicle, Report(ReportLock.ReportKind.Unlocked, command), Options, Now));
        GiveUpCommand.Decide(vehicle, command, Now.AddMinutes(1)).Events.ShouldBeEmpty();
    }

    [Theory, InlineData(121, false), InlineData(120, true), InlineData(-24 * 3600, true), InlineData(-24 * 3600 - 1, false)]
    public void A_clock_that_is_wrong_is_refused(int secondsAhead, bool accepted)
    {
        var decision = ReportLock.Decide(Street(), Report(ReportLock.ReportKind.Locked, null) with { At = Now.AddSeconds(secondsAhead) }, Options, Now);
        decision.Problem?.Code.ShouldBe("fleet.clock_out_of_range");
        (decision.Problem is null).ShouldBe(accepted);
    }

    [Fact]
    public void An_unlock_before_it_was_asked_for_is_a_wrong_clock()
    {
        var vehicle = Asked(VehicleCommandKind.Unlock, out var command);
        ReportLock.Decide(vehicle, Report(ReportLock.ReportKind.Unlocked, command) with { At = Now.AddMinutes(-10) }, Options, Now)
            .Problem.ShouldNotBeNull().Code.ShouldBe("fleet.clock_out_of_range");
    }

    [Fact]
    public void A_lock_does_not_answer_an_unlock_command()
    {
        var vehicle = Asked(VehicleCommandKind.Unlock, out var command);
        ReportLock.Decide(vehicle, Report(ReportLock.ReportKind.Locked, command), Options, Now).Problem.ShouldNotBeNull().Code.ShouldBe("fleet.command_mismatch");
    }

    [Fact]
    public void An_older_report_does_not_move_the_vehicle_back()
    {
        var vehicle = Apply(Street(), ReportLock.Decide(Street(), Report(ReportLock.ReportKind.Locked, null), Options, Now));
        var late = Report(ReportLock.ReportKind.Unlocked, null) with { At = Now.AddMinutes(-5), Position = new GeoPoint(51, 11) };
        Apply(vehicle, ReportLock.Decide(vehicle, late, Options, Now)).Position.ShouldBe(Here);
    }

    [Fact]
    public void A_fifth_waiting_command_makes_the_oldest_give_way()
    {
        var vehicle = Street();
        for (var i = 0; i < OnVehicleCommandRequested.PendingMax; i++)
            vehicle = Apply(vehicle, OnVehicleCommandRequested.Decide(vehicle, Request(i), Now, Now.AddSeconds(30)));
        OnVehicleCommandRequested.Decide(vehicle, Request(0), Now, Now.AddSeconds(30)).Events.ShouldBeEmpty("known already");
        var fifth = OnVehicleCommandRequested.Decide(vehicle, Request(9), Now, Now.AddSeconds(30)).Events;
        fifth.OfType<CommandGivenUp>().ShouldHaveSingleItem().Command.ShouldBe(Request(0).Command);
        fifth.OfType<CommandRequested>().ShouldHaveSingleItem().Command.ShouldBe(Request(9).Command);
    }

    [Fact]
    public void What_is_remembered_is_bounded()
    {
        var vehicle = Street();
        for (var i = 0; i < 50; i++)
        {
            vehicle = Apply(vehicle, OnVehicleCommandRequested.Decide(vehicle, Request(i), Now, Now));
            vehicle = Apply(vehicle, ReportLock.Decide(vehicle, Report(ReportLock.ReportKind.Unlocked, Request(i).Command) with { Sequence = i }, Options, Now));
        }
        vehicle.Commands.Count.ShouldBe(Vehicle.RememberedMax);
        vehicle.Sequences.ShouldBe(Enumerable.Range(42, 8).Select(n => (long)n));
    }

    [Fact]
    public void A_snapshot_reads_back_as_the_same_state()
    {
        var vehicle = Apply(Asked(VehicleCommandKind.Unlock, out _), Occupancy.Decide(Street(), Booking, Move.Keep, Now, Now));
        var json = JsonSerializer.Serialize(vehicle, MobilityJson.Stored);
        JsonSerializer.Serialize(JsonSerializer.Deserialize<Vehicle>(json, MobilityJson.Stored), MobilityJson.Stored).ShouldBe(json);
    }

    private static Vehicle Street()
    {
        var registered = Vehicle.Evolve(Vehicle.None, Registration);
        return Apply(registered, ChangeLifecycle.Decide(registered, Move.Activate, "", Now));
    }

    private static Vehicle Asked(VehicleCommandKind kind, out VehicleCommandId command)
    {
        var request = Request(1) with { Kind = kind };
        command = request.Command;
        return Apply(Street(), OnVehicleCommandRequested.Decide(Street(), request, Now, Now.AddSeconds(30)));
    }

    private static VehicleCommandRequestedV1 Request(int n) => new(
        Booking, default, Id, new VehicleCommandId(Guid.Parse($"00000000-0000-7000-8000-{n:d12}")), VehicleCommandKind.Unlock, Now);

    private static ReportLock.Body Report(ReportLock.ReportKind kind, VehicleCommandId? command) => new(kind, Now, Here, 80, 1_000, command);

    private static Vehicle Apply(Vehicle vehicle, Decision<VehicleEvent> decision)
    {
        decision.Problem.ShouldBeNull();
        return decision.Events.Aggregate(vehicle, Vehicle.Evolve);
    }

    private static T Decided<T>(Decision<VehicleEvent> decision) => decision.Events.ShouldHaveSingleItem().ShouldBeOfType<T>();
}
