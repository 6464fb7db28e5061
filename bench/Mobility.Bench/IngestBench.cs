using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Host;
using Mobility.Platform;
using Mobility.Platform.Postgres;
using Mobility.Telemetry.Mqtt;
using Npgsql;

namespace Mobility.Bench;

/// <summary>
/// Vehicles over TCP to durable history, beside mosquitto that merely relays from the same client. (1) As fast as it goes; (2) 10,000 reports a second at a steady
/// pace, for the latency of the acknowledgement; (3) kill -9 in full flight, restart, everything unanswered again, and a count of what history holds;
/// (4) mosquitto, QoS 1 in, one subscriber.
/// </summary>
internal static class IngestBench
{
    private const int Window = 16;
    private const int Zones = 5_000;
    private const int PacePerSecond = 10_000;

    public static async Task<int> RunAsync(int seconds, int connections, bool json, CancellationToken ct)
    {
        var folder = Directory.CreateTempSubdirectory("mobility-bench-").FullName;
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(folder, (UnixFileMode)0b111_101_101);
        try
        {
            Say("starting a fresh PostgreSQL");
            await using var postgres = await PrivatePostgres.StartAsync(folder, null, null, ct);
            var loads = await PrepareAsync(postgres.ConnectionString, connections, ct);
            var port = FreePort();
            var server = await ServerAsync(postgres.ConnectionString, port, ct);
            var memoryBefore = MemoryOf(server);
            await ConnectAllAsync(loads, port, ct);
            await Task.Delay(TimeSpan.FromSeconds(1), ct);
            var bytesPerConnection = (MemoryOf(server) - memoryBefore) / connections;

            Say($"{connections} connections as fast as it goes");
            await BurstAsync(loads, TimeSpan.FromSeconds(3), ct); // the just-in-time compiler's seconds
            var perSecond = await BurstAsync(loads, TimeSpan.FromSeconds(seconds), ct);
            Say($"{perSecond:0} messages/s durable; now {PacePerSecond} a second");
            var latencies = await PaceAsync(loads, TimeSpan.FromSeconds(Math.Min(seconds, 15)), ct);
            var pace = latencies.Count / Math.Min(seconds, 15.0);

            Say("kill -9 in full flight, restart, everything unanswered again");
            await KillInFlightAsync(loads, server, ct);
            server.Dispose();
            server = await ServerAsync(postgres.ConnectionString, port, ct);
            var (lost, duplicates, known) = await RepeatAndCountAsync(loads, postgres.ConnectionString, port, ct);
            server.Kill();
            server.Dispose();

            Say("mosquitto");
            var mosquitto = await MosquittoAsync(connections, TimeSpan.FromSeconds(Math.Min(seconds, 15)), ct);
            Say($"{perSecond:0} messages/s durable, ack p99 {latencies.Percentile(0.99):0.0} ms at {pace:0}/s, {lost} lost, {duplicates} twice of {known}, mosquitto {mosquitto:0}/s");
            if (json)
                Console.WriteLine(JsonSerializer.Serialize(new
                {
                    bench = "ingest",
                    connections,
                    messages_per_second = Math.Round(perSecond),
                    ack_p99_ms = Math.Round(latencies.Percentile(0.99), 2),
                    lost_after_ack = lost,
                    duplicates,
                    bytes_per_connection = bytesPerConnection,
                    mosquitto_messages_per_second = mosquitto is { } m ? Math.Round(m) : (double?)null,
                    ratio_mosquitto = mosquitto is > 0 ? Math.Round(perSecond / mosquitto.Value, 3) : (double?)null,
                    ack_p50_ms = Math.Round(latencies.Percentile(0.5), 2),
                    paced_messages_per_second = Math.Round(pace),
                    messages = known,
                }));
            foreach (var load in loads)
                load.Dispose();
            return lost == 0 && duplicates == 0 ? 0 : 1;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The platform's process: prints its port, runs until it is killed or its standard input ends.</summary>
    public static async Task<int> ServeAsync(string connectionString, int port, CancellationToken ct)
    {
        await using var app = MobilityApp.Create(OptionsOf(connectionString, port));
        await app.StartAsync(ct);
        Console.WriteLine(app.Web.Services.GetRequiredService<MqttDoor>().Port);
        await Console.In.ReadToEndAsync(ct);
        await app.Web.StopAsync(CancellationToken.None);
        return 0;
    }

    private static MobilityAppOptions OptionsOf(string connectionString, int port) => new()
    {
        ConnectionString = connectionString,
        Settings = new Dictionary<string, string?>
        {
            ["Logging:LogLevel:Default"] = "Warning",
            ["Telemetry:MqttPort"] = port.ToString(CultureInfo.InvariantCulture),
            ["Identity:KeyProtection"] = Convert.ToBase64String(new byte[32]),
        },
    };

    private static async Task<IngestLoad[]> PrepareAsync(string connectionString, int count, CancellationToken ct)
    {
        var pack = BenchCity.Of(count, Zones);
        await using (var app = MobilityApp.Create(OptionsOf(connectionString, 0)))
        {
            await app.MigrateAsync(ct);
            await app.LoadPackAsync(pack, ct);
        }
        var loads = LoadsOf(pack);
        await UnlockBench.GiveSecretsAsync(connectionString, [.. loads.Select(l => l.Vehicle)], ct);
        return loads;
    }

    private static IngestLoad[] LoadsOf(CityPack pack) =>
        [.. pack.Fleet.Select(v => VehicleId.Of(pack.City.Id, v.Label)).Zip(pack.Fleet, (id, v) => new IngestLoad(id, UnlockBench.SecretOf(id), v.Position))];

    private static async Task<Process> ServerAsync(string connectionString, int port, CancellationToken ct)
    {
        var server = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["serve-mqtt", connectionString, $"{port}"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        _ = await server.StandardOutput.ReadLineAsync(ct) ?? throw new PlatformStartException("The platform's process ended at once; its message stands above.");
        return server;
    }

    private static Task ConnectAllAsync(IngestLoad[] loads, int port, CancellationToken ct) =>
        Parallel.ForEachAsync(loads, new ParallelOptions { MaxDegreeOfParallelism = 64, CancellationToken = ct }, async (load, token) => await load.ConnectAsync(port, token));

    private static async Task<double> BurstAsync(IngestLoad[] loads, TimeSpan duration, CancellationToken ct)
    {
        var before = loads.Sum(l => (long)l.Acknowledged);
        var time = Stopwatch.StartNew();
        await Task.WhenAll(loads.Select(l => Task.Run(() => l.RunAsync(Window, time, duration, ct), ct)));
        return (loads.Sum(l => (long)l.Acknowledged) - before) / time.Elapsed.TotalSeconds;
    }

    private static async Task<Latencies> PaceAsync(IngestLoad[] loads, TimeSpan duration, CancellationToken ct)
    {
        var latencies = new Latencies();
        var every = TimeSpan.FromSeconds((double)loads.Length / PacePerSecond);
        var time = Stopwatch.StartNew();
        await Task.WhenAll(loads.Select((l, i) => Task.Run(() => l.PaceAsync(every, every * i / loads.Length, time, duration, latencies, ct), ct)));
        return latencies;
    }

    private static async Task KillInFlightAsync(IngestLoad[] loads, Process server, CancellationToken ct)
    {
        var running = Task.WhenAll(loads.Select(load => Task.Run(async () =>
        {
            try
            {
                await load.RunAsync(Window, Stopwatch.StartNew(), TimeSpan.FromMinutes(1), ct);
            }
            catch (Exception e) when (e is IOException or SocketException)
            {
                // killed
            }
        }, ct)));
        await Task.Delay(TimeSpan.FromSeconds(2), ct);
        server.Kill(); // SIGKILL
        await running;
    }

    private static async Task<(long Lost, long Duplicates, long Known)> RepeatAndCountAsync(IngestLoad[] loads, string connectionString, int port, CancellationToken ct)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        var acknowledged = loads.ToDictionary(l => l.Vehicle.Value, l => l.Acknowledged);
        var lost = 0L;
        foreach (var (vehicle, count) in await CountAsync(source, "count(DISTINCT sequence) FILTER (WHERE sequence < $1 + a.acknowledged)", acknowledged, ct))
            lost += acknowledged[vehicle] - count; // before anything is sent again
        await ConnectAllAsync(loads, port, ct);
        await Parallel.ForEachAsync(loads, new ParallelOptions { MaxDegreeOfParallelism = 256, CancellationToken = ct }, async (load, token) =>
        {
            var sent = load.Rewind(Window);
            while (load.Sent < sent)
            {
                await load.SendAsync(Math.Min(Window, sent - load.Sent), token);
                while (load.Acknowledged < load.Sent)
                    await load.ReceiveAcksAsync(token);
            }
        });
        var sent = loads.ToDictionary(l => l.Vehicle.Value, l => l.Sent);
        var rows = (await CountAsync(source, "count(*)", sent, ct)).Sum(c => c.Value);
        var distinct = (await CountAsync(source, "count(DISTINCT sequence)", sent, ct)).Sum(c => c.Value);
        return (lost + Math.Max(0, sent.Values.Sum(s => (long)s) - distinct), rows - distinct, distinct);
    }

    private static async Task<Dictionary<Guid, long>> CountAsync(NpgsqlDataSource source, string what, Dictionary<Guid, int> numbers, CancellationToken ct)
    {
        await using var command = source.CreateCommand($"""
            SELECT a.vehicle, {what} FROM unnest($2::uuid[], $3::int[]) AS a(vehicle, acknowledged) LEFT JOIN telemetry.history h ON h.vehicle = a.vehicle
                AND $1 > 0 GROUP BY a.vehicle, a.acknowledged
            """);
        command.CommandTimeout = 600;
        command.Parameters.AddWithValue(IngestLoad.SequenceBase);
        command.Parameters.AddWithValue(numbers.Keys.ToArray());
        command.Parameters.AddWithValue(numbers.Values.ToArray());
        await using var reader = await command.ExecuteReaderAsync(ct);
        var counts = new Dictionary<Guid, long>();
        while (await reader.ReadAsync(ct))
            counts[reader.GetGuid(0)] = reader.GetInt64(1);
        return counts;
    }

    /// <summary>The peer on its own; null where it is not installed.</summary>
    private static async Task<double?> MosquittoAsync(int connections, TimeSpan duration, CancellationToken ct)
    {
        var program = new[] { "/usr/sbin/mosquitto" }.Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(p => Path.Combine(p, "mosquitto")))
            .FirstOrDefault(File.Exists);
        if (program is null)
            return null;
        var port = FreePort();
        var config = Path.GetTempFileName();
        await File.WriteAllTextAsync(config, $"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages 0\nlog_type error\n", ct);
        using var broker = Process.Start(new ProcessStartInfo(program, ["-c", config]) { RedirectStandardError = true })!;
        try
        {
            await UntilListeningAsync(port, ct);
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(ct);
            var listening = SubscribeAsync(port, ending.Token);
            var loads = LoadsOf(BenchCity.Of(connections, zones: 0));
            await ConnectAllAsync(loads, port, ct);
            await BurstAsync(loads, TimeSpan.FromSeconds(1), ct);
            var perSecond = await BurstAsync(loads, duration, ct);
            await ending.CancelAsync();
            await listening;
            foreach (var load in loads)
                load.Dispose();
            return perSecond;
        }
        finally
        {
            broker.Kill();
            File.Delete(config);
        }
    }

    /// <summary>Someone the broker relays to: reads and forgets.</summary>
    private static async Task SubscribeAsync(int port, CancellationToken ct)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, port, ct);
        await socket.SendAsync("\u0010\u0010\0\u0004MQTT\u0004\u0002\0\0\0\u0004read"u8.ToArray(), ct);
        await socket.SendAsync(new byte[] { 0x82, 16, 0, 1 }.Concat("\0\u000btelemetry/#\0"u8.ToArray()).ToArray(), ct);
        var buffer = new byte[256 * 1024];
        try
        {
            while (await socket.ReceiveAsync(buffer, ct) > 0)
            {
                // forgotten
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // enough
        }
    }

    private static async Task UntilListeningAsync(int port, CancellationToken ct)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                using var probe = new TcpClient();
                await probe.ConnectAsync(IPAddress.Loopback, port, ct);
                return;
            }
            catch (SocketException) when (tries < 100)
            {
                await Task.Delay(50, ct);
            }
        }
    }

    private static long MemoryOf(Process process)
    {
        process.Refresh();
        return process.WorkingSet64;
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private static void Say(string words) => Console.Error.WriteLine($"bench: {words}");
}
