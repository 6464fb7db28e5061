namespace Mobility.Twin.Trips;

/// <summary>Where a published file keeps what; found by the names in its first line.</summary>
/// <param name="Name">For people.</param>
/// <param name="Width">Fields of a row.</param>
/// <param name="TimeZone">Where the clocks hung, by IANA name.</param>
internal sealed record TripFormat(string Name, int Width, string TimeZone)
{
    private static readonly Known[] All =
    [
        new("Citi Bike until January 2021", "America/New_York", "starttime", "stoptime", "startstationid", "startstationname", "startstationlatitude", "startstationlongitude",
            "endstationid", "endstationname", "endstationlatitude", "endstationlongitude", "tripduration"),
        new("Citi Bike since February 2021", "America/New_York", "startedat", "endedat", "startstationid", "startstationname", "startlat", "startlng",
            "endstationid", "endstationname", "endlat", "endlng", null),
        new("Bay Area Bike Share 2014", "America/Los_Angeles", "startdate", "enddate", "startterminal", "startstation", null, null,
            "endterminal", "endstation", null, null, "duration"),
    ];

    public required int Start { get; init; }
    public required int End { get; init; }
    public required Place StartPlace { get; init; }
    public required Place EndPlace { get; init; }

    /// <summary>The column of the duration in seconds; null where the format has none.</summary>
    public int? Duration { get; init; }

    /// <summary>Columns that describe a place; without coordinates a list of stations has them.</summary>
    public sealed record Place(int Id, int Name, int? Latitude, int? Longitude);

    /// <summary>The format whose columns are all in the header; null when it is none that is known.</summary>
    public static TripFormat? Recognize(IReadOnlyList<string> header)
    {
        var names = header.Select(Plain).ToList();
        foreach (var known in All)
        {
            if (!known.Columns.All(names.Contains))
                continue;
            return new TripFormat(known.Name, header.Count, known.TimeZone)
            {
                Start = At(known.Start),
                End = At(known.End),
                StartPlace = new(At(known.StartId), At(known.StartName), Maybe(known.StartLatitude), Maybe(known.StartLongitude)),
                EndPlace = new(At(known.EndId), At(known.EndName), Maybe(known.EndLatitude), Maybe(known.EndLongitude)),
                Duration = Maybe(known.Duration),
            };
        }
        return null;

        int At(string column) => names.IndexOf(column);

        int? Maybe(string? column) => column is null ? null : At(column);
    }

    /// <summary>Operators changed blanks, underscores and capitals over the years, but not the words.</summary>
    public static string Plain(string name) => string.Concat(name.Where(char.IsAsciiLetter)).ToLowerInvariant();

    private sealed record Known(
        string Name, string TimeZone, string Start, string End, string StartId, string StartName, string? StartLatitude, string? StartLongitude,
        string EndId, string EndName, string? EndLatitude, string? EndLongitude, string? Duration)
    {
        public IEnumerable<string> Columns => new[]
        {
            Start, End, StartId, StartName, StartLatitude, StartLongitude, EndId, EndName, EndLatitude, EndLongitude, Duration,
        }.OfType<string>();
    }
}
