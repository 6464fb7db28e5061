using Mobility.Host;
using Mobility.Host.Commands;
using Mobility.Platform.Modules;
using Mobility.Tests.Support;
using Mobility.Twin.Replaying;
using Mobility.Twin.Stage;
using Mobility.Twin.Trips;

namespace Mobility.Tests.Twin;

/// <summary>A few trips through a whole platform: real HTTP, real PostgreSQL, injected time.</summary>
public sealed class ReplayTests
{
    private const string Busy = "40.7216"; // three places a kilometer apart from each other
    private const string Quiet = "40.7306";
    private const string Remote = "40.7400";

    private static readonly string[] Lines =
    [
        Tables.OldHeader,
        Tables.Old("2021-01-15 08:00:00.5100", "2021-01-15 08:10:00.7770", "600"),
        Tables.Old("2021-01-15 08:02:00", "2021-01-15 08:02:08", "8", endLatitude: Busy, endLongitude: "-74.0428"), // 8 seconds, over before it is settled
        Tables.Old("2021-01-15 08:03:00", "2021-01-15 08:33:00", "1800", startLatitude: Quiet, startId: "1"),
        Tables.Old("2021-01-15 08:04:00", "2021-01-15 08:34:00", "1800", startLatitude: Quiet, startId: "1"),
        Tables.Old("2021-01-15 08:04:01", "2021-01-15 08:34:00", "1799", startLatitude: Remote, startId: "1"), // the same name elsewhere: no bike is there
        Tables.Old("2021-01-15 12:00:00", "2021-01-16 03:00:00", "54000"), // longer than the platform lets anybody ride
    ];

    [Fact]
    public async Task Every_trip_is_lived_to_its_settlement_and_the_same_file_gives_the_same_summary()
    {
        var first = await LiveAsync();
        first.Failed.ShouldBe(0, string.Join('\n', first.Listed.Select(failed => failed.Detail)));
        first.Completed.ShouldBe(6);
        first.EndedByPlatform.ShouldBe(1);
        first.Relocations.ShouldBe(1);

        // 11 and three times 30 begun minutes at 15, and 100 for each unlock; at least 130 for the short one; 2,000 of riding at most for the long one.
        first.CapturedMinor.ShouldBe(100 + 11 * 15 + 130 + 3 * (100 + 30 * 15) + 100 + 2_000);
        // At its begin, at its lock's two moves and twice a minute between: a bike tells where it is.
        first.TelemetryMessages.ShouldBeGreaterThan(2 * (10 + 30 + 30 + 30 + 12 * 60) - 60);
        var second = await LiveAsync();
        second.Failed.ShouldBe(0, string.Join('\n', second.Listed.Select(failed => failed.Detail)));
        (second.Completed, second.Failed, second.Relocations, second.Swaps, second.CapturedMinor, second.Riders, second.Bikes, second.TelemetryMessages)
            .ShouldBe((first.Completed, first.Failed, first.Relocations, first.Swaps, first.CapturedMinor, first.Riders, first.Bikes, first.TelemetryMessages));
    }

    [Fact]
    public async Task A_replay_that_is_interrupted_twice_comes_to_the_same_summary()
    {
        var whole = await LiveAsync();
        var parts = await LiveAsync(Tables.At("08:04:01"), Tables.At("12:00:00")); // with four rides under way, and with the long one
        parts.Failed.ShouldBe(0, string.Join('\n', parts.Listed.Select(failed => failed.Detail)));
        (parts.Completed, parts.EndedByPlatform, parts.Relocations, parts.Swaps, parts.CapturedMinor, parts.Riders, parts.Bikes, parts.Searches, parts.Simulated)
            .ShouldBe((whole.Completed, whole.EndedByPlatform, whole.Relocations, whole.Swaps, whole.CapturedMinor, whole.Riders, whole.Bikes, whole.Searches, whole.Simulated));
        parts.Hours.ShouldBe(whole.Hours);
        parts.FinishedBefore.ShouldBe(5);
        parts.TelemetryMessages.ShouldBe(whole.TelemetryMessages + 2 * whole.Bikes); // each bike that is switched on again says where it is
        parts.Latencies.Single(step => step.Step == "reserve").Count.ShouldBe(6);
    }

    [Fact]
    public async Task Which_bike_a_rider_takes_depends_on_the_file_alone_also_where_others_come_back_at_that_very_second()
    {
        string[] places = [Busy, Quiet, Remote];
        string[] lines =
        [
            Tables.OldHeader,
            .. Enumerable.Range(0, 90).Select(minute => Tables.Old(
                $"2021-01-15 {8 + minute / 60:00}:{minute % 60:00}:00", $"2021-01-15 {8 + (minute + 4) / 60:00}:{(minute + 4) % 60:00}:00", "240",
                startLatitude: places[minute % 3], startId: $"{minute % 3}", endLatitude: places[(minute + 1) % 3], endLongitude: "-74.0428")),
        ];
        var (first, bikes) = await LiveAsync(lines);
        (first.Completed, first.Failed).ShouldBe((90, 0));
        var (_, again) = await LiveAsync(lines);
        again.ShouldBe(bikes);
    }

    private static async Task<ReplayResult> LiveAsync(params DateTimeOffset[] stops) => (await LiveAsync(Lines, stops)).Result;

    /// <summary>To the end, in as many runs as there are stops and one more; each has a platform of its own on the same database.</summary>
    private static async Task<(ReplayResult Result, IReadOnlyList<KeptVehicle> Bikes)> LiveAsync(string[] lines, params DateTimeOffset[] stops)
    {
        using var file = new TemporaryFile(Tables.Text(lines));
        using var spool = new TripSpool(file.Sibling("spool"));
        var survey = TripSurvey.Take([file.Path], null, Tables.NewYork, spool, new Progress<long>(), CancellationToken.None);
        var plan = new ReplayPlan { Survey = survey, CrewPassword = ReplayRun.NewCrewPassword(), BikesFolder = file.Sibling("bikes"), Key = "test" };
        var connectionString = await TestPostgres.CreateDatabaseAsync(null);
        foreach (var stop in stops)
        {
            var (result, state) = await LiveAsync(plan, spool, connectionString, stop);
            result.IsOver.ShouldBeFalse();
            state.At.ShouldBe(stop);
            state.Write(file.Sibling("state"));
            plan = plan with { State = ReplayState.Read(file.Sibling("state"), plan.Key) };
        }
        var (whole, left) = await LiveAsync(plan, spool, connectionString, DateTimeOffset.MaxValue);
        whole.IsOver.ShouldBeTrue();
        return (whole, left.Crew.Bikes);
    }

    private static async Task<(ReplayResult Result, ReplayState State)> LiveAsync(ReplayPlan plan, TripSpool spool, string connectionString, DateTimeOffset stop)
    {
        var city = ReplayCity.Build(plan.Survey, plan.CrewPassword);
        var clock = new TwinClock(plan.State?.At ?? plan.Survey.FirstStart.AddHours(-1));
        await using var app = MobilityApp.Create(new MobilityAppOptions { ConnectionString = connectionString, Clock = clock, Settings = ReplaySettings.All });
        await app.MigrateAsync(CancellationToken.None);
        await app.LoadPackAsync(city, CancellationToken.None);
        await app.StartAsync(CancellationToken.None);
        await using var due = new PlatformDue(app, connectionString, clock);
        var platform = due.HandleOf(city);
        using var stopping = new CancellationTokenSource();
        await using var run = new ReplayRun(platform, plan);
        await run.PrepareAsync(CancellationToken.None);
        var progress = new Told<ReplayProgress>(now =>
        {
            if (now.At >= stop)
                stopping.Cancel();
        });
        var result = await run.RunAsync(spool.Read(), progress, stopping.Token, CancellationToken.None);
        var broken = new List<string>();
        await foreach (var law in Auditor.RunAsync(app.Modules, app.Web.Services, clock.GetUtcNow(), CancellationToken.None))
            broken.AddRange(law.Violations.Select(violation => $"{law.Name}: {violation}"));
        broken.ShouldBeEmpty();
        return (result, run.ToState());
    }
}
