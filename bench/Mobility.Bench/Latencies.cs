using System.Diagnostics;

namespace Mobility.Bench;

/// <summary>Durations of one step, from many connections.</summary>
internal sealed class Latencies
{
    private readonly List<double> _milliseconds = [];
    private double[]? _sorted;

    public int Count => _milliseconds.Count;

    public void AddSince(long timestamp) => Add(Stopwatch.GetElapsedTime(timestamp));

    public void Add(TimeSpan elapsed)
    {
        lock (_milliseconds)
            _milliseconds.Add(elapsed.TotalMilliseconds);
    }

    /// <summary>Forgets a warm-up.</summary>
    public void Clear()
    {
        lock (_milliseconds)
            _milliseconds.Clear();
    }

    /// <summary>The smallest value that at least this share of the durations does not exceed; 0 without any.</summary>
    public double Percentile(double share)
    {
        if (_sorted?.Length != _milliseconds.Count)
            _sorted = [.. _milliseconds.Order()];
        return _sorted.Length == 0 ? 0 : _sorted[Math.Clamp((int)Math.Ceiling(share * _sorted.Length) - 1, 0, _sorted.Length - 1)];
    }
}
