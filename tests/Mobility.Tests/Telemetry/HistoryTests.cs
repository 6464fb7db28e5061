using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Telemetry.Ingest;
using Mobility.Tests.Support;

namespace Mobility.Tests.Telemetry;

/// <summary>History by days, and what the rules say without a database.</summary>
public sealed class HistoryTests(MqttFixture platform) : IClassFixture<MqttFixture>
{
    [Fact]
    public async Task Days_are_dropped_whole_and_the_last_known_state_stays()
    {
        var vehicle = await platform.NewVehicleAsync();
        await using var client = await platform.ConnectAsync(vehicle);
        await client.SayAsync($"telemetry/{vehicle.Id}", platform.Report(1, ago: TimeSpan.FromHours(23)));
        await client.SayAsync($"telemetry/{vehicle.Id}", platform.Report(2));
        var partitions = platform.Services.GetRequiredService<HistoryPartitions>();
        var today = HistoryPartitions.DayOf(platform.Clock.GetUtcNow());
        await partitions.DropBeforeAsync(today.AddDays(1), CancellationToken.None);
        (await platform.HistoryCountAsync(vehicle.Id)).ShouldBe(0);
        (await platform.ScalarAsync<long>($"SELECT sequence FROM telemetry.last_reports WHERE vehicle = '{vehicle.Id.Value}'")).ShouldBe(2);
        await client.SayAsync($"telemetry/{vehicle.Id}", platform.Report(3)); // the day's table is made again
        (await platform.HistoryCountAsync(vehicle.Id)).ShouldBe(1);
    }

    [Fact]
    public void The_examples_of_the_schema_are_read_and_what_it_does_not_allow_is_not()
    {
        var vehicle = Id.Named<VehicleId>("history-tests", "1");
        ReportPayload.Read("""{"sequence":1,"at":"2026-06-01T08:00:00.1234567+02:00","position":{"lat":48,"lon":11},"unknown":{"a":[1]}}"""u8, vehicle, TestClock.Start)!
            .At.ShouldBe(new DateTimeOffset(2026, 6, 1, 6, 0, 0, TimeSpan.Zero).AddTicks(1_234_560));
        foreach (var bad in new[]
        {
            "", "null", "[]", "{}", """{"sequence":1.5,"at":"2026-06-01T08:00:00Z","position":{"lat":48,"lon":11}}""",
            """{"sequence":1,"at":"yesterday","position":{"lat":48,"lon":11}}""", """{"sequence":1,"at":"2026-06-01T08:00:00Z","position":{"lat":91,"lon":11}}""",
            """{"sequence":99999999999999999999,"at":"2026-06-01T08:00:00Z","position":{"lat":48,"lon":11}}""",
            """{"sequence":1,"at":"2026-06-01T08:00:00Z","position":null}""", new string('[', 10_000),
        })
            ReportPayload.Read(System.Text.Encoding.UTF8.GetBytes(bad), vehicle, TestClock.Start).ShouldBeNull(bad.Length > 100 ? "deep" : bad);
    }
}
