namespace Mobility.Twin.Replaying;

/// <summary>What happened within an hour on the city's clock.</summary>
public sealed record HourCount
{
    /// <summary>Its begin on the city's clock; the hour that comes twice in autumn is one.</summary>
    public required DateTime Hour { get; init; }

    /// <summary>Completed trips that began in it.</summary>
    public long Trips { get; init; }

    /// <summary>Failed trips that would have begun in it.</summary>
    public long Failed { get; init; }

    /// <summary>Riders who found no bike, so that the crew brought one.</summary>
    public long Relocations { get; init; }

    /// <summary>Batteries that were swapped after a ride that ended in it.</summary>
    public long Swaps { get; init; }

    /// <summary>Money of rides that ended in it, in minor units.</summary>
    public long CapturedMinor { get; init; }

    /// <summary>Time that completed trips spent in it, all bikes together.</summary>
    public double RiddenSeconds { get; init; }
}

/// <summary>Counts by the hours of the city's clock.</summary>
internal sealed class HourBook
{
    private const int HoursOfDay = 24;
    private readonly TimeZoneInfo _zone;
    private readonly SortedDictionary<DateTime, HourCount> _hours = [];

    public HourBook(TimeZoneInfo zone, IReadOnlyList<HourCount> was)
    {
        _zone = zone;
        foreach (var hour in was)
            _hours.Add(hour.Hour, hour);
    }

    public void Change(DateTimeOffset at, Func<HourCount, HourCount> change)
    {
        var hour = HourOf(at).Hour;
        _hours[hour] = change(_hours.GetValueOrDefault(hour) ?? new HourCount { Hour = hour });
    }

    /// <summary>A ride spends its time in each hour that it touches.</summary>
    public void Ride(DateTimeOffset start, DateTimeOffset end)
    {
        for (var at = start; at < end;)
        {
            var next = HourOf(at).Next is var hour && hour < end ? hour : end;
            var seconds = (next - at).TotalSeconds;
            Change(at, count => count with { RiddenSeconds = count.RiddenSeconds + seconds });
            at = next;
        }
    }

    /// <summary>All hours from the first in which something happened to the last.</summary>
    public IReadOnlyList<HourCount> ToList()
    {
        if (_hours.Count == 0)
            return [];
        var (first, last) = (_hours.Keys.First(), _hours.Keys.Last());
        var all = Enumerable.Range(0, (int)(last - first).TotalHours + 1).Select(index => first.AddHours(index));
        return [.. all.Select(hour => _hours.GetValueOrDefault(hour) ?? new HourCount { Hour = hour })];
    }

    /// <summary>The share of bikes under way by hour of the day, 0 to 1; null for an hour that no day of the run had.</summary>
    /// <param name="hours">Of the whole run, without gaps.</param>
    /// <param name="bikes">In the city.</param>
    public static IReadOnlyList<double?> Utilization(IReadOnlyList<HourCount> hours, int bikes) =>
        [.. Enumerable.Range(0, HoursOfDay).Select(hour => hours.Where(count => count.Hour.Hour == hour).ToList() is { Count: > 0 } lived
            ? lived.Sum(count => count.RiddenSeconds) / (lived.Count * 3_600.0 * bikes)
            : (double?)null)];

    private (DateTime Hour, DateTimeOffset Next) HourOf(DateTimeOffset at)
    {
        var local = TimeZoneInfo.ConvertTime(at, _zone).DateTime;
        var since = TimeSpan.FromTicks(local.Ticks % TimeSpan.TicksPerHour);
        return (local - since, at - since + TimeSpan.FromHours(1));
    }
}
