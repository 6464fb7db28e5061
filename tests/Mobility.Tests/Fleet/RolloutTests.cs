using Mobility.Contracts;
using Mobility.Fleet.Updates;

namespace Mobility.Tests.Fleet;

/// <summary>The rule of a rollout, without a database: when a wave opens, when it ends, when everything is taken back.</summary>
public sealed class RolloutTests
{
    private static readonly DateTimeOffset At = new(2026, 6, 1, 8, 0, 0, TimeSpan.Zero);
    private static readonly RolloutPlan Plan = new(TimeSpan.FromMinutes(30), TimeSpan.FromHours(24), 90, 5);

    [Fact, Trait("Req", "FLT-10")]
    public void A_good_release_goes_to_5_then_25_then_100_percent()
    {
        var rollout = Running(200);
        (rollout.Percent, rollout.Open).ShouldBe((5, 10));
        foreach (var (percent, open) in new[] { (25, 50), (100, 200) })
        {
            var enough = rollout.Open * 9 / 10;
            Rollout.Judge(rollout, new WaveCounts(enough - 1, 0), At.AddHours(1)).Events.ShouldBeEmpty();
            rollout = After(rollout, new WaveCounts(enough, 0), At.AddHours(1));
            (rollout.Percent, rollout.Open, rollout.Phase).ShouldBe((percent, open, RolloutPhase.Running));
        }
        After(rollout, new WaveCounts(180, 0), At.AddHours(2)).Phase.ShouldBe(RolloutPhase.Completed);
    }

    [Fact, Trait("Req", "FLT-10")]
    public void One_failure_too_many_stops_it_whatever_else_is_well()
    {
        var rollout = After(After(Running(200), new WaveCounts(10, 0), At), new WaveCounts(50, 0), At); // all 200
        After(rollout, new WaveCounts(190, 10), At).Phase.ShouldBe(RolloutPhase.Completed); // 5 % is the limit
        var stopped = After(rollout, new WaveCounts(189, 11), At);
        (stopped.Phase, stopped.Reason).ShouldBe((RolloutPhase.Stopped, "too_many_failed"));
        After(Running(10), new WaveCounts(0, 1), At).Phase.ShouldBe(RolloutPhase.Stopped); // the one vehicle of the first wave
    }

    [Fact, Trait("Req", "FLT-10")]
    public void A_wave_that_is_never_good_enough_stops_it_and_the_last_one_ends_it()
    {
        var first = Running(200);
        After(first, new WaveCounts(5, 0), At + Plan.WaveWithin).Reason.ShouldBe("not_enough_healthy");
        var last = After(After(first, new WaveCounts(10, 0), At), new WaveCounts(50, 0), At);
        After(last, new WaveCounts(100, 0), At + Plan.WaveWithin).Phase.ShouldBe(RolloutPhase.Completed); // who is away gets it later
    }

    [Fact]
    public void What_is_over_is_not_judged_and_staff_may_stop_it_even_then()
    {
        var stopped = After(Running(200), new WaveCounts(0, 10), At);
        Rollout.Judge(stopped, new WaveCounts(200, 0), At).Events.ShouldBeEmpty();
        StopRollout.Decide(stopped, At).Events.ShouldBeEmpty();
        StopRollout.Decide(Rollout.None, At).Problem!.Code.ShouldBe("fleet.no_such_rollout");
        var completed = Rollout.Evolve(Running(1), new RolloutCompleted(1, At));
        Rollout.Evolve(completed, StopRollout.Decide(completed, At).Events.Single()).Phase.ShouldBe(RolloutPhase.Stopped);
    }

    [Theory, InlineData(1, 1, 1, 1), InlineData(20, 1, 5, 20), InlineData(21, 2, 6, 21), InlineData(100_000, 5_000, 25_000, 100_000)]
    public void A_wave_is_never_empty(int vehicles, int five, int twentyFive, int all) =>
        Rollout.Waves.Select(percent => Rollout.VehiclesOf(percent, vehicles)).ShouldBe([five, twentyFive, all]);

    [Fact, Trait("Req", "FLT-10")]
    public void Which_vehicles_come_first_hangs_on_the_release_and_on_nothing_else()
    {
        var vehicles = Enumerable.Range(0, 1_000).Select(i => Mobility.Platform.Id.Named<VehicleId>("rollout", $"{i}").Value).ToArray();
        var order = RolloutVehicles.InOrder(7, vehicles);
        RolloutVehicles.InOrder(7, vehicles.Reverse()).ShouldBe(order);
        RolloutVehicles.InOrder(8, vehicles).Take(50).Intersect(order.Take(50)).Count().ShouldBeLessThan(20);
    }

    [Theory]
    [InlineData("offered", UpdateOutcome.Applied, "applied")]
    [InlineData("offered", UpdateOutcome.RolledBack, "failed")]
    [InlineData("offered", UpdateOutcome.Refused, "failed")]
    [InlineData("applied", UpdateOutcome.RolledBack, "failed")]
    [InlineData("applied", UpdateOutcome.Applied, null)]
    [InlineData("recalled", UpdateOutcome.RolledBack, "returned")]
    [InlineData("recalled", UpdateOutcome.Refused, null)]
    [InlineData("failed", UpdateOutcome.RolledBack, null)]
    [InlineData("returned", UpdateOutcome.Applied, null)]
    public void What_a_vehicle_says_moves_it(string state, UpdateOutcome outcome, string? next) => OnVehicleReportedUpdate.Next(state, outcome).ShouldBe(next);

    private static Rollout Running(int vehicles)
    {
        var start = new RolloutStarted(new RolloutId(Guid.Empty), 1, null, null, Plan, vehicles, At);
        return StartRollout.Decide(Rollout.None, start).Events.Aggregate(Rollout.None, Rollout.Evolve);
    }

    private static Rollout After(Rollout rollout, WaveCounts counts, DateTimeOffset now) =>
        Rollout.Judge(rollout, counts, now).Events.Aggregate(rollout, Rollout.Evolve);
}
