namespace Mobility.Platform.Bus;

/// <summary>Pauses between tries: 1, 2, 4, … seconds, at most five minutes.</summary>
internal static class Backoff
{
    public static TimeSpan After(int attempts) => TimeSpan.FromSeconds(Math.Min(300, Math.Pow(2, Math.Clamp(attempts - 1, 0, 10))));
}
