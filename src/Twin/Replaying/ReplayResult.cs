using Mobility.Twin.Client;
using Mobility.Twin.Trips;

namespace Mobility.Twin.Replaying;

/// <summary>A trip that the platform refused or lost.</summary>
/// <param name="Trip">The trip.</param>
/// <param name="Step">Where.</param>
/// <param name="Code">Why.</param>
/// <param name="Detail">For people.</param>
public sealed record FailedTrip(Trip Trip, string Step, string Code, string? Detail);

/// <summary>What living the trips came to.</summary>
public sealed record ReplayResult
{
    /// <summary>Failed trips that are listed; all are counted.</summary>
    public const int ListedMax = 20;

    /// <summary>Whether all trips were lived; else it was interrupted, and this is how far it came.</summary>
    public required bool IsOver { get; init; }

    /// <summary>Trips that were settled.</summary>
    public required long Completed { get; init; }

    /// <summary>Trips that failed.</summary>
    public required long Failed { get; init; }

    /// <summary>Failed trips by step and code.</summary>
    public required IReadOnlyDictionary<string, long> FailedBy { get; init; }

    /// <summary>The first failed trips.</summary>
    public required IReadOnlyList<FailedTrip> Listed { get; init; }

    /// <summary>Riders who searched for a bike.</summary>
    public required long Searches { get; init; }

    /// <summary>The same by hours, without gaps.</summary>
    public required IReadOnlyList<HourCount> Hours { get; init; }

    /// <summary>Refused requests by step and code; most of them end no trip.</summary>
    public required IReadOnlyDictionary<string, long> Problems { get; init; }

    /// <summary>Bikes that the crew brought to a start.</summary>
    public required long Relocations { get; init; }

    /// <summary>Of these, bikes that had to be bought.</summary>
    public required long Bought { get; init; }

    /// <summary>Batteries that the crew swapped.</summary>
    public required long Swaps { get; init; }

    /// <summary>Reports of bikes that the platform has acknowledged.</summary>
    public required long TelemetryMessages { get; init; }

    /// <summary>Completed trips that the platform ended before their riders, because they were longer than it allows.</summary>
    public required long EndedByPlatform { get; init; }

    /// <summary>Money that was captured, in minor units.</summary>
    public required long CapturedMinor { get; init; }

    /// <summary>Its currency.</summary>
    public required string Currency { get; init; }

    /// <summary>Riders that registered.</summary>
    public required int Riders { get; init; }

    /// <summary>Bikes at the end.</summary>
    public required int Bikes { get; init; }

    /// <summary>From the first event to the last, by the platform's clock.</summary>
    public required TimeSpan Simulated { get; init; }

    /// <summary>Trips that were over when an interrupted replay went on.</summary>
    public required long FinishedBefore { get; init; }

    /// <summary>Times of the requests.</summary>
    public required IReadOnlyList<StepLatency> Latencies { get; init; }
}

/// <summary>How far a replay is.</summary>
/// <param name="At">The platform's clock.</param>
/// <param name="Finished">Trips that are over, failed ones included.</param>
/// <param name="Failed">Trips that failed.</param>
public readonly record struct ReplayProgress(DateTimeOffset At, long Finished, long Failed);
