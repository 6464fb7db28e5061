using System.Collections.Concurrent;

namespace Mobility.Twin.Client;

/// <summary>Times of requests by step, in buckets that grow by 5 %: right to 5 %, and a million requests take no more memory than one.</summary>
public sealed class LatencyBook
{
    private const double Growth = 1.05;
    private const double SmallestMilliseconds = 0.01;
    private const int BucketCount = 400; // up to 0.01 ms × 1.05^400, about 50 minutes

    private readonly ConcurrentDictionary<string, long[]> _steps = new(StringComparer.Ordinal);

    /// <summary>Notes the time of one request.</summary>
    public void Note(string step, TimeSpan time)
    {
        var bucket = (int)Math.Log(Math.Max(time.TotalMilliseconds, SmallestMilliseconds) / SmallestMilliseconds, Growth);
        Interlocked.Increment(ref _steps.GetOrAdd(step, static _ => new long[BucketCount])[Math.Min(bucket, BucketCount - 1)]);
    }

    /// <summary>How often each step was made and how long it took.</summary>
    public IReadOnlyList<StepLatency> ToList() =>
        [.. _steps.OrderBy(step => step.Key, StringComparer.Ordinal).Select(step => new StepLatency(
            step.Key, step.Value.Sum(), Percentile(step.Value, 0.5), Percentile(step.Value, 0.95), Percentile(step.Value, 0.99)))];

    private static double Percentile(long[] buckets, double share)
    {
        var rest = (long)Math.Ceiling(buckets.Sum() * share);
        for (var bucket = 0; bucket < buckets.Length; bucket++)
        {
            if ((rest -= buckets[bucket]) <= 0)
                return SmallestMilliseconds * Math.Pow(Growth, bucket + 0.5);
        }
        return double.NaN;
    }
}

/// <summary>Times of one step in milliseconds.</summary>
public sealed record StepLatency(string Step, long Count, double P50, double P95, double P99);
