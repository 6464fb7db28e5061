using Mobility.Contracts;
using Mobility.Host;
using Mobility.Host.Commands;
using Mobility.Host.Packs;
using Mobility.Platform.Modules;
using Mobility.Tests.Support;
using Mobility.Tests.Twin;
using Mobility.Twin.Living;
using Mobility.Twin.Stage;

namespace Mobility.Tests.Living;

/// <summary>Some hours of the demo city through a whole platform: real HTTP, real MQTT, real PostgreSQL, injected time.</summary>
public sealed class LivingCityTests
{
    private static readonly DateTimeOffset Midnight = new(2026, 6, 7, 22, 0, 0, TimeSpan.Zero); // of a Monday in the demo city
    private static readonly CityRunSettings Small = new() { Riders = 400, Vehicles = 40 };

    [Fact]
    public async Task People_ride_pay_or_walk_away_and_the_same_seed_lives_the_same_morning()
    {
        var first = await LiveAsync(Small, fromHour: 7, untilHour: 8.5);
        var counts = first.Counts;
        counts.GetValueOrDefault("let_down").ShouldBe(0, Say(first));
        counts["rides"].ShouldBeGreaterThan(10);
        counts["unmet"].ShouldBeGreaterThan(0);
        counts["wishes"].ShouldBe(counts["rides"] + counts["unmet"]);
        counts["captured_minor"].ShouldBeGreaterThan(counts["rides"] * 100);
        first.Unacknowledged.ShouldBe(0);
        counts.Keys.ShouldNotContain(count => count.StartsWith("crew_refused", StringComparison.Ordinal), Say(first));
        var second = await LiveAsync(Small, fromHour: 7, untilHour: 8.5);
        second.Counts.ShouldBe(counts, Say(second));
    }

    [Theory]
    [InlineData("gps,clocks,batteries,theft", 2.9, 8.2, 1_000, "rides.with.gps", "rides.with.clocks", "stranded", "stolen")]
    [InlineData("telemetry,dead-zones,clocks", 16.5, 17.5, 1_000, "rides.with.telemetry", "rides.with.clocks", "reports_in_dead_zones")]
    [InlineData("locks", 8.8, 10, 1_000, "let_down.riding: phase.released", "let_down.riding: phase.unlocking")]
    [InlineData("payments-down,payments-slow", 10.8, 12.3, 300, "paid_late")]
    [InlineData("storm,stadium", 14.5, 22.5, 400)]
    public async Task Whatever_goes_wrong_the_laws_hold_and_nobody_pays_for_it(string faults, double fromHour, double untilHour, int riders, params string[] met)
    {
        FaultWords.TryParse(faults, out var chosen).ShouldBeTrue();
        var walkedAway = new List<UnmetWish>();
        var result = await LiveAsync(Small with { Faults = chosen, Riders = riders, Vehicles = 150, WalkedAway = walkedAway.Add }, fromHour, untilHour);
        result.Counts["rides"].ShouldBeGreaterThan(0, Say(result));
        foreach (var count in met)
            result.Counts.GetValueOrDefault(count).ShouldBeGreaterThan(0, $"{count} met nobody\n{Say(result)}");
        walkedAway.Count.ShouldBe((int)result.Counts.GetValueOrDefault("unmet"));
        result.Counts.GetValueOrDefault("charged_for_our_fault_minor").ShouldBe(0, Say(result));
        result.Unacknowledged.ShouldBe(0);
    }

    [Fact]
    public async Task A_platform_that_is_killed_in_the_middle_loses_nothing_that_it_acknowledged()
    {
        var whole = CityPackReader.Read(Path.Combine(Repository.Root, "packs", "demo")).Pack!;
        var settings = Small with { Faults = Fault.Crash };
        var pack = whole with { Fleet = CityRun.Sample(whole.Fleet, settings.Vehicles) };
        var connectionString = await TestPostgres.CreateDatabaseAsync(null);
        await using var platform = await PlatformProcess.StartAsync(connectionString, pack, Midnight.AddHours(6.5), new Progress<string>(), CancellationToken.None);
        using var folder = new TemporaryFile([]);
        await using var run = new CityRun(platform.Handle, settings, pack.Staff.First(account => account.Role == StaffRole.OperationsManager), folder.Sibling("vehicles"));
        await run.PrepareAsync(CancellationToken.None);
        var result = await run.RunAsync(Midnight.AddHours(9), new Progress<CityProgress>(), CancellationToken.None);
        result.Counts["crashes"].ShouldBe(2);
        result.Counts.Keys.Where(count => count.StartsWith("let_down.", StringComparison.Ordinal) && count.Contains("client.", StringComparison.Ordinal))
            .ShouldBeEmpty("an app repeats what was not answered");
        result.Problems.Keys.ShouldContain(problem => problem.Contains("client.", StringComparison.Ordinal), "no request was broken off: the kills met nobody");
        result.Counts["rides"].ShouldBeGreaterThan(10, Say(result));
        result.Counts.GetValueOrDefault("charged_for_our_fault_minor").ShouldBe(0, Say(result));
        result.Unacknowledged.ShouldBe(0);
        ViolationsOf(await platform.AuditAsync(new Progress<string>(), CancellationToken.None)).ShouldBeEmpty();
    }

    private static IEnumerable<string> ViolationsOf(IReadOnlyList<AuditResult> audit) =>
        audit.SelectMany(law => law.Violations.Select(violation => $"{law.Name}: {violation}"));

    private static async Task<CityResult> LiveAsync(CityRunSettings settings, double fromHour, double untilHour)
    {
        var whole = CityPackReader.Read(Path.Combine(Repository.Root, "packs", "demo")).Pack!;
        var pack = whole with { Fleet = CityRun.Sample(whole.Fleet, settings.Vehicles) };
        var clock = new TwinClock(Midnight.AddHours(fromHour));
        var connectionString = await TestPostgres.CreateDatabaseAsync(null);
        await using var app = MobilityApp.Create(new MobilityAppOptions { ConnectionString = connectionString, Clock = clock, Settings = ReplaySettings.All });
        await app.MigrateAsync(CancellationToken.None);
        await app.LoadPackAsync(pack, CancellationToken.None);
        await app.StartAsync(CancellationToken.None);
        await using var due = new PlatformDue(app, connectionString, clock);
        using var folder = new TemporaryFile([]);
        var platform = due.HandleOf(pack);
        await using var run = new CityRun(platform, settings, pack.Staff.First(account => account.Role == StaffRole.OperationsManager), folder.Sibling("vehicles"));
        await run.PrepareAsync(CancellationToken.None);
        var result = await run.RunAsync(Midnight.AddHours(untilHour), new Progress<CityProgress>(), CancellationToken.None);
        var audit = await AuditCommand.CheckAsync(app, clock.GetUtcNow(), new Progress<string>(), CancellationToken.None);
        ViolationsOf(audit).ShouldBeEmpty();
        return result;
    }

    private static string Say(CityResult result) => string.Join('\n', result.Counts.Select(count => $"{count.Key} {count.Value}"));
}
