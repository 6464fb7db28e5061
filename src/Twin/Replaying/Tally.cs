using Mobility.Twin.Trips;

namespace Mobility.Twin.Replaying;

/// <summary>Counts what becomes of the trips; many end at the same moment.</summary>
internal sealed class Tally
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, long> _failedBy = new(StringComparer.Ordinal);
    private readonly List<FailedTrip> _listed = [];
    private long _completed;
    private long _failed;
    private long _captured;
    private long _endedByPlatform;

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

    public void Complete(long capturedMinor, bool endedByPlatform)
    {
        lock (_gate)
        {
            _completed++;
            _captured += capturedMinor;
            _endedByPlatform += endedByPlatform ? 1 : 0;
        }
    }

    public void Fail(Trip trip, string step, string code, string? detail)
    {
        lock (_gate)
        {
            _failed++;
            var reason = $"{step}: {code}";
            _failedBy[reason] = _failedBy.GetValueOrDefault(reason) + 1;
            if (_listed.Count < ReplayResult.ListedMax)
                _listed.Add(new FailedTrip(trip, step, code, detail));
        }
    }

    public (long Completed, long Failed, IReadOnlyDictionary<string, long> FailedBy, IReadOnlyList<FailedTrip> Listed, long Captured, long EndedByPlatform)
        Read()
    {
        lock (_gate)
            return (_completed, _failed, new SortedDictionary<string, long>(_failedBy), [.. _listed], _captured, _endedByPlatform);
    }
}
