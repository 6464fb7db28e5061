using FsCheck;
using FsCheck.Fluent;
using Mobility.Contracts;
using Mobility.Fleet;
using Mobility.Geo;
using Mobility.Platform;

namespace Mobility.Tests.Fleet;

/// <summary>Commands of staff and of bookings, and what vehicles answer: given events, when command, then events or a code.</summary>
public sealed class CommandTests
{
    private static readonly DateTimeOffset Begin = new(2026, 6, 1, 8, 0, 0, TimeSpan.Zero);
    private static readonly AccountId Staff = Id.Named<AccountId>("command-tests", "staff");
    private static readonly VehicleId Car = VehicleId.Of(new CityId("tiny"), "c-1");
    private static readonly FleetOptions Options = new();

    [Fact, Trait("Req", "FLT-2")]
    public void A_command_of_staff_names_who_asked_and_why()
    {
        var asked = Issue(Street(), 1, VehicleCommandKind.SpeedLimit, 12).Events.OfType<CommandRequested>().ShouldHaveSingleItem();
        (asked.By, asked.Why, asked.SpeedLimitKph, asked.Booking).ShouldBe((Staff, "why", 12, null));
        Issue(Vehicle.None, 1, VehicleCommandKind.Horn).Problem.ShouldNotBeNull().Code.ShouldBe("fleet.no_such_vehicle");
    }

    [Fact]
    public void Staff_do_not_take_the_place_of_a_riders_command()
    {
        var vehicle = Street();
        for (var i = 1; i <= OnVehicleCommandRequested.PendingMax; i++)
            vehicle = Apply(vehicle, Issue(vehicle, i, VehicleCommandKind.Horn));
        Issue(vehicle, 9, VehicleCommandKind.Horn).Problem.ShouldNotBeNull().Code.ShouldBe("fleet.too_many_commands");
    }

    [Fact, Trait("Req", "FLT-2")]
    public void A_vehicle_answers_once_a_deed_counts_late_and_a_refusal_does_not()
    {
        var vehicle = Apply(Street(), Issue(Street(), 1, VehicleCommandKind.Horn));
        var done = Answer(vehicle, 1, AnswerCommand.AnswerKind.Done);
        done.Events.ShouldHaveSingleItem().ShouldBeOfType<CommandDone>();
        Answer(Apply(vehicle, done), 1, AnswerCommand.AnswerKind.Done).Events.ShouldBeEmpty();
        var refused = Answer(vehicle, 1, AnswerCommand.AnswerKind.Refused, "horn_failed");
        refused.Events.ShouldHaveSingleItem().ShouldBeOfType<CommandGivenUp>().Reason.ShouldBe("refused_horn_failed");
        var over = Apply(vehicle, GiveUpCommand.Decide(vehicle, Command(1), Begin.AddSeconds(30)));
        Answer(over, 1, AnswerCommand.AnswerKind.Done).Events.ShouldHaveSingleItem().ShouldBeOfType<CommandDone>();
        Answer(over, 1, AnswerCommand.AnswerKind.Refused).Events.ShouldBeEmpty();
        Answer(over, 2, AnswerCommand.AnswerKind.Done).Problem.ShouldNotBeNull().Code.ShouldBe("fleet.no_such_command");
    }

    [Fact]
    public void Only_the_lock_answers_for_the_lock_but_it_may_be_refused()
    {
        var vehicle = Apply(Street(), Ask(Street(), 1));
        Answer(vehicle, 1, AnswerCommand.AnswerKind.Done).Problem.ShouldNotBeNull().Code.ShouldBe("fleet.command_mismatch");
        Answer(vehicle, 1, AnswerCommand.AnswerKind.Refused, "lock_failed").Events.ShouldHaveSingleItem().ShouldBeOfType<CommandGivenUp>();
    }

    [Theory, InlineData(121, false), InlineData(120, true), InlineData(-24 * 3600, true), InlineData(-24 * 3600 - 1, false)]
    public void An_answer_with_a_wrong_clock_is_refused(int secondsAhead, bool accepted)
    {
        var vehicle = Apply(Street(), Issue(Street(), 1, VehicleCommandKind.Horn));
        (AnswerCommand.Decide(vehicle, Command(1), new AnswerCommand.AnswerBody(AnswerCommand.AnswerKind.Done, Begin.AddSeconds(secondsAhead)), Again()).Problem is null)
            .ShouldBe(accepted);
    }

    /// <summary>One thing that happens: which, and to which of the commands so far.</summary>
    public sealed record Happening(int What, int Which);

    private static readonly Arbitrary<Happening[]> Runs = (
        from what in Gen.Choose(0, 6)
        from which in Gen.Choose(0, 12)
        select new Happening(what, which)).ArrayOf(80).ToArbitrary();

    [Fact, Trait("Req", "FLT-2")]
    public void Whatever_happens_every_command_ends_and_none_that_waits_is_forgotten() =>
        Prop.ForAll(Runs, Live).Check(Config.QuickThrowOnFailure.WithMaxTest(2_000));

    private static void Live(Happening[] run)
    {
        var (vehicle, n) = (Street(), 0);
        var (asked, ended) = (new HashSet<VehicleCommandId>(), new HashSet<VehicleCommandId>());
        void Happen(Decision<VehicleEvent> decision)
        {
            foreach (var e in decision.Events)
            {
                vehicle = Vehicle.Evolve(vehicle, e);
                switch (e)
                {
                    case CommandRequested requested:
                        asked.Add(requested.Command).ShouldBeTrue();
                        break;
                    case CommandGivenUp given:
                        ended.Add(given.Command).ShouldBeTrue("it is given up once, and not after it was obeyed");
                        break;
                    case CommandDone done:
                        ended.Add(done.Command);
                        break;
                    case LockReported { Command: { } command } when asked.Contains(command): // it may name one that was refused
                        ended.Add(command);
                        break;
                }
            }
            vehicle.Pending().Select(command => command.Id).ShouldBe(asked.Except(ended), ignoreOrder: true);
            vehicle.Pending().Count().ShouldBeLessThanOrEqualTo(OnVehicleCommandRequested.PendingMax);
            vehicle.Commands.Count.ShouldBeLessThanOrEqualTo(Vehicle.RememberedMax);
        }

        foreach (var (what, which) in run)
        {
            var command = Math.Max(1, n - which);
            Happen((n == 0 ? what % 3 : what) switch // a vehicle answers what it was asked
            {
                0 => Issue(vehicle, ++n, VehicleCommandKind.Horn),
                1 => Issue(vehicle, ++n, VehicleCommandKind.SpeedLimit, 10),
                2 => Ask(vehicle, ++n),
                3 => Answer(vehicle, command, AnswerCommand.AnswerKind.Done),
                4 => Answer(vehicle, command, AnswerCommand.AnswerKind.Refused, "no"),
                5 => ReportLock.Decide(vehicle, new ReportLock.Body(ReportLock.ReportKind.Unlocked, Begin, new GeoPoint(50, 10), 80, 1, Command(command)), Options, Begin),
                _ => GiveUpCommand.Decide(vehicle, Command(command), Begin),
            });
        }
        foreach (var command in asked)
            Happen(GiveUpCommand.Decide(vehicle, command, Begin)); // their deadlines come
        ended.ShouldBe(asked, ignoreOrder: true);
    }

    private static Vehicle Street()
    {
        var registered = Vehicle.Evolve(Vehicle.None, new VehicleRegistered(Car, new CityId("tiny"), "c-1", null, new VehicleTypeId("van"), VehicleKind.Van, VehicleMode.CarShare,
            250_000, 25, new GeoPoint(50, 10), 88, Begin.AddDays(-1)));
        return Apply(registered, ChangeLifecycle.Decide(registered, Move.Activate, "", Begin));
    }

    private static Decision<VehicleEvent> Issue(Vehicle vehicle, int n, VehicleCommandKind kind, int? kph = null) =>
        IssueCommand.Decide(vehicle, new IssueCommand.Command(Command(n), new IssueCommand.CommandBody(kind, kph, "why"), Staff, Begin, Begin.AddSeconds(30)), Options);

    private static Decision<VehicleEvent> Ask(Vehicle vehicle, int n) => OnVehicleCommandRequested.Decide(vehicle,
        new VehicleCommandRequestedV1(new BookingId(new Guid(n, 0, 0, new byte[8])), Staff, Car, Command(n), VehicleCommandKind.Unlock, Begin), Begin, Begin.AddSeconds(30));

    private static Decision<VehicleEvent> Answer(Vehicle vehicle, int n, AnswerCommand.AnswerKind answer, string? reason = null) =>
        AnswerCommand.Decide(vehicle, Command(n), new AnswerCommand.AnswerBody(answer, Begin, reason), Again());

    private static int again = 1_000;

    private static Resending Again() => new(Command(++again), Command(++again), Options, Begin);

    private static VehicleCommandId Command(int n) => new(Guid.Parse($"00000000-0000-7000-8000-{n:d12}"));

    private static Vehicle Apply(Vehicle vehicle, Decision<VehicleEvent> decision)
    {
        decision.Problem.ShouldBeNull();
        return decision.Events.Aggregate(vehicle, Vehicle.Evolve);
    }
}
