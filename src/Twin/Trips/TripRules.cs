using System.Globalization;
using Mobility.Geo;

namespace Mobility.Twin.Trips;

/// <summary>Why a row is no trip: a stable code to count by, and what a person wants to read.</summary>
internal sealed record Fault(string Code, string Detail);

/// <summary>From the fields of a row to a trip, or why it cannot have happened.</summary>
internal static class TripRules
{
    /// <summary>What lasts longer is a bike that was stolen, lost or not docked rightly.</summary>
    public static readonly TimeSpan DurationMax = TimeSpan.FromHours(24);

    /// <summary>How far the published duration may be from the published times; they are rounded apart.</summary>
    public static readonly TimeSpan DurationSlack = TimeSpan.FromSeconds(60);

    /// <summary>Between the places as the crow flies. No bike is faster on the average of a trip.</summary>
    public const double SpeedKphMax = 60;

    private static readonly string[] TimeForms = ["yyyy-MM-dd HH:mm:ss.FFFFFFF", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF", "M/d/yyyy H:mm:ss", "M/d/yyyy H:mm"];

    public static (Trip? Trip, Fault? Fault) Judge(
        TripFormat format, IReadOnlyList<string> fields, TimeZoneInfo zone, StationList stations, string file, long line)
    {
        if (fields.Count != format.Width)
            return (null, new Fault("width", $"the row has {fields.Count} fields, the header {format.Width}"));
        if (!TryReadTime(fields[format.Start], out var start))
            return (null, new Fault("start_unreadable", $"\"{Shown(fields[format.Start])}\" is no time"));
        if (!TryReadTime(fields[format.End], out var end))
            return (null, new Fault("end_unreadable", $"\"{Shown(fields[format.End])}\" is no time"));
        if (!TryReadPlace(fields, format.StartPlace, stations, start, out var startStation, out var startPosition))
            return (null, PlaceFault("start", fields, format.StartPlace, "begin"));
        if (!TryReadPlace(fields, format.EndPlace, stations, end, out var endStation, out var endPosition))
            return (null, PlaceFault("end", fields, format.EndPlace, "end"));
        if (zone.IsInvalidTime(start) || zone.IsInvalidTime(end))
            return (null, new Fault("time_skipped", "the clocks were put forward over this time"));
        if (end < start && !zone.IsAmbiguousTime(end))
            return (null, new Fault("ends_before_start", $"it ends {fields[format.End]}, before it starts {fields[format.Start]}"));
        TimeSpan? published = null;
        if (format.Duration is { } column)
        {
            if (!double.TryParse(fields[column], NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds)
                || !(Math.Abs(seconds) < TimeSpan.MaxValue.TotalSeconds / 2))
                return (null, new Fault("duration_unreadable", $"\"{Shown(fields[column])}\" is no number of seconds"));
            published = TimeSpan.FromSeconds(seconds);
        }
        var (startAt, endAt) = Instants(zone, start, end, published);
        if (endAt == startAt)
            return (null, new Fault("no_time_passes", "it ends when it starts"));
        if (endAt < startAt)
            return (null, new Fault("ends_before_start", $"it ends {fields[format.End]}, before it starts {fields[format.Start]}"));
        if (endAt - startAt > DurationMax)
            return (null, new Fault("too_long", $"it takes {(endAt - startAt).TotalHours:0.0} hours"));
        if (published is { } told && (told - (endAt - startAt)).Duration() > DurationSlack)
            return (null, new Fault("duration_disagrees", $"its duration is {told.TotalSeconds:0} s, but its times say {(endAt - startAt).TotalSeconds:0} s"));
        var speed = startPosition.DistanceMetersTo(endPosition) / (endAt - startAt).TotalSeconds * 3.6;
        if (speed > SpeedKphMax)
            return (null, new Fault("too_fast", $"it goes {speed:0} km/h"));
        return (new Trip(startAt, endAt, startStation, startPosition, endStation, endPosition, DateOnly.FromDateTime(start), file, line), null);
    }

    /// <summary>
    /// Wall-clock times to instants. An hour of the autumn night happens twice: of the possible pairs the one is taken that agrees best with the published
    /// duration, or else the shortest that does not end before it starts.
    /// </summary>
    private static (DateTimeOffset Start, DateTimeOffset End) Instants(TimeZoneInfo zone, DateTime start, DateTime end, TimeSpan? published)
    {
        (DateTimeOffset Start, DateTimeOffset End)? best = null;
        foreach (var from in Readings(zone, start))
        {
            foreach (var to in Readings(zone, end))
            {
                if (best is not { } so || Unlikeliness(from, to) < Unlikeliness(so.Start, so.End))
                    best = (from, to);
            }
        }
        return best!.Value;

        double Unlikeliness(DateTimeOffset from, DateTimeOffset to) =>
            published is { } told ? Math.Abs((to - from - told).TotalSeconds) : to >= from ? (to - from).TotalSeconds : double.MaxValue;
    }

    private static IEnumerable<DateTimeOffset> Readings(TimeZoneInfo zone, DateTime local)
    {
        var offsets = zone.IsAmbiguousTime(local) ? zone.GetAmbiguousTimeOffsets(local) : [zone.GetUtcOffset(local)];
        return offsets.OrderDescending().Select(offset => new DateTimeOffset(local, offset).ToUniversalTime());
    }

    private static bool TryReadTime(string text, out DateTime time) =>
        DateTime.TryParseExact(text.Trim(), TimeForms, CultureInfo.InvariantCulture, DateTimeStyles.None, out time)
        && time.Year is >= 1990 and < 2200;

    /// <summary>Whether both texts are degrees of a place on earth.</summary>
    public static bool TryReadPosition(string latitude, string longitude, out GeoPoint position)
    {
        position = default;
        return TryReadDegrees(latitude, out var north) && TryReadDegrees(longitude, out var east) && GeoPoint.TryCreate(north, east, out position)
            && position != default; // the sea off Ghana, and what a missing number becomes in spreadsheets
    }

    private static bool TryReadPlace(
        IReadOnlyList<string> fields, TripFormat.Place columns, StationList stations, DateTime at, out string station, out GeoPoint position)
    {
        var (id, name) = (fields[columns.Id].Trim(), fields[columns.Name].Trim());
        station = "";
        if (columns is { Latitude: { } latitude, Longitude: { } longitude })
        {
            if (!TryReadPosition(fields[latitude], fields[longitude], out position))
                return false;
        }
        else if (stations.Find(id, name, DateOnly.FromDateTime(at)) is { } known)
            position = known;
        else
        {
            position = default;
            return false;
        }
        // A trip that names no station began at the place itself; to about 100 m such places are one.
        station = id.Length > 0 ? id
            : name.Length > 0 ? name
            : string.Create(CultureInfo.InvariantCulture, $"{position.LatitudeDegrees:0.000},{position.LongitudeDegrees:0.000}");
        station = station.Length > 64 ? station[..64] : station;
        return true;
    }

    private static Fault PlaceFault(string code, IReadOnlyList<string> fields, TripFormat.Place columns, string word) => columns.Latitude is null
        ? new Fault($"{code}_station_unknown", $"the station of the {word}, {Shown(fields[columns.Id])} \"{Shown(fields[columns.Name])}\", is in no list of stations")
        : new Fault($"{code}_place_missing", $"the place of the {word} has no coordinates on earth");

    private static bool TryReadDegrees(string text, out double degrees) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out degrees) && double.IsFinite(degrees);

    private static string Shown(string text) => text.Length <= 40 ? text : text[..40] + "…";
}
