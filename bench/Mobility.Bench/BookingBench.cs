using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using Mobility.Contracts;
using Mobility.Platform;

namespace Mobility.Bench;

/// <summary>
/// (a) 200 riders race per vehicle, and the client's own record shows whether one was ever sold twice; (b) reservations as fast as they come and at half
/// that pace, then complete lifecycles; (c) pgbench with the statements of a reservation's transaction on the same server, as the limit.
/// </summary>
internal static class BookingBench
{
    private const int Racers = 200;
    private const int RacedVehicles = 20;
    private const int ReserveConnections = 64;
    private const int LifecycleRiders = 64;
    private const int LifecycleVehicles = LifecycleRiders * LifecycleBench.VehiclesPerRider;

    /// <summary>A quote lives five minutes; races renew theirs well before.</summary>
    private static readonly TimeSpan QuotesLive = TimeSpan.FromMinutes(4);

    private sealed record Plan(int Attempts, int Reservations, TimeSpan WarmUp, TimeSpan Lifecycles, int PgbenchSeconds)
    {
        public static readonly Plan Full = new(1_000_000, 20_000, TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(60), 20);
        public static readonly Plan Quick = new(50_000, 6_000, TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(20), 10);
    }

    private sealed record Rider(AccountId Id, string Token);

    private sealed record Offer(Rider Rider, VehicleId Vehicle, string Quote);

    public static async Task<int> RunAsync(bool quick, bool json, string? dataFolder, CancellationToken ct)
    {
        var plan = quick ? Plan.Quick : Plan.Full;
        var errors = new ConcurrentDictionary<string, int>();
        await using var platform = await BenchPlatform.StartAsync(dataFolder, BenchCity.Of(RacedVehicles + LifecycleVehicles + plan.Reservations, zones: 0), Say, ct);
        var vehicles = platform.Pack.Fleet.Select(v => VehicleId.Of(platform.Pack.City.Id, v.Label)).ToArray();

        var races = await RaceAsync(platform, vehicles[..RacedVehicles], plan.Attempts, errors, ct);
        var reservations = await ReserveAsync(platform, vehicles[(RacedVehicles + LifecycleVehicles)..], errors, ct);
        var lifecycles = await LifecycleBench.RunAsync(
            platform, vehicles[RacedVehicles..(RacedVehicles + LifecycleVehicles)], plan.WarmUp, plan.Lifecycles, errors, Say, ct);
        Say("pgbench with the same statements");
        var pgbench = await PgbenchLimit.RunAsync(platform, vehicles[0], ReserveConnections, plan.PgbenchSeconds, ct);

        var failed = races.DoubleBookings > 0 || races.RacesWithoutWinner > 0 || !errors.IsEmpty;
        Report(races, reservations, lifecycles, pgbench, errors);
        if (json)
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                bench = "booking",
                attempts = races.Attempts,
                double_bookings = races.DoubleBookings,
                reservations_per_second = Math.Round(reservations.PerSecond, 1),
                lifecycles_per_second = Math.Round(lifecycles.PerSecond, 1),
                reserve_p95_ms = Math.Round(reservations.AtHalfPace.Percentile(0.95), 2),
                reserve_p99_ms = Math.Round(reservations.AtHalfPace.Percentile(0.99), 2),
                errors = errors.Values.Sum(),
                pgbench_commits_per_second = Math.Round(pgbench.PerSecond, 1),
                commit_ratio = Math.Round(reservations.PerSecond / pgbench.PerSecond, 3),
                races = races.Races,
                races_without_winner = races.RacesWithoutWinner,
                race_attempts_per_second = Math.Round(races.PerSecond, 1),
                half_pace_per_second = Math.Round(reservations.HalfPace, 1),
                reserve_p99_ms_full_pace = Math.Round(reservations.AtFullPace.Percentile(0.99), 2),
                reactions_caught_up_s = Math.Round(reservations.CatchUp.TotalSeconds, 2),
                pgbench_one_by_one_per_second = Math.Round(pgbench.OneByOnePerSecond, 1),
                steps = lifecycles.Steps.ToDictionary(s => s.Key, s => new
                {
                    p50_ms = Math.Round(s.Value.Percentile(0.5), 2),
                    p95_ms = Math.Round(s.Value.Percentile(0.95), 2),
                    p99_ms = Math.Round(s.Value.Percentile(0.99), 2),
                }),
            }));
        return failed ? 1 : 0;
    }

    /// <summary>The part that a profiler is held to.</summary>
    public static async Task<int> RunLifecyclesAsync(string? dataFolder, CancellationToken ct)
    {
        var errors = new ConcurrentDictionary<string, int>();
        await using var platform = await BenchPlatform.StartAsync(dataFolder, BenchCity.Of(LifecycleVehicles, zones: 0), Say, ct);
        var vehicles = platform.Pack.Fleet.Select(v => VehicleId.Of(platform.Pack.City.Id, v.Label)).ToArray();
        var result = await LifecycleBench.RunAsync(platform, vehicles, Plan.Full.WarmUp, Plan.Full.Lifecycles, errors, Say, ct);
        ReportLifecycles(result, errors);
        return errors.IsEmpty ? 0 : 1;
    }

    private sealed record Hold(VehicleId Vehicle, long From, long Until);

    private sealed record RaceResult(int Attempts, int Races, int DoubleBookings, int RacesWithoutWinner, double PerSecond);

    private static async Task<RaceResult> RaceAsync(
        BenchPlatform platform, VehicleId[] vehicles, int attempts, ConcurrentDictionary<string, int> errors, CancellationToken ct)
    {
        var riders = NewRiders(platform, Racers);
        var connections = await OpenAsync(platform, Racers, ct);
        var holds = new List<Hold>();
        var (made, races, withoutWinner) = (0, 0, 0);
        Dictionary<VehicleId, Offer[]> offers = [];
        var quotedAt = 0L;
        var spent = TimeSpan.Zero;
        while (made < attempts)
        {
            if (quotedAt == 0 || Stopwatch.GetElapsedTime(quotedAt) > QuotesLive)
            {
                quotedAt = Stopwatch.GetTimestamp();
                await platform.CatchUpAsync(ct); // the vehicle of the last race may not be free again yet
                offers = (await QuoteAsync(connections, riders.SelectMany(r => vehicles.Select(v => (r, v))).ToArray(), errors, ct))
                    .GroupBy(o => o.Vehicle).ToDictionary(g => g.Key, g => g.ToArray());
                if (offers.Values.Any(o => o.Length < Racers))
                    throw new PlatformStartException($"Quotes for the races failed: {string.Join(", ", errors)}");
            }
            foreach (var vehicle in vehicles)
            {
                var began = Stopwatch.GetTimestamp();
                var answers = await Task.WhenAll(offers[vehicle].Select(async (offer, i) =>
                {
                    var reply = await connections[i].SendAsync("POST", "/v1/bookings", offer.Rider.Token, BodyOf(offer), NewKey(), ct);
                    return (Offer: offer, Reply: reply, AnsweredAt: Stopwatch.GetTimestamp(), Connection: connections[i]);
                }));
                spent += Stopwatch.GetElapsedTime(began);
                made += answers.Length;
                races++;
                foreach (var unexpected in answers.Where(a => a.Reply.Status is not (201 or 409)))
                    Count(errors, $"race {unexpected.Reply.Status} {unexpected.Reply.Member("code")}");
                var winners = answers.Where(a => a.Reply.Status == 201).ToArray();
                withoutWinner += winners.Length == 0 ? 1 : 0;
                foreach (var winner in winners)
                {
                    // From the answer to the moment in which the rider lets go, the vehicle was certainly theirs.
                    var letGoAt = Stopwatch.GetTimestamp();
                    var released = await winner.Connection.SendAsync(
                        "POST", $"/v1/bookings/{winner.Reply.Member("id")}/cancel", winner.Offer.Rider.Token, null, NewKey(), ct);
                    if (released.Status is not (200 or 202))
                        Count(errors, $"cancel {released.Status} {released.Member("code")}");
                    holds.Add(new Hold(vehicle, winner.AnsweredAt, letGoAt));
                }
                if (made >= attempts)
                    break;
            }
            if (races % (RacedVehicles * 10) == 0)
                Say($"races: {made} of {attempts} attempts, {made / spent.TotalSeconds:0}/s");
        }
        connections.ForEach(c => c.Dispose());
        return new RaceResult(made, races, CountOverlaps(holds), withoutWinner, made / spent.TotalSeconds);
    }

    /// <summary>Pairs of holds of one vehicle that overlap in the client's own record.</summary>
    private static int CountOverlaps(List<Hold> holds) => holds.GroupBy(h => h.Vehicle).Sum(group =>
    {
        var (overlaps, heldUntil) = (0, long.MinValue);
        foreach (var hold in group.OrderBy(h => h.From))
        {
            overlaps += hold.From < heldUntil ? 1 : 0;
            heldUntil = Math.Max(heldUntil, hold.Until);
        }
        return overlaps;
    });

    /// <param name="CatchUp">From the last answer at full pace until every reaction to the reservations had run: what the burst put off.</param>
    private sealed record ReservationResult(double PerSecond, Latencies AtFullPace, TimeSpan CatchUp, double HalfPace, Latencies AtHalfPace);

    private static async Task<ReservationResult> ReserveAsync(
        BenchPlatform platform, VehicleId[] vehicles, ConcurrentDictionary<string, int> errors, CancellationToken ct)
    {
        Say($"quotes for {vehicles.Length} reservations");
        var riders = NewRiders(platform, vehicles.Length);
        var connections = await OpenAsync(platform, ReserveConnections, ct);
        var offers = await QuoteAsync(connections, riders.Zip(vehicles).ToArray(), errors, ct);
        var fast = offers[..(offers.Length * 3 / 5)];
        var paced = offers[fast.Length..];

        Say("reservations as fast as they come");
        var full = new Latencies();
        var cpu = platform.CpuTime;
        var began = Stopwatch.GetTimestamp();
        await ForEachAsync(connections, fast, (connection, offer) => ReserveOneAsync(connection, offer, full, Stopwatch.GetTimestamp(), errors, ct));
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        var perSecond = full.Count / seconds;
        Say($"{perSecond:0} reservations/s; the platform's process used {(platform.CpuTime - cpu).TotalSeconds / seconds:0.00} of {Environment.ProcessorCount} cores");
        var catchUp = await platform.CatchUpAsync(ct);
        Say($"the reactions had caught up {catchUp.TotalSeconds:0.0} s later");

        var pace = perSecond / 2;
        Say($"reservations at {pace:0}/s");
        var half = new Latencies();
        var start = Stopwatch.GetTimestamp();
        var next = -1;
        await Task.WhenAll(connections.Select(async connection =>
        {
            while (Interlocked.Increment(ref next) is var i && i < paced.Length)
            {
                // Open loop: latency counts from the planned moment, so a stall is seen by all who would have come meanwhile.
                var planned = start + (long)(i / pace * Stopwatch.Frequency);
                var wait = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), planned);
                if (wait > TimeSpan.Zero)
                    await Task.Delay(wait, ct);
                await ReserveOneAsync(connection, paced[i], half, planned, errors, ct);
            }
        }));
        connections.ForEach(c => c.Dispose());
        await platform.CatchUpAsync(ct); // else the first unlock of the lifecycles waits behind the last reservations
        return new ReservationResult(perSecond, full, catchUp, pace, half);
    }

    private static async Task ReserveOneAsync(
        LoadConnection connection, Offer offer, Latencies latencies, long since, ConcurrentDictionary<string, int> errors, CancellationToken ct)
    {
        var reply = await connection.SendAsync("POST", "/v1/bookings", offer.Rider.Token, BodyOf(offer), NewKey(), ct);
        if (reply.Status == 201)
            latencies.AddSince(since);
        else
            Count(errors, $"reserve {reply.Status} {reply.Member("code")}");
    }

    private static async Task<Offer[]> QuoteAsync(
        List<LoadConnection> connections, (Rider Rider, VehicleId Vehicle)[] wishes, ConcurrentDictionary<string, int> errors, CancellationToken ct)
    {
        var offers = new ConcurrentBag<Offer>();
        await ForEachAsync(connections, wishes, async (connection, wish) =>
        {
            var reply = await connection.SendAsync("POST", "/v1/quotes", wish.Rider.Token, $$"""{"vehicleId":"{{wish.Vehicle}}"}""", null, ct);
            if (reply.Status is 200 or 201)
                offers.Add(new Offer(wish.Rider, wish.Vehicle, reply.Member("id")!));
            else
                Count(errors, $"quote {reply.Status} {reply.Member("code")}");
        });
        return [.. offers];
    }

    private static void Report(
        RaceResult races, ReservationResult reservations, LifecycleBench.Result lifecycles, PgbenchLimit.Result pgbench, ConcurrentDictionary<string, int> errors)
    {
        Console.WriteLine($"races         {races.Attempts} attempts in {races.Races} races of {Racers}: {races.DoubleBookings} double bookings, {races.RacesWithoutWinner} races without a winner, {races.PerSecond:0} attempts/s");
        Console.WriteLine($"reservations  {reservations.PerSecond:0}/s at full pace (p99 {reservations.AtFullPace.Percentile(0.99):0.0} ms, reactions done {reservations.CatchUp.TotalSeconds:0.0} s later); at {reservations.HalfPace:0}/s: p50 {reservations.AtHalfPace.Percentile(0.5):0.0}, p95 {reservations.AtHalfPace.Percentile(0.95):0.0}, p99 {reservations.AtHalfPace.Percentile(0.99):0.0} ms");
        Console.WriteLine($"pgbench       {pgbench.PerSecond:0} commits/s in one round trip each ({pgbench.OneByOnePerSecond:0}/s statement by statement); ratio {reservations.PerSecond / pgbench.PerSecond:0.00}");
        ReportLifecycles(lifecycles, errors);
    }

    private static void ReportLifecycles(LifecycleBench.Result lifecycles, ConcurrentDictionary<string, int> errors)
    {
        Console.WriteLine($"lifecycles    {lifecycles.PerSecond:0}/s complete ({lifecycles.Completed} in all)");
        foreach (var (step, latencies) in lifecycles.Steps)
            Console.WriteLine($"  {step,-11} p50 {latencies.Percentile(0.5),7:0.0}   p95 {latencies.Percentile(0.95),7:0.0}   p99 {latencies.Percentile(0.99),7:0.0} ms");
        Console.WriteLine(errors.IsEmpty ? "errors        none" : $"errors        {string.Join(", ", errors.Select(e => $"{e.Value} × {e.Key}"))}");
    }

    private static Rider[] NewRiders(BenchPlatform platform, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => Id.New<AccountId>(TimeProvider.System)).Select(id => new Rider(id, platform.RiderToken(id)))];

    private static async Task<List<LoadConnection>> OpenAsync(BenchPlatform platform, int count, CancellationToken ct)
    {
        var connections = new List<LoadConnection>();
        for (var i = 0; i < count; i++)
            connections.Add(await LoadConnection.OpenAsync(platform.Address, ct));
        return connections;
    }

    /// <summary>Each connection takes the next item as soon as it is free.</summary>
    private static Task ForEachAsync<T>(List<LoadConnection> connections, IReadOnlyList<T> items, Func<LoadConnection, T, Task> act)
    {
        var next = -1;
        return Task.WhenAll(connections.Select(async connection =>
        {
            while (Interlocked.Increment(ref next) is var i && i < items.Count)
                await act(connection, items[i]);
        }));
    }

    private static string BodyOf(Offer offer) => $$"""{"quoteId":"{{offer.Quote}}","safetyChecklist":true}""";

    internal static string NewKey() => Guid.CreateVersion7().ToString("N");

    internal static void Count(ConcurrentDictionary<string, int> errors, string what) => errors.AddOrUpdate(what, 1, (_, n) => n + 1);

    private static void Say(string words) => Console.Error.WriteLine($"bench: {words}");
}
