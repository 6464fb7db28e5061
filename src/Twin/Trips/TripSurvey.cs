using Mobility.Geo;

namespace Mobility.Twin.Trips;

/// <summary>A place where trips begin and end.</summary>
/// <param name="Name">As in <see cref="Trip.StartStation"/>.</param>
/// <param name="Position">Where the file first put it.</param>
/// <param name="Departures">Trips that begin there.</param>
public sealed record TripStation(string Name, GeoPoint Position, int Departures);

/// <summary>A row that is no trip.</summary>
/// <param name="File">The file, and within an archive the entry.</param>
/// <param name="Line">Counted from 1.</param>
/// <param name="Code">To count by.</param>
/// <param name="Reason">For people.</param>
public sealed record RejectedRow(string File, long Line, string Code, string Reason);

/// <summary>What the files hold; found in one pass that keeps the chosen trips in a <see cref="TripSpool"/> on disk.</summary>
public sealed record TripSurvey
{
    /// <summary>Rejected rows that are listed; all are counted.</summary>
    public const int ListedMax = 1_000;

    /// <summary>Places that are told apart; a file with more is no file of stations, and trips beyond use the nearest known one.</summary>
    public const int StationsMax = 20_000;

    /// <summary>Rows of all files, headers and empty lines aside.</summary>
    public required long Rows { get; init; }

    /// <summary>Rejected rows by the code of their reason.</summary>
    public required IReadOnlyDictionary<string, long> Rejected { get; init; }

    /// <summary>All rejected rows.</summary>
    public long RejectedTotal => Rejected.Values.Sum();

    /// <summary>The first rejected rows.</summary>
    public required IReadOnlyList<RejectedRow> Listed { get; init; }

    /// <summary>Trips that were chosen.</summary>
    public required long Trips { get; init; }

    /// <summary>Places of the chosen trips, in the order of their names.</summary>
    public required IReadOnlyList<TripStation> Stations { get; init; }

    /// <summary>Most chosen trips that are under way within the same minute.</summary>
    public required int PeakUnderWay { get; init; }

    /// <summary>Where the clocks of the first trip hung.</summary>
    public required TimeZoneInfo Zone { get; init; }

    /// <summary>Begin of the first chosen trip.</summary>
    public required DateTimeOffset FirstStart { get; init; }

    /// <summary>Reads all files; progress hears the rows so far.</summary>
    /// <param name="files">Trips, and lists of stations.</param>
    /// <param name="day">Null for all.</param>
    /// <param name="zone">Where the clocks hung; null for what the format says.</param>
    /// <param name="spool">Keeps the chosen trips.</param>
    /// <param name="progress">Hears the rows so far.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="TripFileException">A file cannot be read, no row of one is a trip, or no trip is of the day.</exception>
    public static TripSurvey Take(
        IReadOnlyList<string> files, DayChoice? day, TimeZoneInfo? zone, TripSpool spool, IProgress<long> progress, CancellationToken ct)
    {
        var count = new Counting();
        DateOnly? firstDay = null;
        var (stations, tripFiles) = StationList.Sort(files);
        if (tripFiles.Count == 0)
            throw new TripFileException("The files only list stations; give a file of trips too.");
        foreach (var file in tripFiles)
        {
            var (rows, rejected) = (count.Rows, count.Rejected);
            foreach (var row in TripFile.Read(file, zone, stations))
            {
                count.Rows++;
                if (count.Rows % 5_000 == 0)
                {
                    progress.Report(count.Rows);
                    ct.ThrowIfCancellationRequested();
                }
                if (row.Trip is not { } trip)
                {
                    count.Reject(row);
                    continue;
                }
                firstDay ??= trip.StartDay;
                count.Zone ??= row.Zone;
                if (day?.Includes(trip.StartDay, firstDay.Value) is false)
                    continue;
                count.Take(trip);
                spool.Add(trip);
            }
            if (count.Rows - rows == count.Rejected - rejected)
                throw NoTripIn(file, count.Rows - rows, count);
        }
        spool.Complete();
        return count.Trips == 0
            ? throw new TripFileException($"No trip starts on the day {day}.") { Rows = count.Rows, Rejected = count.Rejected }
            : count.ToSurvey();
    }

    private static TripFileException NoTripIn(string file, long rows, Counting count)
    {
        var example = count.Listed.Count >= rows && rows > 0 && count.Listed[^(int)rows] is var first ? $" The first, {first.File} line {first.Line}: {first.Reason}." : "";
        return new TripFileException($"{file}: no row can be read as a trip: {rows} rows, all rejected.{example}") { Rows = count.Rows, Rejected = count.Rejected };
    }

    private sealed class Counting
    {
        private readonly SortedDictionary<string, long> _rejected = new(StringComparer.Ordinal);
        private readonly SortedDictionary<string, TripStation> _stations = new(StringComparer.Ordinal);
        private readonly SortedDictionary<long, int> _changes = [];
        private DateTimeOffset _firstStart = DateTimeOffset.MaxValue;

        public long Rows { get; set; }
        public TimeZoneInfo? Zone { get; set; }
        public long Trips { get; private set; }
        public List<RejectedRow> Listed { get; } = [];
        public long Rejected => _rejected.Values.Sum();

        public void Reject(TripRow row)
        {
            _rejected[row.Fault!.Code] = _rejected.GetValueOrDefault(row.Fault.Code) + 1;
            if (Listed.Count < ListedMax)
                Listed.Add(new RejectedRow(row.File, row.Line, row.Fault.Code, row.Fault.Detail));
        }

        public void Take(Trip trip)
        {
            Trips++;
            _firstStart = trip.Start < _firstStart ? trip.Start : _firstStart;
            Note(trip.StartStation, trip.StartPosition, 1);
            Note(trip.EndStation, trip.EndPosition, 0);
            Change(trip.Start, 1);
            Change(trip.End.AddMinutes(1), -1); // a rider who arrives in this minute is free in the next
        }

        public TripSurvey ToSurvey()
        {
            var (now, peak) = (0, 0);
            foreach (var change in _changes.Values)
                peak = Math.Max(peak, now += change);
            return new TripSurvey
            {
                Rows = Rows,
                Rejected = _rejected,
                Listed = Listed,
                Trips = Trips,
                Stations = [.. _stations.Values],
                PeakUnderWay = peak,
                Zone = Zone!,
                FirstStart = _firstStart,
            };
        }

        private void Note(string name, GeoPoint position, int departures)
        {
            if (_stations.TryGetValue(name, out var known))
                _stations[name] = known with { Departures = known.Departures + departures };
            else if (_stations.Count < StationsMax)
                _stations[name] = new TripStation(name, position, departures);
        }

        private void Change(DateTimeOffset at, int by)
        {
            var minute = at.UtcTicks / TimeSpan.TicksPerMinute;
            _changes[minute] = _changes.GetValueOrDefault(minute) + by;
        }
    }
}

/// <summary>The day that was asked for: a date, or a number in the month of the files' first trip.</summary>
/// <param name="Date">The date; null for a number.</param>
/// <param name="Number">1 to 31; 0 for a date.</param>
public sealed record DayChoice(DateOnly? Date, int Number)
{
    /// <summary>Reads <c>2021-01-15</c> or <c>15</c>; null for anything else.</summary>
    public static DayChoice? Parse(string text) =>
        DateOnly.TryParseExact(text, "yyyy-MM-dd", out var date) ? new DayChoice(date, 0)
        : int.TryParse(text, System.Globalization.NumberStyles.None, null, out var number) && number is >= 1 and <= 31 ? new DayChoice(null, number)
        : null;

    /// <summary>Whether a day is the chosen one.</summary>
    public bool Includes(DateOnly day, DateOnly first) =>
        Date is { } date ? day == date : day.Day == Number && day.Month == first.Month && day.Year == first.Year;

    /// <inheritdoc/>
    public override string ToString() => Date?.ToString("yyyy-MM-dd") ?? Number.ToString();
}
