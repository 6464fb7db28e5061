using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Mobility.Contracts;
using Mobility.Edge.Offline;
using Mobility.Platform;
using Mobility.Tests.Support;
using Mobility.Tests.Telemetry;

namespace Mobility.Tests.Edge;

/// <summary>The program as it is started on a board.</summary>
public sealed class EdgeProcessTests(MqttFixture platform) : IClassFixture<MqttFixture>, IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private readonly string _folder = Directory.CreateTempSubdirectory("mobility-edge-process-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact, Trait("Req", "FLT-5")]
    public async Task What_a_killed_agent_had_to_say_is_said_by_the_next_one_and_no_sequence_is_used_twice()
    {
        var (id, secret) = await platform.NewVehicleAsync();
        string[] arguments = ["--vehicle", $"{id}", "--secret", secret, "--data", Path.Combine(_folder, "data"), "--charge", "50", "--position", "50,10"];
        for (var kill = 0; kill < 2; kill++)
        {
            using var killed = Start([.. arguments, "--broker", "127.0.0.1:1"]); // nobody is there
            await Eventually.TrueAsync(() => Task.FromResult(JournalBytes() > (kill + 1) * 700), "reports are in the journal");
            killed.Kill();
            await killed.WaitForExitAsync();
        }
        int waiting;
        using (var buffer = OfflineBuffer.Open(Path.Combine(_folder, "data", "buffer"), TimeProvider.System))
            waiting = buffer.Counts.ReportsWaiting;
        waiting.ShouldBeGreaterThanOrEqualTo(4);
        using var agent = Start([.. arguments, "--broker", $"127.0.0.1:{platform.Port}"]);
        await Eventually.TrueAsync(async () => await platform.HistoryCountAsync(id) > waiting, "everything that waited is in history, and something new");
        Signal(agent, "TERM");
        await agent.WaitForExitAsync().WaitAsync(Patience);
        agent.ExitCode.ShouldBe(0);
        (await platform.ScalarAsync<long>($"SELECT count(*) FROM telemetry.quarantine WHERE vehicle = '{id.Value}'")).ShouldBe(0);
        await Eventually.GetAsync(() => platform.ScalarAsync<string>($"SELECT convert_from(payload, 'UTF8') FROM telemetry.last_statuses WHERE vehicle = '{id.Value}'"),
            status => status is not null && !JsonSerializer.Deserialize<JsonElement>(status).GetProperty("online").GetBoolean(), "the goodbye is heard");
    }

    [Theory]
    [InlineData("--vehicle", "veh_1", "--vehicle is the vehicle's id")]
    [InlineData("--broker", "nowhere", "--broker is HOST:PORT.")]
    [InlineData("--keys", "/nowhere", "--keys /nowhere")]
    [InlineData("--keys-from", "http://example.org/v1/unlock-keys", "--keys-from is an https address")]
    [InlineData("--position", "91,0", "--position is LAT,LON")]
    [InlineData("--certificate", "/nowhere", "One of --secret and --certificate")]
    [InlineData("--speed", "1", "--speed")]
    public async Task A_wrong_option_is_named_and_ends_the_program_with_2(string option, string value, string sentence)
    {
        var options = new Dictionary<string, string>
        {
            ["--vehicle"] = $"{Id.New<VehicleId>(TimeProvider.System)}",
            ["--secret"] = "s",
            ["--broker"] = "127.0.0.1:1",
            ["--data"] = _folder,
            [option] = value,
        };
        using var agent = Start([.. options.SelectMany(pair => new[] { pair.Key, pair.Value })]);
        var errors = await agent.StandardError.ReadToEndAsync().WaitAsync(Patience);
        await agent.WaitForExitAsync().WaitAsync(Patience);
        agent.ExitCode.ShouldBe(2);
        errors.ShouldContain(sentence);
    }

    private static Process Start(IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "mobility-edge")) { RedirectStandardError = true };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    private static void Signal(Process process, string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    private long JournalBytes()
    {
        var folder = new DirectoryInfo(Path.Combine(_folder, "data", "buffer"));
        return folder.Exists ? folder.GetFiles("journal-*.log").Sum(file => file.Length) : 0;
    }
}
