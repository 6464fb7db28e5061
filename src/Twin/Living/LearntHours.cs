using Mobility.Twin.Trips;

namespace Mobility.Twin.Living;

/// <summary>When people of a real city ride: the shares of a week's trips by its hours.</summary>
public static class LearntHours
{
    /// <summary>Hours of a week.</summary>
    public const int Count = 7 * 24;

    /// <summary>Counts trips; Monday 0:00 on the city's clock comes first. The shares add up to 1.</summary>
    /// <param name="trips">At least one; a file of whole weeks, else some days count more than others.</param>
    /// <param name="zone">The city's clock.</param>
    public static IReadOnlyList<double> From(IEnumerable<Trip> trips, TimeZoneInfo zone)
    {
        var hours = new double[Count];
        var total = 0L;
        foreach (var trip in trips)
        {
            var local = TimeZoneInfo.ConvertTime(trip.Start, zone);
            hours[((int)local.DayOfWeek + 6) % 7 * 24 + local.Hour]++;
            total++;
        }
        return [.. hours.Select(hour => hour / total)];
    }
}
