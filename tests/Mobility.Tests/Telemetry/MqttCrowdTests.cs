using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Mqtt;
using Mobility.Telemetry.Mqtt;
using Mobility.Tests.Support;
using Npgsql;
using Xunit.Abstractions;

namespace Mobility.Tests.Telemetry;

/// <summary>Many at the door at once. What is asserted are counts and bytes, never times.</summary>
public sealed partial class MqttCrowdTests(MqttFixture platform, ITestOutputHelper output) : IClassFixture<MqttFixture>
{
    private const int Wanted = 10_000;
    private const int AtOnce = 1_000;
    private const string Secret = "crowd";

    /// <summary>Descriptors that are left for the database, the build's own files and other tests of this process.</summary>
    private const int DescriptorsLeft = 4_000;

    /// <summary>Managed bytes of one idle connection, its session included; measured about 10 KiB, so a leak of buffers is seen and a new field is not.</summary>
    private const long BytesPerConnectionMax = 48 * 1024;

    [Fact, Trait("Req", "FLT-3")]
    public async Task Ten_thousand_vehicles_that_do_nothing_cost_little_and_disturb_nobody()
    {
        var count = Math.Min(Wanted, OpenFilesMax() - DescriptorsLeft);
        output.WriteLine(count == Wanted ? $"{count} connections" : $"only {count} of {Wanted} connections: this machine lets a process have no more open files");
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllLinesAsync(file, (await EnrollAsync("crowd", count)).Select(id => $"{id}"));
            var busy = await platform.ConnectAsync(await platform.NewVehicleAsync());
            var before = GC.GetTotalMemory(forceFullCollection: true);
            await using (var crowd = NodeProgram.Start("crowd.cjs", $"{platform.Port}", file, Secret, $"{AtOnce}"))
            {
                var connected = await crowd.ExpectAsync("connected");
                (connected.GetProperty("count").GetInt32(), connected.GetProperty("refused").GetInt32()).ShouldBe((count, 0));
                var each = (GC.GetTotalMemory(forceFullCollection: true) - before) / count;
                output.WriteLine($"{each} bytes each");
                each.ShouldBeLessThan(BytesPerConnectionMax);
                var vehicle = await platform.NewVehicleAsync();
                await using var talkative = await platform.ConnectAsync(vehicle);
                for (ushort i = 1; i <= 100; i++)
                    (await talkative.SayAsync($"telemetry/{vehicle.Id}", platform.Report(i), i)).Reason.ShouldBe(ReasonCode.Success);
                await crowd.SayAsync("ping");
                (await crowd.ExpectAsync("answered")).GetProperty("count").GetInt32().ShouldBe(count);
                await crowd.SayAsync("end");
            }
            await Eventually.TrueAsync(() => Task.FromResult(!platform.IsConnected(IdOf("crowd", 0)) && !platform.IsConnected(IdOf("crowd", count - 1))), "all have left");
            await busy.DisposeAsync();
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Who_only_opens_a_connection_takes_no_place_from_who_says_who_it_is()
    {
        const int TooMany = 200;
        var refused = 0;
        using var metrics = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == "mobility.mqtt.refused_connects") // by name: it may be published while its class is only being made
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        metrics.SetMeasurementEventCallback<long>((_, value, tags, _) =>
        {
            foreach (var tag in tags)
                if (tag.Value is "half_open")
                    Interlocked.Add(ref refused, (int)value);
        });
        metrics.Start();
        var silent = new ConcurrentBag<MqttTestClient>();
        try
        {
            // Many at a time and more than needed: the door closes each of them after ten seconds, and a busy machine must be faster than that.
            for (var opened = 0; opened < MqttConnections.HalfOpenMax + 4 * TooMany; opened += TooMany)
                await Task.WhenAll(Enumerable.Range(0, TooMany).Select(_ => SayHalfAsync()));
            await Eventually.GetAsync(() => Task.FromResult(Volatile.Read(ref refused)), count => count >= TooMany, "those that are too many are cut off");
        }
        finally
        {
            foreach (var client in silent)
                await client.DisposeAsync();
        }
        // Their places are free again, and whoever was refused meanwhile comes in.
        var vehicle = await platform.NewVehicleAsync();
        await Eventually.TrueAsync(async () =>
        {
            try
            {
                await using var client = await platform.ConnectAsync(vehicle);
                return client.ConnAck.Reason == 0;
            }
            catch (IOException)
            {
                return false;
            }
        }, "a vehicle comes in");

        async Task SayHalfAsync()
        {
            try
            {
                var client = await MqttTestClient.OpenAsync(platform.Port);
                silent.Add(client);
                await client.SendRawAsync(new byte[] { 0x10, 0x20, 0x00 }); // the first bytes of a CONNECT
            }
            catch (System.Net.Sockets.SocketException)
            {
                // cut off already
            }
        }
    }

    [Fact]
    public async Task A_storm_of_vehicles_that_come_back_at_once_finds_its_sessions()
    {
        var vehicles = (await EnrollAsync("storm", 1_000)).Select(id => (id, Secret)).ToArray();
        var keep = new MqttProperties().With(PropertyId.SessionExpiry, 600);
        for (var round = 0; round < 3; round++)
        {
            var clients = await Task.WhenAll(vehicles.Select(vehicle => platform.ConnectAsync(vehicle, clean: false, properties: keep)));
            clients.ShouldAllBe(client => client.ConnAck.Reason == 0);
            clients.Count(client => client.ConnAck.SessionPresent).ShouldBe(round == 0 ? 0 : vehicles.Length);
            foreach (var client in clients)
                await client.DisposeAsync(); // the network of the whole city is gone
        }
    }

    /// <summary>Ten thousand secrets in one statement: the door's own way of making them is another test's subject.</summary>
    private async Task<IReadOnlyList<VehicleId>> EnrollAsync(string space, int count)
    {
        var ids = Enumerable.Range(0, count).Select(i => IdOf(space, i)).ToArray();
        await using var connection = new NpgsqlConnection(platform.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(
            "INSERT INTO telemetry.device_secrets (vehicle, hash, issued_at) SELECT id, $2, $3 FROM unnest($1) AS ids(id)", connection);
        command.Parameters.AddWithValue(ids.Select(id => id.Value).ToArray());
        command.Parameters.AddWithValue(SHA256.HashData(Encoding.UTF8.GetBytes(Secret)));
        command.Parameters.AddWithValue(platform.Clock.GetUtcNow());
        (await command.ExecuteNonQueryAsync()).ShouldBe(count);
        return ids;
    }

    private static VehicleId IdOf(string space, int number) => Id.Named<VehicleId>(space, $"{number}");

    /// <summary>The runtime has raised its own limit as far as it may.</summary>
    private static int OpenFilesMax() => File.Exists("/proc/self/limits") && OpenFiles().Match(File.ReadAllText("/proc/self/limits")) is { Success: true } match
        ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)
        : Wanted + DescriptorsLeft;

    [GeneratedRegex(@"Max open files\s+(\d+)")]
    private static partial Regex OpenFiles();
}
