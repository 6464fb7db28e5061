namespace Mobility.Edge.Wire;

/// <summary>When to try again. A city's network that comes back finds its vehicles spread over time, not all at the door at once.</summary>
internal static class Reconnect
{
    public static readonly TimeSpan First = TimeSpan.FromSeconds(1);
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    /// <summary>1, 2, 4, … 60 seconds, of which a random half to whole is waited.</summary>
    /// <param name="failures">Failures in a row, from 1.</param>
    /// <param name="random">0 to 1.</param>
    public static TimeSpan After(int failures, double random) =>
        Math.Min(Longest.TotalSeconds, First.TotalSeconds * Math.Pow(2, Math.Clamp(failures - 1, 0, 10))) * (0.5 + random / 2) * TimeSpan.FromSeconds(1);
}
