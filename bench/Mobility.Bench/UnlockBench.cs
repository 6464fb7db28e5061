using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Mobility.Contracts;
using Mobility.Edge;
using Mobility.Edge.Board;
using Mobility.Edge.Wire;
using Mobility.Geo;
using Mobility.Platform;
using Npgsql;

namespace Mobility.Bench;

/// <summary>
/// Unlock over MQTT, end to end: a rider asks over HTTP, a real agent obeys over its connection, and the rider sees the ride begin. First on a quiet platform, as
/// the limit, then while thousands of vehicles report once a second.
/// </summary>
internal static class UnlockBench
{
    private const int Riders = 20;
    private const int Ridden = Riders * LifecycleBench.VehiclesPerRider;
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(10);

    /// <summary>One ride of each rider in this time.</summary>
    private static readonly TimeSpan RideEvery = TimeSpan.FromSeconds(2);

    /// <param name="Opened">From the rider's request to the lock's move.</param>
    /// <param name="Seen">From the rider's request to the answer that the ride has begun.</param>
    private sealed record Result(Latencies Opened, Latencies Seen);

    public static async Task<int> RunAsync(int reporting, int seconds, bool json, CancellationToken ct)
    {
        var errors = new ConcurrentDictionary<string, int>();
        await using var platform = await BenchPlatform.StartAsync(null, BenchCity.Of(Ridden + reporting, zones: 5_000), Say, ct);
        var all = platform.Pack.Fleet.Select(v => VehicleId.Of(platform.Pack.City.Id, v.Label)).ToArray();
        var vehicles = all[..Ridden];
        await GiveSecretsAsync(platform.Postgres.ConnectionString, all, ct);

        var folder = Directory.CreateTempSubdirectory("mobility-bench-agents-").FullName;
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var clockwork = new AgentClockwork(TimeProvider.System, NullLogger.Instance);
        var fleet = vehicles.ToDictionary(id => id, id => new Bike(id, platform.MqttPort, Path.Combine(folder, id.ToString())));
        foreach (var bike in fleet.Values)
            clockwork.Add(bike.Agent);
        var beating = clockwork.RunAsync(stopping.Token);
        var rides = new List<RiderAtBench>();
        foreach (var own in vehicles.Chunk(LifecycleBench.VehiclesPerRider))
            rides.Add(await RiderAtBench.OpenAsync(platform, [.. own.Select(id => fleet[id])], errors, ct));

        Say("warming up");
        await RideAsync(rides, WarmUp, ct);
        Say($"unlocking for {seconds} s on a quiet platform");
        var quiet = await RideAsync(rides, TimeSpan.FromSeconds(seconds), ct);
        Say($"{reporting} vehicles connect and report once a second");
        var loads = all[Ridden..].Zip(platform.Pack.Fleet[Ridden..], (id, v) => new IngestLoad(id, SecretOf(id), v.Position)).ToArray();
        await Parallel.ForEachAsync(loads, new ParallelOptions { MaxDegreeOfParallelism = 64, CancellationToken = ct }, async (load, token) => await load.ConnectAsync(platform.MqttPort, token));
        var acks = new Latencies();
        var until = WarmUp + TimeSpan.FromSeconds(seconds);
        var time = Stopwatch.StartNew();
        var reports = Task.WhenAll(loads.Select((l, i) => Task.Run(
            () => l.PaceAsync(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds((double)i / loads.Length), time, until, acks, ct), ct)));
        await RideAsync(rides, WarmUp, ct);
        var busy = await RideAsync(rides, until - time.Elapsed, ct);
        await reports;
        var reportsPerSecond = acks.Count / time.Elapsed.TotalSeconds;

        rides.ForEach(r => r.Dispose());
        await stopping.CancelAsync();
        await beating;
        foreach (var bike in fleet.Values)
            await bike.Agent.DisposeAsync();
        foreach (var load in loads)
            load.Dispose();
        Directory.Delete(folder, recursive: true);

        Report("quiet", quiet);
        Report($"{reportsPerSecond:0} reports/s", busy);
        Console.WriteLine(errors.IsEmpty ? "errors        none" : $"errors        {string.Join(", ", errors.Select(e => $"{e.Value} × {e.Key}"))}");
        if (json)
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                bench = "unlock",
                vehicles_reporting = reporting,
                reports_per_second = Math.Round(reportsPerSecond),
                unlocks = busy.Seen.Count,
                unlock_p50_ms = Math.Round(busy.Seen.Percentile(0.5), 1),
                unlock_p95_ms = Math.Round(busy.Seen.Percentile(0.95), 1),
                unlock_p99_ms = Math.Round(busy.Seen.Percentile(0.99), 1),
                opened_p95_ms = Math.Round(busy.Opened.Percentile(0.95), 1),
                quiet_unlock_p95_ms = Math.Round(quiet.Seen.Percentile(0.95), 1),
                ratio_quiet = Math.Round(busy.Seen.Percentile(0.95) / quiet.Seen.Percentile(0.95), 2),
                errors = errors.Values.Sum(),
            }));
        return errors.IsEmpty ? 0 : 1;
    }

    /// <summary>The secret of a vehicle of a bench.</summary>
    public static string SecretOf(VehicleId vehicle) => $"secret of {vehicle}";

    public static async Task GiveSecretsAsync(string connectionString, IReadOnlyList<VehicleId> vehicles, CancellationToken ct)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var command = source.CreateCommand("INSERT INTO telemetry.device_secrets SELECT v, h, $3 FROM unnest($1::uuid[], $2::bytea[]) AS s(v, h)");
        command.Parameters.AddWithValue(vehicles.Select(v => v.Value).ToArray());
        command.Parameters.AddWithValue(vehicles.Select(v => SHA256.HashData(Encoding.UTF8.GetBytes(SecretOf(v)))).ToArray());
        command.Parameters.AddWithValue(TimeProvider.System.GetUtcNow().UtcDateTime);
        await command.ExecuteNonQueryAsync(ct);
    }

    private static async Task<Result> RideAsync(List<RiderAtBench> riders, TimeSpan time, CancellationToken ct)
    {
        var result = new Result(new(), new());
        var began = Stopwatch.StartNew();
        await Task.WhenAll(riders.Select(async (rider, i) =>
        {
            for (var due = RideEvery * i / riders.Count; due < time; due += RideEvery)
            {
                if (due > began.Elapsed)
                    await Task.Delay(due - began.Elapsed, ct);
                await rider.RideAsync(result, ct);
            }
        }));
        return result;
    }

    private static void Report(string name, Result result) => Console.WriteLine(
        $"{name,-16} {result.Seen.Count} unlocks: ride seen p50 {result.Seen.Percentile(0.5):0.0}, p95 {result.Seen.Percentile(0.95):0.0}, p99 {result.Seen.Percentile(0.99):0.0} ms; lock open p95 {result.Opened.Percentile(0.95):0.0} ms");

    private static void Say(string words) => Console.Error.WriteLine($"bench: {words}");

    /// <summary>A vehicle whose agent is the one that ships; only its board is simulated, and says when its lock moved.</summary>
    private sealed class Bike : IVehicleBoard
    {
        private readonly SimulatedBoard _board = new(new BoardReading { Position = new GeoPoint(48.2, 11.5), StateOfChargePercent = 75, IsLocked = true, OdometerMeters = 1_000 });
        private long _openedAt;

        public Bike(VehicleId id, int port, string folder)
        {
            Id = id;
            Directory.CreateDirectory(folder);
            var settings = new AgentSettings { Vehicle = id, Door = new DoorAddress("127.0.0.1", port) { Secret = SecretOf(id) }, DataFolder = folder };
            Agent = new VehicleAgent(settings, this, TimeProvider.System, new Random(id.GetHashCode()), NullLogger.Instance);
        }

        public VehicleId Id { get; }

        public VehicleAgent Agent { get; }

        public long OpenedAt => Volatile.Read(ref _openedAt);

        public BoardReading Read() => _board.Read();

        public bool TrySetLock(bool locked)
        {
            if (!locked)
                Volatile.Write(ref _openedAt, Stopwatch.GetTimestamp());
            return _board.TrySetLock(locked);
        }

        public void LimitSpeed(int kilometersPerHour) => _board.LimitSpeed(kilometersPerHour);

        public void ReportTo(IBoardListener listener) => _board.ReportTo(listener);

        public bool TrySetDrive(bool enabled) => _board.TrySetDrive(enabled);

        public bool TrySoundHorn() => _board.TrySoundHorn();
    }

    /// <summary>A rider with some vehicles, one ride after the other.</summary>
    private sealed class RiderAtBench(LoadConnection connection, string token, Bike[] bikes, ConcurrentDictionary<string, int> errors) : IDisposable
    {
        private int _rides;

        public static async Task<RiderAtBench> OpenAsync(BenchPlatform platform, Bike[] bikes, ConcurrentDictionary<string, int> errors, CancellationToken ct)
        {
            var rider = new RiderAtBench(await LoadConnection.OpenAsync(platform.Address, ct), platform.RiderToken(Id.New<AccountId>(TimeProvider.System)), bikes, errors);
            var added = await rider.SendAsync("POST", "/v1/payments/methods", """{"token":"tok_visa"}""", ct);
            return added.Status is 200 or 201 ? rider : throw new PlatformStartException($"A payment method was refused: {added.Status} {added.Body}");
        }

        public async Task RideAsync(Result result, CancellationToken ct)
        {
            var bike = bikes[_rides++ % bikes.Length];
            var quote = await SendAsync("POST", "/v1/quotes", $$"""{"vehicleId":"{{bike.Id}}"}""", ct);
            var booking = await SendAsync("POST", "/v1/bookings", $$"""{"quoteId":"{{quote.Member("id")}}","safetyChecklist":true}""", ct);
            var path = $"/v1/bookings/{booking.Member("id")}";
            var confirmed = await SendAsync("POST", $"{path}/confirm", null, ct);
            if (!Passed("confirm", confirmed, confirmed.Member("phase") == "confirmed"))
                return;
            var asked = Stopwatch.GetTimestamp();
            var unlock = await SendAsync("POST", $"{path}/unlock", null, ct);
            if (!Passed("unlock", unlock, unlock.Status == 202))
                return;
            var riding = await SendAsync("GET", $"{path}?waitFor=riding&seconds=10", null, ct);
            if (!Passed("riding", riding, riding.Member("phase") == "riding"))
                return;
            result.Seen.AddSince(asked);
            result.Opened.Add(Stopwatch.GetElapsedTime(asked, bike.OpenedAt));
            await SendAsync("POST", $"{path}/end", null, ct);
            var ended = await SendAsync("GET", $"{path}?waitFor=settled&seconds=10", null, ct);
            Passed("end", ended, ended.Member("phase") == "settled");
        }

        public void Dispose() => connection.Dispose();

        private Task<LoadReply> SendAsync(string method, string path, string? body, CancellationToken ct) =>
            connection.SendAsync(method, path, token, body, method == "POST" ? BookingBench.NewKey() : null, ct);

        private bool Passed(string step, LoadReply reply, bool good)
        {
            if (!good)
                BookingBench.Count(errors, $"{step} {reply.Status} {reply.Member("code") ?? reply.Member("phase")}");
            return good;
        }
    }
}
