using Mobility.Twin.Trips;

namespace Mobility.Twin.Replaying;

/// <summary>What became of the trips so far.</summary>
public sealed record TripCounts
{
    /// <summary>Trips that were settled.</summary>
    public required long Completed { get; init; }

    /// <summary>Trips that failed.</summary>
    public required long Failed { get; init; }

    /// <summary>Failed trips by step and code.</summary>
    public required IReadOnlyDictionary<string, long> FailedBy { get; init; }

    /// <summary>The first failed trips.</summary>
    public required IReadOnlyList<FailedTrip> Listed { get; init; }

    /// <summary>Riders who searched.</summary>
    public required long Searches { get; init; }

    /// <summary>Money that was captured, in minor units.</summary>
    public required long CapturedMinor { get; init; }

    /// <summary>Completed trips that the platform ended before their riders.</summary>
    public required long EndedByPlatform { get; init; }

    /// <summary>The same by hours.</summary>
    public required IReadOnlyList<HourCount> Hours { get; init; }
}

/// <summary>Counts what becomes of the trips; many end at the same moment.</summary>
internal sealed class Tally
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, long> _failedBy = new(StringComparer.Ordinal);
    private readonly List<FailedTrip> _listed = [];
    private readonly HourBook _hours;
    private long _completed;
    private long _failed;
    private long _searches;
    private long _captured;
    private long _endedByPlatform;

    /// <param name="zone">The city's.</param>
    /// <param name="was">What an interrupted run counted; null for nothing.</param>
    public Tally(TimeZoneInfo zone, TripCounts? was)
    {
        _hours = new HourBook(zone, was?.Hours ?? []);
        if (was is null)
            return;
        (_completed, _failed, _searches, _captured, _endedByPlatform) = (was.Completed, was.Failed, was.Searches, was.CapturedMinor, was.EndedByPlatform);
        _listed.AddRange(was.Listed);
        foreach (var (reason, count) in was.FailedBy)
            _failedBy.Add(reason, count);
    }

    public long Finished
    {
        get
        {
            lock (_gate)
                return _completed + _failed;
        }
    }

    public long FailedCount
    {
        get
        {
            lock (_gate)
                return _failed;
        }
    }

    public void Search(DateTimeOffset at, bool foundNone)
    {
        lock (_gate)
        {
            _searches++;
            if (foundNone)
                _hours.Change(at, hour => hour with { Relocations = hour.Relocations + 1 });
        }
    }

    public void Complete(DateTimeOffset start, DateTimeOffset end, long capturedMinor, bool endedByPlatform, bool swapped)
    {
        lock (_gate)
        {
            _completed++;
            _captured += capturedMinor;
            _endedByPlatform += endedByPlatform ? 1 : 0;
            _hours.Change(start, hour => hour with { Trips = hour.Trips + 1 });
            _hours.Change(end, hour => hour with { CapturedMinor = hour.CapturedMinor + capturedMinor, Swaps = hour.Swaps + (swapped ? 1 : 0) });
            _hours.Ride(start, end);
        }
    }

    public void Fail(Trip trip, string step, string code, string? detail)
    {
        lock (_gate)
        {
            _failed++;
            var reason = $"{step}: {code}";
            _failedBy[reason] = _failedBy.GetValueOrDefault(reason) + 1;
            _hours.Change(trip.Start, hour => hour with { Failed = hour.Failed + 1 });
            if (_listed.Count < ReplayResult.ListedMax)
                _listed.Add(new FailedTrip(trip, step, code, detail));
        }
    }

    public TripCounts Read()
    {
        lock (_gate)
            return new TripCounts
            {
                Completed = _completed,
                Failed = _failed,
                FailedBy = new SortedDictionary<string, long>(_failedBy, StringComparer.Ordinal),
                Listed = [.. _listed],
                Searches = _searches,
                CapturedMinor = _captured,
                EndedByPlatform = _endedByPlatform,
                Hours = _hours.ToList(),
            };
    }
}
