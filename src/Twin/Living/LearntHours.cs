using System.Collections.Immutable;
using Mobility.Twin.Trips;

namespace Mobility.Twin.Living;

/// <summary>When people of a real city ride: how many trips a week has, and how they spread over its hours.</summary>
public sealed record LearntHours
{
    /// <summary>Hours of a week.</summary>
    public const int Count = 7 * 24;

    /// <summary>Shares of a week's trips by its hours, Monday 0:00 on the city's clock first; together 1.</summary>
    public required ImmutableArray<double> Shares { get; init; }

    /// <summary>Trips in a week, on average.</summary>
    public required double TripsAWeek { get; init; }

    /// <summary>The share of the hour in which a local time is.</summary>
    public double ShareAt(DateTimeOffset local) => Shares[HourOfWeek(local)];

    /// <summary>So many riders of the synthetic city have as many ways in a week.</summary>
    public int Riders => (int)Math.Max(1, Math.Round(TripsAWeek / DemandModel.WaysAWeek));

    /// <summary>Counts trips. A weekday that a file has more often than another counts no more for it; one that it does not have has no trips.</summary>
    /// <param name="trips">At least one.</param>
    /// <param name="zone">The city's clock.</param>
    public static LearntHours From(IEnumerable<Trip> trips, TimeZoneInfo zone)
    {
        var hours = new double[Count];
        var (first, last) = (DateTime.MaxValue, DateTime.MinValue);
        foreach (var trip in trips)
        {
            var local = TimeZoneInfo.ConvertTime(trip.Start, zone);
            hours[HourOfWeek(local)]++;
            (first, last) = (local.Date < first ? local.Date : first, local.Date > last ? local.Date : last);
        }
        var days = new int[7];
        for (var day = first; day <= last; day = day.AddDays(1))
            days[DayOfWeek(day)]++;
        for (var hour = 0; hour < Count; hour++)
            hours[hour] /= Math.Max(1, days[hour / 24]);
        var week = hours.Sum();
        return new LearntHours { Shares = [.. hours.Select(hour => hour / week)], TripsAWeek = week };
    }

    private static int HourOfWeek(DateTimeOffset local) => DayOfWeek(local.DateTime) * 24 + local.Hour;

    /// <summary>From 0 for Monday.</summary>
    private static int DayOfWeek(DateTime day) => ((int)day.DayOfWeek + 6) % 7;
}
