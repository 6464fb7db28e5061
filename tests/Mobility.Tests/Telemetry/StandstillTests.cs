using FsCheck;
using FsCheck.Fluent;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Events;
using Mobility.Platform.Http;
using Mobility.Platform.Mqtt;
using Mobility.Telemetry;
using Mobility.Telemetry.Alerts;
using Mobility.Tests.Support;

namespace Mobility.Tests.Telemetry;

/// <summary>When a vehicle stands, by its reports, and how Fleet hears of it.</summary>
public sealed class StandstillTests(MqttFixture platform) : IClassFixture<MqttFixture>
{
    private static readonly DateTimeOffset Begin = new(2026, 6, 1, 8, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(2);

    [Fact, Trait("Req", "INC-3")]
    public void A_red_light_is_no_standstill_and_a_locked_vehicle_stands_at_once()
    {
        StandstillRule.Next(null, null, Begin, 0, true, Long).ShouldBe((Begin, true));
        StandstillRule.Next(null, null, Begin, null, true, Long).ShouldBe((Begin, true));
        StandstillRule.Next(null, null, Begin, 3, true, Long).ShouldBe((null, false), "it is locked and rolls: somebody tows it");
        StandstillRule.Next(null, null, Begin, null, false, Long).ShouldBe((null, false), "nothing says that it stands");
        StandstillRule.Next(Begin.AddSeconds(-5), Begin.AddSeconds(-90), Begin, 0.4, false, Long).ShouldBe((Begin.AddSeconds(-90), false));
        StandstillRule.Next(Begin.AddSeconds(-5), Begin.AddSeconds(-120), Begin, 0.4, false, Long).ShouldBe((Begin.AddSeconds(-120), true));
        StandstillRule.Next(Begin.AddSeconds(-61), Begin.AddSeconds(-300), Begin, 0, false, Long).ShouldBe((Begin, false), "it may have been anywhere meanwhile");
    }

    private static readonly Arbitrary<(int SecondsLater, int Speed)[]> Drives = (
        from later in Gen.Choose(1, 90)
        from speed in Gen.Frequency((3, Gen.Constant(0)), (1, Gen.Choose(1, 20)))
        select (later, speed)).ArrayOf(40).ToArbitrary();

    [Fact, Trait("Req", "INC-3")]
    public void An_open_vehicle_stands_only_if_all_reports_of_that_time_say_so() => Prop.ForAll(Drives, drive =>
    {
        var (at, since, before) = (Begin, (DateTimeOffset?)null, (DateTimeOffset?)null);
        var said = new List<(DateTimeOffset At, int Speed)>();
        foreach (var (later, speed) in drive)
        {
            at += TimeSpan.FromSeconds(later);
            said.Add((at, speed));
            (since, var isEnough) = StandstillRule.Next(before, since, at, speed, false, Long);
            before = at;
            if (!isEnough)
                continue;
            var recent = said.Where(report => report.At >= at - Long).ToList();
            recent.ShouldAllBe(report => report.Speed == 0);
            recent.Zip(recent.Skip(1)).ShouldAllBe(pair => pair.Second.At - pair.First.At <= StandstillRule.RecentWithin);
        }
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(1_000));

    [Fact, Trait("Req", "INC-3")]
    public async Task A_standstill_is_told_once_by_the_newest_report_and_never_by_an_old_one()
    {
        var credentials = await platform.NewVehicleAsync();
        var vehicle = credentials.Id;
        await using var wire = await platform.ConnectAsync(credentials);
        await WantAsync(vehicle, TimeSpan.FromHours(1));
        await SayAsync(wire, vehicle, platform.Report(1, ago: TimeSpan.FromMinutes(30), more: ""","locked":true,"speedMetersPerSecond":0"""));
        await SayAsync(wire, vehicle, platform.Report(2, more: ""","locked":false,"speedMetersPerSecond":7"""));
        await Eventually.TrueAsync(async () => await platform.ScalarAsync<bool?>($"SELECT looked_at IS NOT NULL FROM telemetry.standstills_awaited WHERE vehicle = '{vehicle.Value}'") is true,
            "the report is looked at");
        (await ToldAsync(vehicle)).ShouldBe(0);
        platform.Clock.Advance(TimeSpan.FromSeconds(5));
        await SayAsync(wire, vehicle, platform.Report(3, more: ""","locked":true,"speedMetersPerSecond":0.2"""));
        await Eventually.TrueAsync(async () => await ToldAsync(vehicle) == 1, "the standstill is told");
        platform.Clock.Advance(TimeSpan.FromSeconds(5));
        await SayAsync(wire, vehicle, platform.Report(4, more: ""","locked":true,"speedMetersPerSecond":0"""));
        await WantAsync(vehicle, TimeSpan.FromSeconds(2));
        await Eventually.TrueAsync(async () => await ToldAsync(vehicle) == 2, "who waits anew is told anew, by the report that is there");
        await WantAsync(vehicle, TimeSpan.FromSeconds(1));
        platform.Clock.Advance(TimeSpan.FromMinutes(2));
        await Eventually.TrueAsync(
            async () => await platform.ScalarAsync<long>($"SELECT count(*) FROM telemetry.standstills_awaited WHERE vehicle = '{vehicle.Value}'") == 0, "nobody waits any more");
        (await ToldAsync(vehicle)).ShouldBeLessThanOrEqualTo(3);
    }

    [Theory]
    [InlineData("command_done", "", "incomplete")]
    [InlineData("command_refused", ""","command":"cmd_01m81p27hhfmzseycq0kr7jjq6","reason":"No!" """, "reason_out_of_range")]
    [InlineData("twin_reported", "", "incomplete")]
    [InlineData("twin_reported", ""","disabled":false,"speedLimitKph":0""", "twin_out_of_range")]
    [InlineData("twin_reported", ""","disabled":false,"firmwareVersion":-1""", "twin_out_of_range")]
    public async Task Answers_and_twins_that_break_the_rules_are_in_quarantine(string kind, string more, string reason)
    {
        var credentials = await platform.NewVehicleAsync();
        await using var wire = await platform.ConnectAsync(credentials);
        var payload = $$"""{"sequence":1,"at":"{{platform.Clock.GetUtcNow():O}}","kind":"{{kind}}"{{more}}}""";
        (await wire.SayAsync($"events/{credentials.Id}", payload)).Reason.ShouldBe(ReasonCode.Success);
        (await platform.QuarantineCountAsync(credentials.Id, reason)).ShouldBe(1);
    }

    private async Task WantAsync(VehicleId vehicle, TimeSpan within)
    {
        var work = platform.Services.GetRequiredService<CommandRunner<TelemetryModule>>().NewWork("test");
        work.Publish(vehicle.Value, new StandstillWantedV1(vehicle, Id.New<VehicleCommandId>(platform.Clock), Long, platform.Clock.GetUtcNow() + within));
        (await work.CommitAsync(CancellationToken.None)).Outcome.ShouldBe(CommitOutcome.Committed);
        await platform.SettleAsync();
    }

    private static async Task SayAsync(MqttTestClient wire, VehicleId vehicle, string report) =>
        (await wire.SayAsync($"telemetry/{vehicle}", report)).Reason.ShouldBe(ReasonCode.Success);

    private Task<long> ToldAsync(VehicleId vehicle) =>
        platform.ScalarAsync<long>($"SELECT count(*) FROM bus.messages WHERE type = 'telemetry.vehicle_stands.v1' AND key = '{vehicle.Value}'");
}
