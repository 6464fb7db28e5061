using FsCheck;
using FsCheck.Fluent;
using Mobility.Contracts;
using Mobility.Fleet;
using Mobility.Geo;
using Mobility.Platform;

namespace Mobility.Tests.Fleet;

/// <summary>Twins and disabling: given events, when command, then events or a code; and whatever happens, the laws of INC-3.</summary>
public sealed class DisableTests
{
    private static readonly DateTimeOffset Begin = new(2026, 6, 1, 8, 0, 0, TimeSpan.Zero);
    private static readonly AccountId Ann = Id.Named<AccountId>("disable-tests", "ann");
    private static readonly AccountId Bob = Id.Named<AccountId>("disable-tests", "bob");
    private static readonly FleetOptions Options = new();
    private static int ids;

    [Fact, Trait("Req", "INC-3")]
    public void A_van_is_disabled_when_another_person_agrees_and_it_stands()
    {
        var van = Apply(Street(VehicleKind.Van), Disable(Street(VehicleKind.Van), Command(1), Ann));
        van.IsDisabled().ShouldBeFalse("one person alone takes it from nobody");
        ApproveDisable.Decide(van, Command(1), Ann, null, Options, Begin).Problem.ShouldNotBeNull().Code.ShouldBe("fleet.second_person_needed");
        ApproveDisable.Decide(van, Command(2), Bob, null, Options, Begin).Problem.ShouldNotBeNull().Code.ShouldBe("fleet.nothing_to_approve");
        ApproveDisable.Decide(van, Command(1), Bob, null, Options, Begin + Options.ApproveWithin).Problem.ShouldNotBeNull().Code.ShouldBe("fleet.nothing_to_approve");
        DisableVehicle.OnStandstill(van, Command(1), Begin, Options, Begin).Events.ShouldBeEmpty("it stands, but nobody agreed");
        var approved = ApproveDisable.Decide(van, Command(1), Bob, "seen", Options, Begin);
        approved.Events[0].ShouldBe(new DisableApproved(Command(1), Bob, "seen", Begin));
        van = Apply(van, approved);
        (van.IsDisabled(), van.Pending().Any()).ShouldBe((true, false), "decided, and nothing sent while it may move");
        van = Apply(van, DisableVehicle.OnStandstill(van, Command(1), Begin, Options, Begin));
        van.Pending().ShouldHaveSingleItem().Kind.ShouldBe(VehicleCommandKind.Disable);
        van = Apply(van, Answer(van, Command(1), AnswerCommand.AnswerKind.Done));
        TwinRules.Differences(van.Desired, van.Reported).ShouldBeEmpty();
        van.Reported.ShouldNotBeNull().IsDisabled.ShouldBeTrue();
    }

    [Theory, Trait("Req", "INC-3"), InlineData(VehicleKind.Scooter, 1), InlineData(VehicleKind.EBike, 1), InlineData(VehicleKind.Car, 2), InlineData(VehicleKind.Van, 2)]
    public void Cars_and_vans_need_two_persons_and_all_need_a_standstill(VehicleKind kind, int persons)
    {
        var vehicle = Apply(Street(kind), Disable(Street(kind), Command(1), Ann));
        vehicle.Disabling.ShouldNotBeNull().Stage.ShouldBe(persons == 1 ? DisableStage.AwaitingStandstill : DisableStage.AwaitingApproval);
        vehicle.Pending().ShouldBeEmpty();
        Disable(vehicle, Command(2), Bob).Problem.ShouldNotBeNull().Code.ShouldBe("fleet.already_disabled");
    }

    [Fact, Trait("Req", "INC-3")]
    public void What_nobody_approves_or_what_never_stands_lapses_and_the_vehicle_is_rented_again()
    {
        var van = Apply(Street(VehicleKind.Van), Disable(Street(VehicleKind.Van), Command(1), Ann));
        LapseDisable.Decide(van, Command(1), Begin).Events.ShouldHaveSingleItem().ShouldBeOfType<DisableEnded>().Reason.ShouldBe("not_approved");
        van = Apply(van, ApproveDisable.Decide(van, Command(1), Bob, null, Options, Begin));
        var lapsed = LapseDisable.Decide(van, Command(1), Begin);
        lapsed.Events.OfType<DisableEnded>().ShouldHaveSingleItem().Reason.ShouldBe("no_standstill");
        Apply(van, lapsed).IsDisabled().ShouldBeFalse();
    }

    [Fact, Trait("Req", "INC-3")]
    public void A_vehicle_that_moves_off_when_the_command_comes_is_disabled_at_its_next_standstill()
    {
        var scooter = Sent(Street(VehicleKind.Scooter), Command(1));
        var refused = Answer(scooter, Command(1), AnswerCommand.AnswerKind.Refused, "moving");
        refused.Events.OfType<CommandGivenUp>().ShouldHaveSingleItem().Reason.ShouldBe("refused_moving");
        var next = refused.Events.OfType<StandstillAwaited>().ShouldHaveSingleItem().Command;
        next.ShouldNotBe(Command(1), "a vehicle obeys a command once");
        var waits = Apply(scooter, refused);
        Apply(waits, DisableVehicle.OnStandstill(waits, next, Begin, Options, Begin)).Pending().ShouldHaveSingleItem().Id.ShouldBe(next);
    }

    [Fact, Trait("Req", "FLT-2")]
    public void What_still_differs_is_sent_again_when_a_vehicle_comes_back()
    {
        var vehicle = Street(VehicleKind.Scooter);
        vehicle = Apply(vehicle, Issue(vehicle, Command(1), VehicleCommandKind.SpeedLimit, Ann, 12));
        TwinRules.Differences(vehicle.Desired, vehicle.Reported).ShouldBe(["speed_limit_kph"]);
        Report(vehicle, false, null).Events.OfType<CommandRequested>().ShouldBeEmpty("the first still waits for its answer");
        vehicle = Apply(vehicle, GiveUpCommand.Decide(vehicle, Command(1), Begin));
        var back = Report(vehicle, false, null);
        var again = back.Events.OfType<CommandRequested>().ShouldHaveSingleItem();
        (again.Kind, again.SpeedLimitKph, again.By, again.Why).ShouldBe((VehicleCommandKind.SpeedLimit, 12, null, TwinRules.SentAgain));
        vehicle = Apply(Apply(vehicle, back), Answer(Apply(vehicle, back), again.Command, AnswerCommand.AnswerKind.Done));
        TwinRules.Differences(vehicle.Desired, vehicle.Reported).ShouldBeEmpty();
        Report(vehicle, false, 12).Events.ShouldBeEmpty("nothing is new and nothing differs");
        Report(vehicle, true, 12).Events.OfType<CommandRequested>().ShouldHaveSingleItem().Kind.ShouldBe(VehicleCommandKind.Enable);
    }

    [Fact]
    public void Old_news_of_a_twin_changes_nothing()
    {
        var vehicle = Apply(Street(VehicleKind.Scooter), Report(Street(VehicleKind.Scooter), false, 10, sequence: 5));
        Report(vehicle, false, 20, sequence: 4).Events.ShouldBeEmpty();
        Report(vehicle, false, 20, sequence: null, at: Begin.AddSeconds(-1)).Events.ShouldBeEmpty();
        Apply(vehicle, Report(vehicle, false, 20, sequence: 6)).Reported.ShouldNotBeNull().SpeedLimitKph.ShouldBe(20);
    }

    [Fact, Trait("Req", "FLT-2")]
    public void A_newer_wish_takes_the_place_of_a_command_that_waits()
    {
        var vehicle = Sent(Street(VehicleKind.Scooter), Command(1));
        vehicle = Apply(vehicle, Issue(vehicle, Command(2), VehicleCommandKind.Enable, Ann));
        vehicle.Pending().ShouldHaveSingleItem().Kind.ShouldBe(VehicleCommandKind.Enable);
        vehicle.Find(Command(1)).ShouldNotBeNull().Status.ShouldBe(CommandStatus.GivenUp);
        vehicle.IsDisabled().ShouldBeFalse();
        var late = Answer(vehicle, Command(1), AnswerCommand.AnswerKind.Done);
        Apply(vehicle, late).IsDisabled().ShouldBeTrue("it says that it is");
    }

    /// <summary>One thing that happens: which, and who does it or to which command.</summary>
    public sealed record Happening(int What, int Which);

    private static readonly Arbitrary<(bool IsVan, Happening[] Run)> Runs = (
        from isVan in Gen.Elements(true, false)
        from run in (
            from what in Gen.Choose(0, 10)
            from which in Gen.Choose(0, 7)
            select new Happening(what, which)).ArrayOf(60)
        select (isVan, run)).ToArbitrary();

    [Fact, Trait("Req", "INC-3"), Trait("Req", "FLT-2")]
    public void Whatever_happens_nobody_alone_disables_a_van_none_that_moves_is_told_and_a_vehicle_that_comes_back_becomes_what_is_wanted() =>
        Prop.ForAll(Runs, run => Live(run.IsVan, run.Run)).Check(Config.QuickThrowOnFailure.WithMaxTest(2_000));

    private static void Live(bool isVan, Happening[] run)
    {
        var vehicle = Street(isVan ? VehicleKind.Van : VehicleKind.Scooter);
        var (isDisabled, limit) = (false, (int?)null); // what the vehicle really is
        var (asked, approved, sent) = (new Dictionary<VehicleCommandId, AccountId>(), new HashSet<VehicleCommandId>(), new List<CommandRequested>());
        var isWanted = false;
        void Happen(Decision<VehicleEvent> decision)
        {
            for (var i = 0; i < decision.Events.Count; i++)
            {
                var e = decision.Events[i];
                switch (e)
                {
                    case DisableAsked ask:
                        asked.Add(ask.Command, ask.By);
                        break;
                    case DisableApproved agreed:
                        agreed.By.ShouldNotBe(asked[agreed.Command]);
                        approved.Add(agreed.Command);
                        break;
                    case TwinUpdated { Desired: { } desired }:
                        if (desired.IsDisabled && !isWanted && isVan)
                            approved.ShouldContain(vehicle.Disabling!.Command, "a van is to be disabled when two agreed");
                        isWanted = desired.IsDisabled;
                        break;
                    case CommandRequested command:
                        if (command.Kind == VehicleCommandKind.Disable)
                        {
                            isWanted.ShouldBeTrue();
                            decision.Events.OfType<StandstillSeen>().ShouldHaveSingleItem("it is sent to a vehicle that stands");
                        }
                        sent.Add(command);
                        break;
                }
                vehicle = Vehicle.Evolve(vehicle, e);
            }
            vehicle.Pending().Count().ShouldBeLessThanOrEqualTo(OnVehicleCommandRequested.PendingMax);
            if (isWanted)
                vehicle.IsDisabled().ShouldBeTrue();
        }

        void Obey(CommandRequested command)
        {
            (isDisabled, limit) = command.Kind switch
            {
                VehicleCommandKind.Disable => (true, limit),
                VehicleCommandKind.Enable => (false, limit),
                VehicleCommandKind.SpeedLimit => (isDisabled, command.SpeedLimitKph),
                _ => (isDisabled, limit),
            };
            Happen(Answer(vehicle, command.Command, AnswerCommand.AnswerKind.Done));
        }

        foreach (var (what, which) in run)
        {
            var who = which % 2 == 0 ? Ann : Bob;
            var waiting = vehicle.Disabling?.Command ?? NewId();
            var some = sent.Count > 0 ? sent[Math.Max(0, sent.Count - 1 - which)] : null;
            switch (what)
            {
                case 0:
                case 1:
                    Happen(Disable(vehicle, NewId(), who));
                    break;
                case 2:
                    Happen(ApproveDisable.Decide(vehicle, waiting, who, null, Options, Begin));
                    break;
                case 3:
                    Happen(DisableVehicle.OnStandstill(vehicle, waiting, Begin, Options, Begin));
                    break;
                case 4:
                    Happen(LapseDisable.Decide(vehicle, waiting, Begin));
                    break;
                case 5:
                    Happen(Issue(vehicle, NewId(), VehicleCommandKind.Enable, who));
                    break;
                case 6:
                    Happen(Issue(vehicle, NewId(), VehicleCommandKind.SpeedLimit, who, which == 0 ? null : 10 * which));
                    break;
                case 7:
                    Happen(Report(vehicle, isDisabled, limit));
                    break;
                case 8 when some is not null && vehicle.Find(some.Command)?.Status == CommandStatus.Pending:
                    Obey(some);
                    break;
                case 9 when some is not null:
                    Happen(Answer(vehicle, some.Command, AnswerCommand.AnswerKind.Refused, "moving"));
                    break;
                case 10 when some is not null:
                    Happen(GiveUpCommand.Decide(vehicle, some.Command, Begin));
                    break;
            }
        }

        // From now on everybody is well-behaved: the vehicle comes back, stands when it must and obeys; a request that waits for a person lapses.
        for (var i = 0; i < 4; i++)
        {
            if (vehicle.Disabling is { Stage: DisableStage.AwaitingApproval } open)
                Happen(LapseDisable.Decide(vehicle, open.Command, Begin));
            foreach (var command in sent.Where(c => vehicle.Find(c.Command)?.Status == CommandStatus.Pending).ToArray())
                Obey(command);
            Happen(Report(vehicle, isDisabled, limit));
            if (vehicle.Disabling is { } waits)
                Happen(DisableVehicle.OnStandstill(vehicle, waits.Command, Begin, Options, Begin));
        }
        TwinRules.Differences(vehicle.Desired, vehicle.Reported).ShouldBeEmpty();
        (isDisabled, limit).ShouldBe((vehicle.Desired.IsDisabled, vehicle.Desired.SpeedLimitKph));
        (vehicle.Disabling, vehicle.IsDisabled()).ShouldBe((null, isWanted));
    }

    private static Vehicle Street(VehicleKind kind)
    {
        var registered = Vehicle.Evolve(Vehicle.None, new VehicleRegistered(VehicleId.Of(new CityId("tiny"), "x-1"), new CityId("tiny"), "x-1", null,
            new VehicleTypeId("any"), kind, kind is VehicleKind.Car or VehicleKind.Van ? VehicleMode.CarShare : VehicleMode.Micromobility, 40_000, 15, new GeoPoint(50, 10), 88,
            Begin.AddDays(-1)));
        return Apply(registered, ChangeLifecycle.Decide(registered, Move.Activate, "", Begin));
    }

    private static Vehicle Sent(Vehicle scooter, VehicleCommandId command)
    {
        var waits = Apply(scooter, Disable(scooter, command, Ann));
        return Apply(waits, DisableVehicle.OnStandstill(waits, command, Begin, Options, Begin));
    }

    private static Decision<VehicleEvent> Disable(Vehicle vehicle, VehicleCommandId command, AccountId by) => Issue(vehicle, command, VehicleCommandKind.Disable, by);

    private static Decision<VehicleEvent> Issue(Vehicle vehicle, VehicleCommandId command, VehicleCommandKind kind, AccountId by, int? kph = null) =>
        IssueCommand.Decide(vehicle, new IssueCommand.Command(command, new IssueCommand.CommandBody(kind, kph, "stolen"), by, Begin, Begin.AddSeconds(30)), Options);

    private static Decision<VehicleEvent> Answer(Vehicle vehicle, VehicleCommandId command, AnswerCommand.AnswerKind answer, string? reason = null) =>
        AnswerCommand.Decide(vehicle, command, new AnswerCommand.AnswerBody(answer, Begin, reason), Again());

    private static Decision<VehicleEvent> Report(Vehicle vehicle, bool disabled, int? limit, long? sequence = null, DateTimeOffset? at = null) =>
        ReportTwin.Decide(vehicle, new ReportTwin.TwinBody(at ?? Begin, disabled, limit, "1.0.0", 3, sequence), Again());

    private static Resending Again() => new(NewId(), NewId(), Options, Begin);

    private static VehicleCommandId NewId() => Command(1_000 + Interlocked.Increment(ref ids));

    private static VehicleCommandId Command(int n) => new(Guid.Parse($"00000000-0000-7000-8000-{n:d12}"));

    private static Vehicle Apply(Vehicle vehicle, Decision<VehicleEvent> decision)
    {
        decision.Problem.ShouldBeNull();
        return decision.Events.Aggregate(vehicle, Vehicle.Evolve);
    }
}
