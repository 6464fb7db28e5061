using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Mobility.Contracts;
using Mobility.Edge;
using Mobility.Edge.Board;
using Mobility.Edge.Wire;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Mqtt;
using Mobility.Tests.Support;

namespace Mobility.Tests.Edge;

/// <summary>The agent against a door that the test plays.</summary>
public sealed class AgentWireTests
{
    private readonly TestClock _clock = new();

    [Fact]
    public async Task A_vehicle_introduces_itself_with_a_will_and_subscribes_to_its_commands_at_every_connection()
    {
        await using var door = new ScriptedDoor();
        await using var vehicle = EdgeVehicle.Start(door.Port, _clock);
        await vehicle.AllAcknowledgedAsync();
        var connect = door.Connects.ShouldHaveSingleItem();
        connect.CleanStart.ShouldBeFalse();
        connect.Properties.Number(PropertyId.SessionExpiry).ShouldBe(86_400u);
        connect.Will.ShouldNotBeNull().Topic.ShouldBe($"status/{vehicle.Agent.Vehicle}");
        JsonSerializer.Deserialize<JsonElement>(connect.Will.Payload).GetProperty("online").GetBoolean().ShouldBeFalse();
        door.Cut();
        await Eventually.TrueAsync(() => Task.FromResult(door.Subscribed.Count == 2), "it subscribed again");
        door.Subscribed.ShouldAllBe(filter => filter == $"commands/{vehicle.Agent.Vehicle}");
        door.Of("status/").ShouldContain(status => status.GetProperty("online").GetBoolean());
    }

    [Fact, Trait("Req", "FLT-5")]
    public async Task What_happened_without_a_door_is_told_in_the_order_of_its_time_when_there_is_one()
    {
        int port;
        await using (var away = new ScriptedDoor())
            port = away.Port;
        await using var vehicle = EdgeVehicle.Start(port, _clock);
        for (var minute = 1; minute <= 5; minute++)
        {
            _clock.Advance(TimeSpan.FromMinutes(1));
            vehicle.Board.MoveTo(new GeoPoint(50 + minute * 1e-4, 10), 3);
            var (expected, agent) = (minute, vehicle.Agent);
            await Eventually.TrueAsync(() => Task.FromResult(agent.Counts.ReportsWaiting >= expected), "a report waits");
        }
        // The receiver corrects the clock: what is measured now happened before what waits already.
        _clock.Advance(TimeSpan.FromMinutes(-3));
        var before = vehicle.Agent.Counts.ReportsWaiting;
        await Eventually.TrueAsync(() => Task.FromResult(vehicle.Agent.Counts.ReportsWaiting > before), "another report waits");
        _clock.Advance(TimeSpan.FromMinutes(3));
        await vehicle.CrashAndRestartAsync();
        await using var door = new ScriptedDoor(port);
        await vehicle.AllAcknowledgedAsync();
        var waited = door.Of("telemetry/").Take(before + 1).ToList();
        waited.Select(report => report.GetProperty("at").GetDateTimeOffset()).ShouldBeInOrder();
        waited.Select(report => report.GetProperty("sequence").GetInt64()).Distinct().Count().ShouldBe(before + 1);
        vehicle.Agent.Counts.DroppedFull.ShouldBe(0);
    }

    [Fact, Trait("Req", "FLT-5")]
    public async Task What_was_not_acknowledged_comes_again_word_for_word()
    {
        await using var door = new ScriptedDoor { Acknowledges = false, KeepsSession = true };
        await using var vehicle = EdgeVehicle.Start(door.Port, _clock);
        await Eventually.TrueAsync(() => Task.FromResult(door.Of("telemetry/").Count >= 2), "two reports came");
        door.Acknowledges = true;
        door.Cut();
        await vehicle.AllAcknowledgedAsync();
        var first = door.Heard.First(h => h.Topic.StartsWith("telemetry/", StringComparison.Ordinal));
        var again = door.Heard.First(h => h.Duplicate);
        again.PacketId.ShouldBe(first.PacketId); // the session was kept, so the standard wants the same number
        again.Payload.GetRawText().ShouldBe(first.Payload.GetRawText());
        // After a crash the number is forgotten, the message is not.
        door.Acknowledges = false;
        var heard = door.Heard.Count;
        await Eventually.TrueAsync(() => Task.FromResult(door.Heard.Count > heard), "another report came");
        var last = door.Heard.ElementAt(heard).Payload;
        door.KeepsSession = false;
        await vehicle.CrashAndRestartAsync();
        door.Acknowledges = true;
        await Eventually.TrueAsync(() => Task.FromResult(door.Of("telemetry/").Count(report => report.GetRawText() == last.GetRawText()) >= 2), "the report came again");
    }

    [Fact]
    public async Task A_command_is_obeyed_once_acknowledged_always_and_never_after_its_deadline()
    {
        await using var door = new ScriptedDoor();
        await using var vehicle = EdgeVehicle.Start(door.Port, _clock);
        await vehicle.AllAcknowledgedAsync();
        var (late, good) = (Command("unlock", TimeSpan.FromSeconds(-1)), Command("unlock", TimeSpan.FromSeconds(30)));
        await door.SendCommandAsync($"{vehicle.Agent.Vehicle}", late.Json, 1);
        await Eventually.TrueAsync(() => Task.FromResult(door.AcknowledgedCommands.Count == 1), "the late command is acknowledged");
        vehicle.Board.Read().IsLocked.ShouldBeTrue();
        await door.SendCommandAsync($"{vehicle.Agent.Vehicle}", good.Json, 2);
        await Eventually.TrueAsync(() => Task.FromResult(door.AcknowledgedCommands.Count == 2), "the good command is acknowledged");
        vehicle.Board.Read().IsLocked.ShouldBeFalse();
        vehicle.Board.TrySetLock(true);
        await door.SendCommandAsync($"{vehicle.Agent.Vehicle}", good.Json, 3);
        await Eventually.TrueAsync(() => Task.FromResult(door.AcknowledgedCommands.Count == 3), "the repetition is acknowledged");
        await vehicle.CrashAndRestartAsync();
        await vehicle.AllAcknowledgedAsync();
        await door.SendCommandAsync($"{vehicle.Agent.Vehicle}", good.Json, 4);
        await Eventually.TrueAsync(() => Task.FromResult(door.AcknowledgedCommands.Count == 4), "the repetition after a restart is acknowledged");
        vehicle.Board.Read().IsLocked.ShouldBeTrue();
        await vehicle.AllAcknowledgedAsync();
        var events = door.Of("events/");
        events.Select(e => e.GetProperty("kind").GetString()).ShouldBe(["command_refused", "unlocked"]);
        door.AcknowledgedBeforeEvent.ShouldBe([1, 2]); // PUBACK, then the event
        events[0].GetProperty("reason").GetString().ShouldBe("expired");
        events[1].GetProperty("command").GetString().ShouldBe(good.Id);
        events[1].GetProperty("odometerMeters").GetInt64().ShouldBe(1_000);
    }

    [Fact]
    public async Task A_vehicle_under_way_does_not_lock()
    {
        await using var door = new ScriptedDoor();
        await using var vehicle = EdgeVehicle.Start(door.Port, _clock, isLocked: false);
        vehicle.Board.MoveTo(new GeoPoint(50.0001, 10), 4);
        await vehicle.AllAcknowledgedAsync();
        await door.SendCommandAsync($"{vehicle.Agent.Vehicle}", Command("lock", TimeSpan.FromSeconds(30)).Json, 1);
        await Eventually.TrueAsync(() => Task.FromResult(door.Of("events/").Count == 1), "the vehicle answers");
        door.Of("events/")[0].GetProperty("reason").GetString().ShouldBe("moving");
        vehicle.Board.Read().IsLocked.ShouldBeFalse();
    }

    [Fact]
    public async Task Hundreds_of_vehicles_share_one_process_without_threads_of_their_own()
    {
        const int Count = 300;
        await using var door = new ScriptedDoor();
        var threads = ThreadPool.ThreadCount;
        var folder = Directory.CreateTempSubdirectory("mobility-edge-many-").FullName;
        using var stopping = new CancellationTokenSource();
        var log = NullLogger.Instance;
        var clockwork = new AgentClockwork(_clock, log);
        var agents = Enumerable.Range(0, Count).Select(i => new VehicleAgent(
            new AgentSettings
            {
                Vehicle = Id.Named<VehicleId>("edge-many", $"{i}"),
                Door = new DoorAddress("127.0.0.1", door.Port) { Secret = "s" },
                DataFolder = Path.Combine(folder, $"{i}"),
            },
            new SimulatedBoard(new BoardReading { Position = new GeoPoint(50, 10), IsLocked = true }), _clock, new Random(i), log)).ToList();
        agents.ForEach(clockwork.Add);
        var beating = clockwork.RunAsync(stopping.Token);
        await Eventually.TrueAsync(() => Task.FromResult(agents.All(agent => agent.Link == LinkState.Connected)), "all are connected");
        await Eventually.TrueAsync(() => Task.FromResult(door.Of("telemetry/").Count >= 3 * Count), "all reported");
        (ThreadPool.ThreadCount - threads).ShouldBeLessThan(Count / 4);
        await stopping.CancelAsync();
        await beating;
        foreach (var agent in agents)
            await agent.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Fact, Trait("Req", "FLT-5")]
    public void Pauses_between_tries_grow_to_a_minute_and_differ()
    {
        Reconnect.After(1, 0).ShouldBe(TimeSpan.FromSeconds(0.5));
        Reconnect.After(1, 1).ShouldBe(TimeSpan.FromSeconds(1));
        Reconnect.After(4, 1).ShouldBe(TimeSpan.FromSeconds(8));
        Reconnect.After(40, 1).ShouldBe(Reconnect.Longest);
        Reconnect.After(40, 0).ShouldBe(Reconnect.Longest / 2);
    }

    private (string Id, string Json) Command(string kind, TimeSpan left)
    {
        var (id, now) = (Id.New<VehicleCommandId>(TimeProvider.System).ToString(), _clock.GetUtcNow());
        return (id, $$"""{"id":"{{id}}","kind":"{{kind}}","requestedAt":"{{now:O}}","deadline":"{{now + left:O}}"}""");
    }
}
