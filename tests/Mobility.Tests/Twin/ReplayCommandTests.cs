using System.Text.Json;
using Mobility.Host.Commands;
using Mobility.Platform.Postgres;
using Mobility.Tests.Support;
using Mobility.Twin.Replaying;

namespace Mobility.Tests.Twin;

/// <summary>The program itself, with a user's state folder of the test's own.</summary>
public sealed class ReplayCommandTests : IAsyncLifetime, IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private readonly TemporaryFile _file = new(Tables.Text(
        Tables.OldHeader,
        Tables.Old("2021-01-15 08:00:00", "2021-01-15 08:01:00", "60"),
        Tables.Old("2021-01-15 08:01:00", "2021-01-15 08:31:00", "1800"),
        Tables.Old("2021-01-15 08:50:00", "2021-01-15 09:00:00", "600")));

    private string Replays => _file.Sibling("state/mobility/replays");

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (var folder in Directory.Exists(Replays) ? Directory.GetDirectories(Replays) : [])
            await PrivatePostgres.DeleteAsync(folder, CancellationToken.None);
    }

    public void Dispose() => _file.Dispose();

    [Theory]
    [InlineData("jersey-city", true)]
    [InlineData("2", true)]
    [InlineData("Jersey", false)]
    [InlineData("a city", false)]
    [InlineData("under_score", false)]
    [InlineData("dot.ted", false)]
    [InlineData("-dash", false)]
    [InlineData("", false)]
    public void A_city_s_name_is_lower_case_letters_digits_and_dashes(string name, bool isOne) => (ReplayCity.ParseId(name) is not null).ShouldBe(isOne);

    [Theory]
    [InlineData("--city", "Jersey City")]
    [InlineData("--speed", "fast")]
    [InlineData("--speed", "0")]
    [InlineData("--speed", "-1")]
    public void Options_that_make_no_sense_are_refused_before_anything_begins(string option, string value)
    {
        var parsed = ReplayCommand.Create().Parse([_file.Path, option, value]);
        parsed.Errors.ShouldHaveSingleItem().Message.ShouldStartWith(option);
    }

    [Fact]
    public void The_same_command_finds_the_same_folder_and_another_file_day_or_city_another_one()
    {
        var folder = Folder("replay");
        folder.ShouldBe(Folder("replay"));
        folder.IsOwn.ShouldBeTrue();
        Folder("other").Path.ShouldNotBe(folder.Path);
        ReplayFolder.Of([_file.Path], new(null, 15), null, "replay", null, null).Path.ShouldNotBe(folder.Path);
        File.AppendAllText(_file.Path, "\n");
        Folder("replay").Path.ShouldNotBe(folder.Path);

        ReplayFolder Folder(string city) => ReplayFolder.Of([_file.Path], null, null, city, null, null);
    }

    [Fact]
    public void Progress_tells_the_time_the_trips_how_fast_they_are_lived_and_how_long_the_rest_takes()
    {
        var now = new ReplayProgress(Tables.At("08:00:00"), 60, 1);
        new ReplayTelling(100, finishedBefore: 20).Say(now, TimeSpan.FromSeconds(20))
            .ShouldBe("2021-01-15 13:00 UTC: 60 of 100 trips, 1 failed, 2.0 trips/s, 0:00:20 left");
        new ReplayTelling(100, finishedBefore: 60).Say(now, TimeSpan.FromSeconds(20)).ShouldBe("2021-01-15 13:00 UTC: 60 of 100 trips, 1 failed");
    }

    [Fact]
    public async Task An_interrupted_replay_is_kept_and_the_same_command_brings_it_to_its_end()
    {
        await using var first = Start("--speed", "60");
        await UntilAsync(() => first.Errors.Contains(": 1 of 3 trips", StringComparison.Ordinal)); // the second is under way for half an hour
        first.Signal("INT");
        (await first.EndAsync()).ShouldBe(ExitCodes.Interrupted, first.Errors);
        first.Errors.ShouldContain("the same command goes on from there, and begins anew with --fresh.");
        var soFar = Read(first);
        soFar.GetProperty("completed").GetInt64().ShouldBe(1);
        soFar.GetProperty("captured_minor").GetInt64().ShouldBeGreaterThan(0);
        soFar.GetProperty("simulated_seconds").GetDouble().ShouldBeGreaterThan(0);
        soFar.GetProperty("audit_violations").ValueKind.ShouldBe(JsonValueKind.Null, "what was not checked has no number");

        var state = Directory.GetFiles(_file.Sibling("state"), "replay-state.json", SearchOption.AllDirectories).ShouldHaveSingleItem();
        var kept = await File.ReadAllBytesAsync(state);
        await File.WriteAllBytesAsync(state, kept[..100]);
        await using var damaged = Start();
        (await damaged.EndAsync()).ShouldBe(ExitCodes.Failed);
        damaged.Errors.ShouldContain("begin anew with --fresh");
        Read(damaged).GetProperty("replay").GetString().ShouldBe("failed");

        await File.WriteAllBytesAsync(state, kept);
        await using var second = Start();
        (await second.EndAsync()).ShouldBe(ExitCodes.Done, second.Errors);
        var summary = Read(second);
        summary.GetProperty("replay").GetString().ShouldBe("ok");
        summary.GetProperty("completed").GetInt64().ShouldBe(3);
        summary.GetProperty("captured_minor").GetInt64().ShouldBe(130 + 100 + 30 * 15 + 100 + 10 * 15);
        summary.EnumerateObject().Select(member => member.Name).ShouldBe(
        [
            "replay", "rows", "rejected", "trips", "completed", "failed", "relocations", "swaps", "telemetry_messages", "captured_minor", "audit_violations",
            "simulated_seconds", "wall_seconds", "trips_per_second",
        ]);
        var page = second.Errors.Split('\n').Single(line => line.StartsWith("report ", StringComparison.Ordinal)).Split(' ')[^1];
        (await File.ReadAllTextAsync(page)).ShouldContain("3 trips in replay");
        Directory.GetDirectories(Replays).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_killed_replay_begins_anew_in_a_folder_of_its_own_and_asks_in_one_that_was_named()
    {
        var data = _file.Sibling("data");
        await using var own = Start("--speed", "60");
        await using var named = Start("--speed", "60", "--data", data);
        await UntilAsync(() => own.Errors.Contains(" of 3 trips", StringComparison.Ordinal) && named.Errors.Contains(" of 3 trips", StringComparison.Ordinal));
        own.Signal("KILL");
        named.Signal("KILL");
        await own.EndAsync();
        await named.EndAsync();

        await using var anew = Start();
        (await anew.EndAsync()).ShouldBe(ExitCodes.Done, anew.Errors);
        Read(anew).GetProperty("completed").GetInt64().ShouldBe(3);
        await using var asking = Start("--data", data);
        (await asking.EndAsync()).ShouldBe(ExitCodes.Failed);
        asking.Errors.ShouldContain("begin anew with --fresh");
        await PrivatePostgres.DeleteAsync(data, CancellationToken.None);
    }

    private HostProcess Start(params string[] options) =>
        new(["replay", _file.Path, "--json", .. options], new Dictionary<string, string> { ["XDG_STATE_HOME"] = _file.Sibling("state") });

    private static JsonElement Read(HostProcess process) => JsonDocument.Parse(process.LastLine).RootElement;

    private static async Task UntilAsync(Func<bool> look) =>
        (await Mobility.Twin.Client.PlatformClient.LookAsync(() => Task.FromResult(look()), Patience, CancellationToken.None)).ShouldBeTrue();
}
