using System.Collections.Immutable;
using System.Diagnostics;
using System.Text.Json;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Telemetry.Live;

namespace Mobility.Bench;

/// <summary>
/// Nearby search (500 m, the nearest 20, with distance) over 50,000 and 1,000,000 vehicles of the same density: in process, while 50,000 positions a second
/// arrive and their zone crossings are evaluated, and over HTTP beside a bare endpoint with the same bytes; Redis and PostGIS hold the same rentable vehicles.
/// </summary>
internal static class NearbyBench
{
    public const double RadiusMeters = 500;
    public const int Limit = 20;
    private const int UpdatesPerSecond = 50_000;
    private const int ZoneCount = 5_000;

    /// <summary>A dense European city with several operators: Paris had 15,000 shared scooters on its 105 km².</summary>
    private const double VehiclesPerSquareKilometer = 100;

    private static readonly GeoPoint Middle = new(48.2, 11.5);

    public sealed record Phase(double QueriesPerSecond, double P50, double P99, double P999, double UpdatesPerSecond, double CrossingsPerSecond, double FoundMean, double RetryShare);

    public static async Task<int> RunAsync(bool json, bool quick, bool alone, CancellationToken ct)
    {
        var seconds = quick ? 2 : 6;
        var (sizes, results) = (new[] { 50_000, 1_000_000 }, new List<(City City, Phase Still, Phase Moving)>());
        foreach (var size in sizes)
        {
            Say($"{size} vehicles: building");
            var city = City.Build(size);
            Measure(city, 2, 0, 1); // warm
            var still = Best(() => Measure(city, 2, 0, seconds));
            var moving = Best(() => Measure(city, 2, UpdatesPerSecond, seconds));
            results.Add((city, still, moving));
            Say($"  {city.BytesPerVehicle:0} bytes a vehicle, {city.RentableCount} rentable, zones cut the grid into {city.Zones.SegmentCount} pieces; an answer has {still.FoundMean:0.0} vehicles");
            Say($"  {still.QueriesPerSecond:0} queries/s on both cores, p50 {still.P50:0.00} µs, p99 {still.P99:0.00} µs");
            Say($"  with updates: {moving.QueriesPerSecond:0} queries/s, p50 {moving.P50:0.00} µs, p99 {moving.P99:0.00} µs, p99.9 {moving.P999:0.0} µs; {moving.UpdatesPerSecond:0} updates/s, "
                + $"{moving.CrossingsPerSecond:0} crossings/s, {moving.RetryShare:P3} of the searches began again");
        }
        var alonePerSecond = UpdateAlone(results[^1].City, seconds);
        Say($"one writer alone: {alonePerSecond:0} updates/s with crossings");
        if (alone)
            return 0;

        var big = results[^1];
        var http = await NearbyHttp.RunAsync(big.City.Fleet, big.City.Queries, seconds, Say, ct);
        var redis = await RedisPeer.RunAsync(big.City, seconds, Say, ct);
        var postgis = await PostgisPeer.RunAsync(big.City, seconds, Say, ct);
        var growth = results[0].Still.QueriesPerSecond / big.Still.QueriesPerSecond;
        Say($"growth of a query's cost from 50,000 to 1,000,000 vehicles: {growth:0.00}");
        if (json)
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                bench = "nearby",
                vehicles = sizes[^1],
                queries_per_second = Math.Round(big.Still.QueriesPerSecond),
                http_queries_per_second = Math.Round(http.Nearby),
                updates_per_second = Math.Round(big.Moving.UpdatesPerSecond),
                p99_us = Math.Round(big.Moving.P99, 2),
                bytes_per_vehicle = Math.Round(big.City.BytesPerVehicle, 1),
                bare_http_requests_per_second = Math.Round(http.Bare),
                redis_queries_per_second = Math.Round(redis.Pipelined),
                postgis_queries_per_second = Math.Round(postgis),
                ratio_redis = Ratio(big.Still.QueriesPerSecond, redis.Pipelined),
                ratio_postgis = Ratio(big.Still.QueriesPerSecond, postgis),
                ratio_bare = Ratio(http.Nearby, http.Bare),
                growth_1m_over_50k = Math.Round(growth, 2),
                queries_per_second_with_updates = Math.Round(big.Moving.QueriesPerSecond),
                queries_per_second_50k = Math.Round(results[0].Still.QueriesPerSecond),
                queries_per_second_50k_with_updates = Math.Round(results[0].Moving.QueriesPerSecond),
                p99_us_50k = Math.Round(results[0].Moving.P99, 2),
                p99_us_without_updates = Math.Round(big.Still.P99, 2),
                bytes_per_vehicle_50k = Math.Round(results[0].City.BytesPerVehicle, 1),
                updates_per_second_one_writer = Math.Round(alonePerSecond),
                zones = ZoneCount,
                crossings_per_second = Math.Round(big.Moving.CrossingsPerSecond),
                redis_queries_per_second_one_by_one = Math.Round(redis.OneByOne),
                ratio_redis_http = Ratio(http.Nearby, redis.OneByOne),
                response_bytes = http.Bytes,
            }));
        return 0;
    }

    private static double? Ratio(double ours, double theirs) => theirs > 0 ? Math.Round(ours / theirs, 3) : null;

    private static Phase Best(Func<Phase> measure) => Enumerable.Range(0, 3).Select(_ => measure()).MaxBy(p => p.QueriesPerSecond)!;

    /// <summary>Readers on threads of their own, each with its own search; every query is timed. One writer beside them when updates are wanted.</summary>
    private static Phase Measure(City city, int readers, int updatesPerSecond, int seconds)
    {
        GC.Collect();
        var end = Stopwatch.GetTimestamp() + seconds * Stopwatch.Frequency;
        var (queries, found, retries) = (0L, 0L, 0L);
        var histogram = new long[200_000]; // of ten nanoseconds each
        var gate = new Lock();
        (long Updates, long Crossings) written = default;
        var writer = updatesPerSecond > 0 ? new Thread(() => written = Write(city, updatesPerSecond, end)) : null;
        var threads = Enumerable.Range(0, readers).Select(reader => new Thread(() =>
        {
            var search = new LiveSearch(city.Fleet);
            var own = new long[histogram.Length];
            var (asked, seen) = (0L, 0L);
            var filter = LiveFilter.Rentable;
            var began = Stopwatch.GetTimestamp();
            for (var i = reader * 7919; began < end; i++)
            {
                var vehicles = search.Nearest(city.Queries[i % city.Queries.Length], RadiusMeters, filter, Limit);
                asked++;
                seen += vehicles.Length;
                var ended = Stopwatch.GetTimestamp();
                own[Math.Min(own.Length - 1, (ended - began) * 100_000_000 / Stopwatch.Frequency)]++;
                began = ended;
            }
            lock (gate)
            {
                (queries, found, retries) = (queries + asked, found + seen, retries + search.Retries);
                for (var i = 0; i < own.Length; i++)
                    histogram[i] += own[i];
            }
        })).ToList();
        writer?.Start();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        writer?.Join();
        return new Phase((double)queries / seconds, At(0.5), At(0.99), At(0.999), (double)written.Updates / seconds, (double)written.Crossings / seconds, (double)found / queries, (double)retries / queries);

        double At(double share)
        {
            var below = 0L;
            for (var i = 0; i < histogram.Length; i++)
                if ((below += histogram[i]) >= share * queries)
                    return (i + 1) / 100.0;
            return double.PositiveInfinity;
        }
    }

    private static double UpdateAlone(City city, int seconds) => (double)Write(city, int.MaxValue, Stopwatch.GetTimestamp() + seconds * Stopwatch.Frequency).Updates / seconds;

    /// <summary>Vehicles drive some meters at each report; the zones that they leave, enter and cross are found at once.</summary>
    private static (long Updates, long Crossings) Write(City city, int perSecond, long end)
    {
        var random = new Random(11);
        var (updates, crossings) = (0L, 0L);
        var began = Stopwatch.GetTimestamp();
        Span<int> left = stackalloc int[ZoneIndex.ZonesAtPointMax];
        Span<int> entered = stackalloc int[ZoneIndex.ZonesAtPointMax];
        Span<int> crossed = stackalloc int[ZoneIndex.ZonesAtPointMax];
        while (Stopwatch.GetTimestamp() is var now && now < end)
        {
            var due = perSecond == int.MaxValue ? updates + 1_000 : (long)((now - began) / (double)Stopwatch.Frequency * perSecond);
            for (; updates < due; updates++)
            {
                var vehicle = random.Next(city.Vehicles.Length);
                var to = unchecked(new PackedPoint(city.Positions[vehicle].LatitudeUnits + random.Next(-3_000, 3_001), city.Positions[vehicle].LongitudeUnits + random.Next(-3_000, 3_001)));
                city.Positions[vehicle] = to;
                city.Moment++;
                if (!city.Fleet.Report(city.Vehicles[vehicle], to, null, city.Moment, out var from))
                    throw new InvalidOperationException("A report of a known vehicle was not taken.");
                var crossing = city.Zones.Between(from.ToPoint(), to.ToPoint(), left, entered, crossed);
                crossings += crossing.Left + crossing.Entered + crossing.Crossed;
            }
            if (perSecond != int.MaxValue)
                Thread.Sleep(1);
        }
        return (updates, crossings);
    }

    private static void Say(string sentence) => Console.Error.WriteLine($"bench: {sentence}");

    /// <summary>Vehicles evenly over a square, 5,000 zones among them, and places where riders ask.</summary>
    internal sealed class City
    {
        private City(LiveFleet fleet, Guid[] vehicles, PackedPoint[] positions, PackedPoint[] queries, ZoneIndex zones, double bytesPerVehicle, int rentable) =>
            (Fleet, Vehicles, Positions, Queries, Zones, BytesPerVehicle, RentableCount) = (fleet, vehicles, positions, queries, zones, bytesPerVehicle, rentable);

        public LiveFleet Fleet { get; }

        public Guid[] Vehicles { get; }

        public PackedPoint[] Positions { get; }

        public PackedPoint[] Queries { get; }

        public ZoneIndex Zones { get; }

        public double BytesPerVehicle { get; }

        public int RentableCount { get; }

        public long Moment { get; set; } = 1;

        public static City Build(int count)
        {
            var random = new Random(1);
            var side = Math.Sqrt(count / VehiclesPerSquareKilometer) * 1_000;
            var what = new LiveClass("bench", "scooter", VehicleKind.Scooter, 40_000, 15);
            var vehicles = Enumerable.Range(0, count).Select(i => VehicleId.Of(new CityId("bench"), $"b{i:0000000}").Value).ToArray();
            var positions = vehicles.Select(_ => PackedPoint.Of(Somewhere(random, side))).ToArray();
            var states = vehicles.Select((vehicle, i) => new LiveState
            {
                Vehicle = vehicle,
                Label = $"b{i:0000000}",
                Class = what,
                State = VehicleState.Available,
                Offered = random.Next(100) < 85, // the others are ridden, reserved or broken
                Version = 1,
                Position = positions[i],
                Charge = 5 + random.Next(96),
                MeasuredAt = 1,
            }).ToArray();
            GC.Collect();
            var before = GC.GetTotalMemory(true);
            var fleet = new LiveFleet();
            foreach (var state in states)
                fleet.Take(state);
            GC.Collect();
            var bytes = GC.GetTotalMemory(true) - before;
            var rentable = states.Count(s => s.Offered && s.Charge >= what.MinimumCharge);
            var queries = Enumerable.Range(0, 100_000).Select(_ => PackedPoint.Of(Somewhere(random, side - 1_000))).ToArray();
            var zones = new ZoneIndex(Enumerable.Range(0, ZoneCount).Select(i => ZoneOf(i, random, side)));
            return new City(fleet, vehicles, positions, queries, zones, (double)bytes / count, rentable);
        }

        /// <summary>What a search may find, for the peers: they hold nothing else.</summary>
        public IEnumerable<(Guid Id, GeoPoint Point)> Rentable()
        {
            for (var i = 0; i < Vehicles.Length; i++)
                if (Fleet.Get(Vehicles[i]) is { } state && state.Offered && state.Charge >= state.Class.MinimumCharge)
                    yield return (state.Vehicle, state.Position.Rounded());
        }

        private static GeoPoint Somewhere(Random random, double side) => new(
            Middle.LatitudeDegrees + (random.NextDouble() - 0.5) * side / 111_195, Middle.LongitudeDegrees + (random.NextDouble() - 0.5) * side / 74_118);

        /// <summary>The whole area, 200 large zones, 1,000 of a few streets, the others bays.</summary>
        private static GeoMultiPolygon ZoneOf(int number, Random random, double side)
        {
            if (number == ZoneCount - 1)
                return new GeoMultiPolygon(new GeoPolygon(Star(Middle, side / 2, side / 2, 4, random)));
            var (radius, corners) = number < 200 ? (300 + random.Next(700), 24) : number < 1_200 ? (50 + random.Next(150), 12) : (4 + random.Next(12), 5);
            return new GeoMultiPolygon(new GeoPolygon(Star(Somewhere(random, side), radius * 0.7, radius, corners, random)));
        }

        private static ImmutableArray<GeoPoint> Star(GeoPoint middle, double least, double most, int corners, Random random)
        {
            var ring = Enumerable.Range(0, corners).Select(i =>
            {
                var (angle, radius) = ((i + 0.5) * 2 * Math.PI / corners, (least + random.NextDouble() * (most - least)) * (corners == 4 ? Math.Sqrt(2) : 1));
                return new GeoPoint(middle.LatitudeDegrees + Math.Sin(angle) * radius / 111_195, middle.LongitudeDegrees + Math.Cos(angle) * radius / 74_118);
            }).ToList();
            return [.. ring, ring[0]];
        }
    }
}
