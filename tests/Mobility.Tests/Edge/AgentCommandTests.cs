using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Tests.Support;

namespace Mobility.Tests.Edge;

/// <summary>What the agent does when the platform tells it more than to unlock and to lock.</summary>
public sealed class AgentCommandTests
{
    private readonly TestClock _clock = new();
    private ushort _packetId;

    [Fact, Trait("Req", "FLT-2")]
    public async Task The_horn_sounds_once_for_each_command_and_never_after_the_deadline()
    {
        await using var door = new ScriptedDoor();
        await using var vehicle = EdgeVehicle.Start(door.Port, _clock);
        await vehicle.AllAcknowledgedAsync();
        var (horn, late) = (Command("horn"), Command("horn", seconds: -1));
        await SayAsync(door, vehicle, horn.Json);
        await SayAsync(door, vehicle, horn.Json);
        await SayAsync(door, vehicle, late.Json);
        await vehicle.CrashAndRestartAsync();
        await vehicle.AllAcknowledgedAsync();
        await SayAsync(door, vehicle, horn.Json);
        await SayAsync(door, vehicle, late.Json);
        await vehicle.AllAcknowledgedAsync();
        vehicle.Board.HornsSounded.ShouldBe(1);
        Answers(door).ShouldBe([("command_done", horn.Id, null), ("command_refused", late.Id, "expired")]);
    }

    [Fact, Trait("Req", "FLT-2")]
    public async Task A_vehicle_that_is_looked_for_says_where_it_is_and_reports_at_once()
    {
        await using var door = new ScriptedDoor();
        await using var vehicle = EdgeVehicle.Start(door.Port, _clock);
        vehicle.Board.Set(reading => reading with { StateOfChargePercent = 95 }); // parked: a report every ten seconds
        await Eventually.TrueAsync(() => Task.FromResult(door.Of("telemetry/").Any(report => report.GetProperty("stateOfChargePercent").GetInt32() == 95)), "it reported");
        await vehicle.AllAcknowledgedAsync();
        vehicle.Board.MoveTo(new GeoPoint(50.0001, 10), 0);
        var command = Command("locate");
        await SayAsync(door, vehicle, command.Json);
        await vehicle.AllAcknowledgedAsync();
        var answer = door.Of("events/").ShouldHaveSingleItem();
        (answer.GetProperty("kind").GetString(), answer.GetProperty("command").GetString()).ShouldBe(("command_done", command.Id));
        answer.GetProperty("position").GetProperty("lat").GetDouble().ShouldBe(50.0001);
        await Eventually.TrueAsync(
            () => Task.FromResult(door.Of("telemetry/").Any(r => r.GetProperty("position").GetProperty("lat").GetDouble() == 50.0001)), "it reports before its time");
    }

    [Fact, Trait("Req", "FLT-2"), Trait("Req", "FLT-9")]
    public async Task A_speed_limit_holds_over_a_restart_until_it_is_lifted_and_tells_who_is_faster()
    {
        await using var door = new ScriptedDoor();
        await using var vehicle = EdgeVehicle.Start(door.Port, _clock, with: settings => settings with { SpeedLimitKph = 25 }, isLocked: false);
        await vehicle.AllAcknowledgedAsync();
        await SayAsync(door, vehicle, Command("speed_limit", more: ""","speedLimitKph":10""").Json);
        await SayAsync(door, vehicle, Command("speed_limit", more: ""","speedLimitKph":131""").Json);
        (vehicle.Board.SpeedLimitKph, vehicle.Agent.SpeedLimitKph).ShouldBe((10, 10));
        await vehicle.CrashAndRestartAsync();
        await vehicle.AllAcknowledgedAsync();
        vehicle.Agent.SpeedLimitKph.ShouldBe(10);
        vehicle.Board.MoveTo(new GeoPoint(50.0001, 10), 4); // 14 km/h
        _clock.Advance(TimeSpan.FromSeconds(3));
        vehicle.Board.MoveTo(new GeoPoint(50.0002, 10), 4);
        await vehicle.AllAcknowledgedAsync();
        var told = door.Of("events/").Single(e => e.GetProperty("kind").GetString() == "overspeed");
        told.GetProperty("limitKph").GetInt32().ShouldBe(10);
        await SayAsync(door, vehicle, Command("speed_limit").Json);
        (vehicle.Board.SpeedLimitKph, vehicle.Agent.SpeedLimitKph).ShouldBe((25, 25));
        await SayAsync(door, vehicle, Command("speed_limit", more: ""","speedLimitKph":100""").Json);
        vehicle.Board.SpeedLimitKph.ShouldBe(25, "no order makes it faster than it is built to be");
        Answers(door).Count(a => a.Kind == "command_done").ShouldBe(3);
        Answers(door).ShouldContain(a => a.Reason == "limit_out_of_range");
    }

    [Fact, Trait("Req", "FLT-2"), Trait("Req", "INC-3")]
    public async Task A_disabled_vehicle_opens_for_nobody_until_it_is_enabled_whatever_happens_to_its_power()
    {
        using var mint = new TokenMint();
        await using var door = new ScriptedDoor();
        await using var vehicle = EdgeVehicle.Start(door.Port, _clock, with: settings => settings with { UnlockKeys = mint.Keys });
        await vehicle.AllAcknowledgedAsync();
        door.Twins.ShouldHaveSingleItem().GetProperty("disabled").GetBoolean().ShouldBeFalse();
        var (first, disable, unlock, enable) = (Command("disable"), Command("disable"), Command("unlock"), Command("enable"));
        vehicle.Board.Set(reading => reading with { SpeedMetersPerSecond = 4 });
        await SayAsync(door, vehicle, first.Json);
        vehicle.Board.IsDriveEnabled.ShouldBeTrue("a motor that stops under way harms");
        vehicle.Board.Set(reading => reading with { SpeedMetersPerSecond = 0 });
        await SayAsync(door, vehicle, disable.Json);
        vehicle.Board.IsDriveEnabled.ShouldBeFalse();
        var token = mint.Token(vehicle.Agent.Vehicle, _clock.GetUtcNow());
        (await vehicle.Agent.OpenAsync(token)).ShouldBe("refused vehicle_disabled");
        vehicle.Board.TrySetDrive(true); // the board lost its power too
        await vehicle.CrashAndRestartAsync();
        await vehicle.AllAcknowledgedAsync();
        vehicle.Board.IsDriveEnabled.ShouldBeFalse();
        door.Twins.Last().GetProperty("disabled").GetBoolean().ShouldBeTrue();
        await SayAsync(door, vehicle, unlock.Json);
        (await vehicle.Agent.OpenAsync(token)).ShouldBe("refused vehicle_disabled");
        vehicle.Board.Read().IsLocked.ShouldBeTrue();
        await SayAsync(door, vehicle, enable.Json);
        vehicle.Board.IsDriveEnabled.ShouldBeTrue();
        (await vehicle.Agent.OpenAsync(token)).ShouldBe("opened", "the token was not used up");
        Answers(door).ShouldBe([("command_refused", first.Id, "moving"), ("command_done", disable.Id, null), ("command_refused", unlock.Id, "vehicle_disabled"),
            ("command_done", enable.Id, null)]);
    }

    [Fact, Trait("Req", "FLT-2")]
    public async Task A_vehicle_says_how_it_is_each_time_it_comes_back()
    {
        await using var door = new ScriptedDoor();
        await using var vehicle = EdgeVehicle.Start(door.Port, _clock);
        await vehicle.AllAcknowledgedAsync();
        await SayAsync(door, vehicle, Command("speed_limit", more: ""","speedLimitKph":8""").Json);
        door.Cut();
        await Eventually.TrueAsync(() => Task.FromResult(door.Twins.Count == 2), "it is back and says so");
        var (first, second) = (door.Twins.First(), door.Twins.Last());
        first.TryGetProperty("speedLimitKph", out _).ShouldBeFalse();
        second.GetProperty("speedLimitKph").GetInt32().ShouldBe(8);
        second.GetProperty("agentVersion").GetString().ShouldNotBeNullOrEmpty();
        second.GetProperty("firmwareVersion").GetInt64().ShouldBe(0);
    }

    private static IReadOnlyList<(string Kind, string Command, string? Reason)> Answers(ScriptedDoor door) =>
        [.. door.Of("events/").Where(e => e.TryGetProperty("command", out _)).Select(e => (e.GetProperty("kind").GetString()!, e.GetProperty("command").GetString()!,
            e.TryGetProperty("reason", out var reason) ? reason.GetString() : null))];

    /// <summary>Sends it and waits for PUBACK: then what the vehicle made of it is done.</summary>
    private async Task SayAsync(ScriptedDoor door, EdgeVehicle vehicle, string json)
    {
        var expected = door.AcknowledgedCommands.Count + 1;
        await door.SendCommandAsync($"{vehicle.Agent.Vehicle}", json, ++_packetId);
        await Eventually.TrueAsync(() => Task.FromResult(door.AcknowledgedCommands.Count == expected), "the command is acknowledged");
        await vehicle.AllAcknowledgedAsync();
    }

    private (string Id, string Json) Command(string kind, int seconds = 30, string more = "")
    {
        var (id, now) = (Id.New<VehicleCommandId>(TimeProvider.System).ToString(), _clock.GetUtcNow());
        return (id, $$"""{"id":"{{id}}","kind":"{{kind}}","requestedAt":"{{now:O}}","deadline":"{{now.AddSeconds(seconds):O}}"{{more}}}""");
    }
}
