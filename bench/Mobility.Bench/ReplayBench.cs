using System.Diagnostics;
using System.Text.Json;
using Mobility.Host.Commands;
using Mobility.Twin.Replaying;
using Mobility.Twin.Trips;

namespace Mobility.Bench;

/// <summary>
/// A month of real trips through the whole platform, and one day that has as many trips as the busiest system has on average: trips and reports per second, and the
/// memory of platform and twin apart. There is no peer that does the same; the limit is the lifecycles per second of <c>bench booking</c>.
/// </summary>
internal static class ReplayBench
{
    /// <summary>Trips of an average day of the busiest bike-share system.</summary>
    public const int LargeDayTrips = 168_000;

    /// <summary>January 2021 of Jersey City, where the published files lie beside the repository.</summary>
    public static string UsualFile => Path.Combine(PlatformOptions.Root, "..", "shared", "data", "trips-jersey-city-2021", "JC-202101-citibike-tripdata.csv.zip");

    private static readonly TimeSpan PreparationTime = TimeSpan.FromHours(1);
    private static readonly TimeSpan TellEvery = TimeSpan.FromSeconds(10);

    private sealed record Part(long Trips, long Completed, long Failed, double Seconds, long Messages, double PlatformMegabytes, double TwinMegabytes, int Violations)
    {
        public double TripsPerSecond => Trips / Seconds;
        public double MessagesPerSecond => Messages / Seconds;
    }

    /// <param name="files">Published trips.</param>
    /// <param name="large">Whether the large day is lived after a quick run too, as it is after a whole one.</param>
    /// <param name="quick">One day of the file, and nothing else.</param>
    /// <param name="json">Ends with one line of JSON.</param>
    /// <param name="ct">Gives up.</param>
    public static async Task<int> RunAsync(IReadOnlyList<string> files, bool large, bool quick, bool json, CancellationToken ct)
    {
        var folder = Directory.CreateTempSubdirectory("mobility-bench-trips-").FullName;
        using var spool = new TripSpool(folder);
        var survey = TripSurvey.Take(files, quick ? DayChoice.Parse("15") : null, null, spool, new Progress<long>(), ct);
        Say($"{survey.Trips} trips at {survey.Stations.Count} stations, at most {survey.PeakUnderWay} within a minute");
        var month = await LiveAsync(survey, spool.Read(), ReplayCity.BikesPerPeakRider, ct);
        Part? day = null;
        if (large || !quick)
        {
            using var all = new TripSpool(Directory.CreateTempSubdirectory("mobility-bench-trips-").FullName);
            using var scaled = new TripSpool(Directory.CreateTempSubdirectory("mobility-bench-day-").FullName);
            var whole = TripSurvey.Take(files, null, null, all, new Progress<long>(), ct);
            var of = LargeDay.Scale(all.Read(), whole, LargeDayTrips, scaled);
            Say($"a day of {of.Trips} trips, at most {of.PeakUnderWay} within a minute");
            day = await LiveAsync(of, scaled.Read(), LargeDay.BikesPerPeakRider, ct);
        }
        if (json)
            Console.WriteLine(Line(month, day));
        return month.Failed + (day?.Failed ?? 0) + month.Violations + (day?.Violations ?? 0) == 0 ? 0 : 1;
    }

    private static string Line(Part month, Part? day)
    {
        var line = new Dictionary<string, object?> { ["bench"] = "replay" };
        Add("", month);
        Add("large_day_", day);
        return JsonSerializer.Serialize(line);

        void Add(string prefix, Part? part)
        {
            line[prefix + "trips"] = part?.Trips;
            line[prefix + "completed"] = part?.Completed;
            line[prefix + "failed"] = part?.Failed;
            line[prefix + "wall_seconds"] = Rounded(part?.Seconds, 1);
            line[prefix + "trips_per_second"] = Rounded(part?.TripsPerSecond, 1);
            line[prefix + "messages_per_second"] = Rounded(part?.MessagesPerSecond, 1);
            line[prefix + "platform_peak_mb"] = Rounded(part?.PlatformMegabytes, 0);
            line[prefix + "twin_peak_mb"] = Rounded(part?.TwinMegabytes, 0);
            line[prefix + "audit_violations"] = part?.Violations;
        }
    }

    private static double? Rounded(double? value, int digits) => value is { } known ? Math.Round(known, digits) : null;

    private static async Task<Part> LiveAsync(TripSurvey survey, IEnumerable<Trip> trips, double bikesPerPeakRider, CancellationToken ct)
    {
        Say("starting a fresh PostgreSQL that does not wait for the disk, and the platform");
        var folder = ReplayFolder.Temporary();
        await using var database = await ReplayDatabase.StartAsync(folder, null, false, new Progress<string>(), ct);
        var password = ReplayRun.NewCrewPassword();
        await using var platform = await PlatformProcess.StartAsync(
            database.ConnectionString, ReplayCity.Build(survey, password, bikesPerPeakRider: bikesPerPeakRider), survey.FirstStart - PreparationTime, new Progress<string>(), ct);
        await using var run = new ReplayRun(
            platform.Handle, new ReplayPlan { Survey = survey, CrewPassword = password, BikesFolder = folder.Bikes, Key = folder.Key });
        Say($"registering {survey.PeakUnderWay} riders");
        await run.PrepareAsync(ct);
        Say("living");
        var (began, told) = (Stopwatch.GetTimestamp(), Stopwatch.GetTimestamp());
        var result = await run.RunAsync(trips, new Told(now =>
        {
            if (Stopwatch.GetElapsedTime(told) < TellEvery)
                return;
            told = Stopwatch.GetTimestamp();
            Say($"{now.At:MM-dd HH:mm}: {now.Finished} of {survey.Trips}, {now.Failed} failed, {now.Finished / Stopwatch.GetElapsedTime(began).TotalSeconds:0.0}/s");
        }), CancellationToken.None, ct);
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        var (platformPeak, twinPeak) = (platform.PeakMegabytes, PlatformProcess.PeakMegabytesOf(Environment.ProcessId));
        Say("auditing");
        var part = new Part(survey.Trips, result.Completed, result.Failed, seconds, result.TelemetryMessages, platformPeak, twinPeak, AuditCommand.CountViolations(await platform.AuditAsync(new Progress<string>(), ct)));
        Say($"{part.Completed} of {part.Trips} trips in {part.Seconds:0} s: {part.TripsPerSecond:0.0} trips/s, {part.MessagesPerSecond:0} reports/s; platform {part.PlatformMegabytes:0} MB, twin {part.TwinMegabytes:0} MB; {part.Violations} violations");
        foreach (var (reason, count) in result.FailedBy)
            Say($"  {count} × {reason}");
        foreach (var step in result.Latencies)
            Say($"  {step.Step,-18}{step.Count,8}{step.P50,9:0.0}{step.P95,9:0.0}{step.P99,9:0.0} ms");
        return part;
    }

    private static void Say(string line) => Console.Error.WriteLine("bench: " + line);

    private sealed class Told(Action<ReplayProgress> tell) : IProgress<ReplayProgress>
    {
        public void Report(ReplayProgress value) => tell(value);
    }
}

/// <summary>All days of a file put into one, again and again with other minutes, until it has as many trips as a large system's day.</summary>
internal static class LargeDay
{
    /// <summary>Fewer than a file's month has: each bike of the twin is an agent with a connection and two open files, and there are thousands.</summary>
    public const double BikesPerPeakRider = 1.5;

    private const int ShiftMinutesMax = 20;

    /// <summary>Trips begin at whole multiples of it, as in files that know minutes; who begins at the same time begins side by side, as riders do.</summary>
    private static readonly TimeSpan Grid = TimeSpan.FromMinutes(1);

    /// <param name="trips">The days.</param>
    /// <param name="survey">Of the days; the first is the day that becomes large.</param>
    /// <param name="wanted">Trips.</param>
    /// <param name="spool">Keeps them.</param>
    public static TripSurvey Scale(IEnumerable<Trip> trips, TripSurvey survey, int wanted, TripSpool spool)
    {
        var all = trips.Where(trip => trip.Duration < TimeSpan.FromHours(3)).ToArray();
        var day = all[0].StartDay;
        var midnight = new DateTimeOffset(day.ToDateTime(TimeOnly.MinValue), survey.Zone.GetUtcOffset(day.ToDateTime(TimeOnly.MinValue)));
        var random = new Random(1);
        var changes = new SortedDictionary<long, int>();
        var departures = new Dictionary<string, int>();
        for (var count = 0; count < wanted; count++)
        {
            var trip = all[count % all.Length];
            var local = TimeZoneInfo.ConvertTime(trip.Start, survey.Zone).TimeOfDay + TimeSpan.FromMinutes((random.NextDouble() * 2 - 1) * ShiftMinutesMax);
            var start = (midnight + (local < TimeSpan.Zero ? local + TimeSpan.FromDays(1) : local >= TimeSpan.FromDays(1) ? local - TimeSpan.FromDays(1) : local)).ToUniversalTime();
            start = start.AddTicks(-(start.Ticks % Grid.Ticks));
            spool.Add(trip with { Start = start, End = start + trip.Duration, StartDay = day, Line = count + 2 });
            departures[trip.StartStation] = departures.GetValueOrDefault(trip.StartStation) + 1;
            Change(start, 1);
            Change(start + trip.Duration + TimeSpan.FromMinutes(1), -1);
        }
        spool.Complete();
        var (now, peak) = (0, 0);
        foreach (var change in changes.Values)
            peak = Math.Max(peak, now += change);
        return survey with
        {
            Trips = wanted,
            PeakUnderWay = peak,
            FirstStart = midnight.ToUniversalTime(),
            Stations = [.. survey.Stations.Select(station => station with { Departures = departures.GetValueOrDefault(station.Name) })],
        };

        void Change(DateTimeOffset at, int by)
        {
            var minute = at.UtcTicks / TimeSpan.TicksPerMinute;
            changes[minute] = changes.GetValueOrDefault(minute) + by;
        }
    }
}
