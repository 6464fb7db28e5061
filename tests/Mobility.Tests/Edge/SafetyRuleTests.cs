using Microsoft.Extensions.Logging.Abstractions;
using Mobility.Contracts;
using Mobility.Edge;
using Mobility.Edge.Board;
using Mobility.Edge.Safety;
using Mobility.Edge.Wire;
using Mobility.Geo;
using Mobility.Host.Packs;
using Mobility.Platform;
using Mobility.Tests.Support;

namespace Mobility.Tests.Edge;

/// <summary>The rules on the vehicle, sample by sample.</summary>
public sealed class SafetyRuleTests
{
    private static readonly DateTimeOffset Start = TestClock.Start;

    /// <summary>50 samples a second of a ride at 6 m/s that meets something at sample 50.</summary>
    private static IEnumerable<MotionSample> Ride(double peakG, double wheelAfter, double speedAfter) =>
        Enumerable.Range(0, 100).Select(i => new MotionSample(Start.AddMilliseconds(20 * i), i == 50 ? -peakG : 0, 0, i == 50 ? 0 : 1,
            i < 50 ? 6 : wheelAfter, i < 51 ? 6 : Math.Max(speedAfter, 6 - (i - 50) * 0.8)));

    [Fact, Trait("Req", "FLT-8")]
    public void A_blow_with_slip_and_loss_of_speed_is_one_collision()
    {
        var found = Collisions(Ride(peakG: 6, wheelAfter: 0.2, speedAfter: 0));
        var collision = found.ShouldHaveSingleItem();
        collision.Found.PeakG.ShouldBe(6, 0.01);
        collision.Found.SpeedBefore.ShouldBe(6, 0.01);
        // The rule is true as soon as the speed is lost, here three samples after the blow.
        (collision.At - Start.AddMilliseconds(1_000)).ShouldBeLessThan(TimeSpan.FromMilliseconds(100));
    }

    [Theory, Trait("Req", "FLT-8")]
    [InlineData(3.9, 0.2, 0)] // too weak
    [InlineData(6, 6, 6)] // a pothole: nothing slips, nothing slows down
    [InlineData(6, 0.2, 5)] // a locked wheel for a moment
    public void Less_than_all_three_is_no_collision(double peakG, double wheelAfter, double speedAfter) =>
        Collisions(Ride(peakG, wheelAfter, speedAfter)).ShouldBeEmpty();

    [Fact, Trait("Req", "FLT-8")]
    public void Full_braking_without_slip_is_no_collision() =>
        Collisions(Ride(peakG: 6, wheelAfter: 6, speedAfter: 0).Select(sample => sample with { WheelSpeedMetersPerSecond = sample.SpeedMetersPerSecond })).ShouldBeEmpty();

    [Fact, Trait("Req", "FLT-9")]
    public void A_locked_vehicle_that_is_tilted_shaken_rolled_or_carried_away_raises_an_alarm_within_a_fifth_of_a_second()
    {
        var calm = Enumerable.Range(0, 50).Select(i => new MotionSample(Start.AddMilliseconds(20 * i), 0.2, 0, 0.98, 0, 0)).ToList(); // it leans on its stand
        Tampers(calm).ShouldBeEmpty();
        Check("tilted", new MotionSample(default, 0.9, 0, 0.44, 0, 0));
        Check("shaken", new MotionSample(default, 1.5, 0.8, 1, 0, 0));
        Check("rolled", new MotionSample(default, 0.2, 0, 0.98, 1.2, 0));
        var (state, found) = TamperRule.Next(new TamperState(), Reading(50), Start);
        found.ShouldBeNull();
        TamperRule.Next(state, Reading(50.0003), Start).Found.ShouldBeNull(); // 33 m: a bad fix
        TamperRule.Next(state, Reading(50.001), Start).Found.ShouldNotBeNull().Reason.ShouldBe("carried");
        TamperRule.Next(state, Reading(50.001) with { AccuracyMeters = 80 }, Start).Found.ShouldBeNull();

        void Check(string reason, MotionSample touched)
        {
            var began = Start.AddSeconds(1);
            var alarms = Tampers([.. calm, .. Enumerable.Range(0, 50).Select(i => touched with { At = began.AddMilliseconds(20 * i) })]);
            var alarm = alarms.ShouldHaveSingleItem(reason); // and no second one for a while
            alarm.Found.Reason.ShouldBe(reason);
            (alarm.At - began).ShouldBeLessThan(TimeSpan.FromMilliseconds(200));
        }
    }

    [Fact]
    public void A_passing_truck_is_no_thief() => Tampers(Enumerable.Range(0, 100).Select(i => new MotionSample(
        Start.AddMilliseconds(20 * i), 0.1, 0, i % 10 == 5 ? 1.8 : 1, 0, 0))).ShouldBeEmpty();

    [Fact, Trait("Req", "FLT-9")]
    public void Overspeed_is_told_once_after_two_seconds_well_above_the_limit_and_again_only_after_it_was_kept()
    {
        double[] kph = [19, 21, 21, 21, 23, 23, 23, 23, 23, 21, 23, 19, 23, 23, 23];
        var (state, told) = (default(Overspeed), new List<int>());
        for (var i = 0; i < kph.Length; i++)
        {
            (state, var tell) = state.Next(kph[i] / 3.6, 20, Start.AddSeconds(i));
            if (tell)
                told.Add(i);
        }
        told.ShouldBe([6, 14]);
    }

    [Fact, Trait("Req", "FLT-9"), Trait("Req", "GEO-2")]
    public void The_vehicle_obeys_the_very_zones_that_the_platform_has()
    {
        var folder = Repository.PathOf("packs", "demo");
        var pack = CityPackReader.Read(folder).Pack!;
        var platform = new ZoneMap([.. pack.Zones.Select(zone => new ZoneShape(zone.Id.Value, zone.Area, zone.Rules))], [.. pack.GlobalRules]);
        var carried = ZoneFile.Parse(File.ReadAllBytes(Path.Combine(folder, "zones.geojson")));
        var watch = new FenceWatch(carried, "scooter", 25);
        var random = new Random(11);
        var limits = new HashSet<int>();
        for (var i = 0; i < 20_000; i++)
        {
            var point = new GeoPoint(48.15 + random.NextDouble() * 0.1, 11.42 + random.NextDouble() * 0.16);
            carried.At(point).Select(zone => zone.Id).ShouldBe(platform.At(point).Select(zone => zone.Id));
            var rule = platform.RuleAt(point, "scooter").ShouldNotBeNull();
            var expected = !rule.RideThroughAllowed ? Math.Min(FenceWatch.WalkingKph, rule.MaximumSpeedKph ?? 25) : Math.Min(25, rule.MaximumSpeedKph ?? 25);
            watch.LimitKphAt(point).ShouldBe(expected);
            limits.Add(expected);
        }
        limits.Count.ShouldBeGreaterThan(2); // slow zones, forbidden ones and open streets were all met
    }

    [Fact, Trait("Req", "GEO-2")]
    public void Zones_are_entered_and_left_once_though_the_position_is_unsteady()
    {
        var watch = new FenceWatch(Square(), "scooter", 25);
        var (entered, left) = (new List<string>(), new List<string>());
        var random = new Random(3);
        for (var step = 0; step <= 400; step++)
        {
            // West to east through the square (10.000 to 10.010), 7 m a step, each fix up to 8 m off.
            var crossing = watch.Move(new GeoPoint(50.005 + random.NextDouble() * 1e-4, 9.995 + step * 1e-4 + (random.NextDouble() - 0.5) * 2e-4), 10);
            entered.AddRange(crossing.Entered);
            left.AddRange(crossing.Left);
        }
        entered.ShouldBe(["square"]);
        left.ShouldBe(["square"]);
        watch.LimitKphAt(new GeoPoint(50.005, 10.005)).ShouldBe(10);
        watch.LimitKphAt(new GeoPoint(50.005, 10.02)).ShouldBe(25);
    }

    [Fact, Trait("Req", "FLT-4")]
    public void A_vehicle_reports_five_times_a_second_on_a_trip_and_every_ten_seconds_when_it_is_parked_and_full()
    {
        var parked = new BoardReading { Position = new GeoPoint(50, 10), IsLocked = true, StateOfChargePercent = 81 };
        ReportingRate.Interval(parked, false).ShouldBe(TimeSpan.FromSeconds(10));
        ReportingRate.Interval(parked with { StateOfChargePercent = 80 }, false).ShouldBe(TimeSpan.FromSeconds(1));
        ReportingRate.Interval(parked with { SpeedMetersPerSecond = 2 }, false).ShouldBe(TimeSpan.FromSeconds(1)); // somebody has it on a truck
        ReportingRate.Interval(parked with { IsLocked = false }, false).ShouldBe(TimeSpan.FromSeconds(0.2));
        ReportingRate.Interval(parked with { IsLocked = false }, true).ShouldBe(TimeSpan.FromSeconds(30));
        Enumerable.Range(0, 4).Select(i => ReportingRate.TellsCharge(i, true)).ShouldBe([true, false, true, false]); // the battery every 60 seconds
        Enumerable.Range(0, 4).ShouldAllBe(i => ReportingRate.TellsCharge(i, false));
    }

    [Theory, Trait("Req", "FLT-4")]
    [InlineData(false, 60, 300)]
    [InlineData(true, 60, 60)]
    [InlineData(true, 90, 6)]
    public async Task An_agent_keeps_as_many_reports_of_a_minute_as_the_rate_says(bool isLocked, int charge, int expected)
    {
        var (clock, folder) = (new SteppedClock(), Directory.CreateTempSubdirectory("mobility-rate-").FullName);
        var board = new SimulatedBoard(new BoardReading { Position = new GeoPoint(50, 10), IsLocked = isLocked, StateOfChargePercent = charge });
        var settings = new AgentSettings { Vehicle = Id.New<VehicleId>(clock), Door = new DoorAddress("127.0.0.1", 1) { Secret = "s" }, DataFolder = folder };
        await using (var agent = new VehicleAgent(settings, board, clock, new Random(1), NullLogger.Instance))
        {
            for (; clock.Elapsed < TimeSpan.FromMinutes(1); clock.Step(AgentClockwork.Beat))
                if (agent.DueAt <= clock.GetTimestamp())
                    agent.Tick();
            agent.Counts.ReportsWaiting.ShouldBe(expected);
        }
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"features":[{"id":"a","properties":{},"geometry":{"type":"Point","coordinates":[1,2]}}]}""")]
    [InlineData("""{"features":[{"id":"a","properties":{},"geometry":{"type":"Polygon","coordinates":[[[1,2],[3,4]]]}}]}""")]
    [InlineData("not json")]
    public void A_file_that_holds_no_zones_is_refused_with_a_sentence(string text) =>
        Should.Throw<FormatException>(() => ZoneFile.Parse(System.Text.Encoding.UTF8.GetBytes(text))).Message.ShouldStartWith("The zones cannot be read at");

    internal static ZoneMap Square() => ZoneFile.Parse("""
        {"type":"FeatureCollection","features":[{"type":"Feature","id":"square",
          "properties":{"rules":[{"ride_start_allowed":true,"ride_end_allowed":false,"ride_through_allowed":true,"maximum_speed_kph":10}]},
          "geometry":{"type":"Polygon","coordinates":[[[10,50],[10.01,50],[10.01,50.01],[10,50.01],[10,50]]]}}]}
        """u8.ToArray());

    private sealed class SteppedClock : TimeProvider
    {
        public TimeSpan Elapsed { get; private set; }

        public void Step(TimeSpan by) => Elapsed += by;

        public override DateTimeOffset GetUtcNow() => Start + Elapsed;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Elapsed.Ticks;
    }

    private static BoardReading Reading(double latitude) => new() { Position = new GeoPoint(latitude, 10), IsLocked = true };

    private static List<(DateTimeOffset At, Collision Found)> Collisions(IEnumerable<MotionSample> samples)
    {
        var (state, all) = (CollisionState.Calm, new List<(DateTimeOffset, Collision)>());
        foreach (var sample in samples)
        {
            (state, var found) = CollisionRule.Next(state, sample);
            if (found is not null)
                all.Add((sample.At, found));
        }
        return all;
    }

    private static List<(DateTimeOffset At, Tamper Found)> Tampers(IEnumerable<MotionSample> samples)
    {
        var (state, all) = (new TamperState(), new List<(DateTimeOffset, Tamper)>());
        foreach (var sample in samples)
        {
            (state, var found) = TamperRule.Next(state, sample);
            if (found is not null)
                all.Add((sample.At, found));
        }
        return all;
    }
}
