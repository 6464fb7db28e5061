using Mobility.Geo;

namespace Mobility.Twin.Trips;

/// <summary>One real trip, as its operator published it.</summary>
/// <param name="Start">When it began.</param>
/// <param name="End">When it ended; later than <paramref name="Start"/>.</param>
/// <param name="StartStation">The operator's name for the place, or the place's coordinates where it has none.</param>
/// <param name="StartPosition">Where it began.</param>
/// <param name="EndStation">As <paramref name="StartStation"/>.</param>
/// <param name="EndPosition">Where it ended.</param>
/// <param name="StartDay">The day of its begin on the city's calendar.</param>
/// <param name="File">The file that it is from, and within an archive the entry.</param>
/// <param name="Line">Its line there, counted from 1; the header is line 1.</param>
public sealed record Trip(
    DateTimeOffset Start, DateTimeOffset End, string StartStation, GeoPoint StartPosition, string EndStation, GeoPoint EndPosition, DateOnly StartDay,
    string File, long Line)
{
    /// <summary>How long it took.</summary>
    public TimeSpan Duration => End - Start;
}
