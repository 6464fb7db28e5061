using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Mobility.Contracts;
using Mobility.Host.Packs;
using Mobility.Platform.Postgres;
using Mobility.Tests.Streets;
using Mobility.Tests.Support;
using Mobility.Tests.Twin;
using Mobility.Twin.Client;

namespace Mobility.Tests.Host;

/// <summary>The program itself, as a newcomer starts it: one process, its own PostgreSQL, the demo city.</summary>
public sealed class UpTests : IAsyncLifetime
{
    private static int folders;

    private readonly string _folder = Path.Combine(
        Path.GetTempPath(),
        string.Create(CultureInfo.InvariantCulture, $"mobility-up-{Environment.ProcessId}-{Interlocked.Increment(ref folders)}"));

    private readonly List<HostProcess> _started = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (var process in _started)
            await process.DisposeAsync();
        if (!Directory.Exists(_folder))
            return;
        await PrivatePostgres.DeleteAsync(_folder, CancellationToken.None);
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    [Trait("Req", "OBS-7")]
    public async Task It_is_ready_is_audited_while_it_runs_and_stops_cleanly_on_an_interrupt()
    {
        var up = Start("up", "--data", _folder, "--port", "0");
        var address = await up.WaitForAddressAsync();
        using (var http = new HttpClient())
            (await http.GetAsync(new Uri($"{address}/health/ready"))).StatusCode.ShouldBe(HttpStatusCode.OK);

        var second = Start("up", "--data", _folder, "--port", "0");
        (await second.EndAsync()).ShouldBe(1);
        second.Errors.Trim().ShouldBe($"The data folder {_folder} is in use by another running platform; stop that one or choose another --data folder.");

        var taken = Start("up", "--data", _folder + "-other", "--port", new Uri(address).Port.ToString(CultureInfo.InvariantCulture));
        (await taken.EndAsync()).ShouldBe(1);
        taken.Errors.Trim().ShouldEndWith("choose another with --port.");

        var audit = Start("audit", "--data", _folder, "--json");
        (await audit.EndAsync()).ShouldBe(0, audit.Errors);
        using (var report = JsonDocument.Parse(audit.LastLine))
        {
            report.RootElement.GetProperty("audit").GetString().ShouldBe("ok");
            report.RootElement.GetProperty("violations").GetInt32().ShouldBe(0);
        }

        up.Signal("INT");
        (await up.EndAsync()).ShouldBe(0, up.Errors);
        (await PrivatePostgres.FindRunningAsync(_folder, CancellationToken.None)).ShouldBeNull();
    }

    [Fact]
    public async Task After_a_kill_the_next_one_continues_with_the_same_data()
    {
        var first = Start("up", "--data", _folder, "--port", "0", "--riders", "0");
        await first.WaitForAddressAsync();
        var keys = await CountAsync("SELECT count(*) FROM fleet.events");
        keys.ShouldBeGreaterThan(0);
        first.Signal("KILL");
        await first.EndAsync();

        var second = Start("up", "--data", _folder, "--port", "0", "--riders", "0");
        await second.WaitForAddressAsync();
        (await CountAsync("SELECT count(*) FROM fleet.events")).ShouldBe(keys);
        second.Signal("TERM");
        (await second.EndAsync()).ShouldBe(0, second.Errors);

        var stopped = Start("audit", "--data", _folder, "--json");
        (await stopped.EndAsync()).ShouldBe(0, stopped.Output + stopped.Errors);
    }

    [Fact]
    public async Task In_its_living_city_every_vehicle_is_there_and_opens_for_whoever_tries_it()
    {
        var pack = CityPackReader.Read(Path.Combine(Repository.Root, "packs", "demo")).Pack!;
        var bays = pack.Bays.Select((bay, number) => (bay.Position, Number: number + 1L)).ToArray();
        var map = new StreetFixture(bays[0].Position);
        foreach (var (position, number) in bays)
            map.Node(number, position);
        using var streets = new TemporaryFile(map.Way("highway=residential", [.. bays.Select(bay => bay.Number)]).Xml());
        var up = Start("up", "--data", _folder, "--port", "0", "--riders", "1", "--streets", streets.Path);
        using var client = new PlatformClient(new Uri(await up.WaitForAddressAsync()), 4, new LatencyBook());
        await Eventually.GetAsync(() => CountAsync("SELECT count(*) FROM telemetry.last_reports"), count => count == pack.Fleet.Length, "all vehicles tell where they are",
            TimeSpan.FromMinutes(2));
        var rider = await Rider.RegisterAsync(client, TimeProvider.System, 7, "tok_visa", CancellationToken.None, "newcomer.example");
        var token = await rider.TokenAsync(CancellationToken.None);
        foreach (var kind in new[] { VehicleKind.Scooter, VehicleKind.Van })
        {
            var bay = pack.Bays.First(bay => bay.VehicleKinds.Contains(kind));
            var found = (await client.SearchAsync(token, bay.Position, 3_000, 5, CancellationToken.None, kind)).Require("search").Vehicles[0];
            var rental = new Rental(client, $"newcomer-{kind}");
            var now = TimeProvider.System.GetUtcNow();
            var quote = await rental.QuoteAsync(token, found.Id, kind == VehicleKind.Van ? (now, now.AddHours(2)) : null, CancellationToken.None);
            await rental.TakeAsync(token, quote, CancellationToken.None);
            await rental.EndAsync(token, bay.Position, CancellationToken.None);
            (await rental.CapturedAsync(token, CancellationToken.None)).ShouldNotBeNull().ShouldBePositive();
        }
        up.Signal("INT");
        (await up.EndAsync()).ShouldBe(0, up.Errors);
        up.Errors.ShouldContain($"{bays.Length} of {bays.Length} bays are on them.");
    }

    [Fact]
    public async Task An_unreachable_database_is_one_sentence()
    {
        var up = Start("up", "--data", _folder, "--port", "0", "--database", $"Host=127.0.0.1;Port={FreePort()};Username=nobody;Password=none");
        (await up.EndAsync()).ShouldBe(1);
        up.Errors.Trim().Split('\n')[^1].ShouldMatch("^The database nobody at 127.0.0.1:[0-9]+ cannot be reached: .*refused.$");
    }

    [Theory]
    [InlineData("--target", "no-such-module")]
    [InlineData("--pack", "/no/such/pack")]
    [InlineData("--streets", "/no/such/city.osm.pbf")]
    public async Task What_does_not_exist_ends_with_exit_code_1(string option, string value)
    {
        var up = Start("up", "--data", _folder, "--port", "0", option, value);
        (await up.EndAsync()).ShouldBe(1);
        up.Errors.ShouldContain(value);
        up.Errors.ShouldNotContain("   at "); // no stack trace
    }

    private HostProcess Start(params string[] arguments)
    {
        var process = new HostProcess(arguments);
        _started.Add(process);
        return process;
    }

    private async Task<long> CountAsync(string sql)
    {
        var server = await PrivatePostgres.FindRunningAsync(_folder, CancellationToken.None);
        await using var connection = new Npgsql.NpgsqlConnection($"{server};Pooling=false"); // a server that is killed takes its connections along
        await connection.OpenAsync();
        await using var command = new Npgsql.NpgsqlCommand(sql, connection);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
