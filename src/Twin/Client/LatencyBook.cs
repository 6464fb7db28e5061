using System.Collections.Concurrent;

namespace Mobility.Twin.Client;

/// <summary>
/// Times of requests by step, in buckets that grow by 5 %: right to 5 %, and a million requests take no more memory than one. And what was refused, by step and
/// code.
/// </summary>
public sealed class LatencyBook
{
    private const double Growth = 1.05;
    private const double SmallestMilliseconds = 0.01;
    private const int BucketCount = 400; // up to 0.01 ms × 1.05^400, about 50 minutes

    private readonly ConcurrentDictionary<string, long[]> _steps = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> _problems = new(StringComparer.Ordinal);

    /// <summary>Notes the time of one request.</summary>
    public void Note(string step, TimeSpan time)
    {
        var bucket = (int)Math.Log(Math.Max(time.TotalMilliseconds, SmallestMilliseconds) / SmallestMilliseconds, Growth);
        Interlocked.Increment(ref _steps.GetOrAdd(step, static _ => new long[BucketCount])[Math.Min(bucket, BucketCount - 1)]);
    }

    /// <summary>Notes that a request was refused.</summary>
    public void NoteProblem(string step, string code) => _problems.AddOrUpdate($"{step}: {code}", 1, static (_, count) => count + 1);

    /// <summary>Goes on from what an earlier book held.</summary>
    public void Resume(LatencyState was)
    {
        foreach (var (step, buckets) in was.Steps)
            _steps[step] = [.. buckets.Concat(Enumerable.Repeat(0L, BucketCount)).Take(BucketCount)];
        foreach (var (problem, count) in was.Problems)
            _problems[problem] = count;
    }

    /// <summary>All that is in it.</summary>
    public LatencyState ToState() => new()
    {
        Steps = _steps.ToDictionary(step => step.Key, step => (IReadOnlyList<long>)[.. step.Value]),
        Problems = Problems,
    };

    /// <summary>Refused requests by step and code; most of them end no trip.</summary>
    public IReadOnlyDictionary<string, long> Problems => new SortedDictionary<string, long>(_problems, StringComparer.Ordinal);

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

/// <summary>What a book holds.</summary>
public sealed record LatencyState
{
    /// <summary>Requests per step and bucket.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<long>> Steps { get; init; }

    /// <summary>Refused requests by step and code.</summary>
    public required IReadOnlyDictionary<string, long> Problems { get; init; }
}
