using System.Diagnostics;

namespace Mobility.Tests.Support;

/// <summary>Waits for a condition; never for a time.</summary>
public static class Eventually
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static async Task<T> GetAsync<T>(Func<Task<T>> read, Func<T, bool> isDone, string what, TimeSpan? patience = null)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            var value = await read();
            if (isDone(value))
                return value;
            if (Stopwatch.GetElapsedTime(started) > (patience ?? Patience))
                throw new TimeoutException($"{what} did not happen within {(patience ?? Patience).TotalSeconds} s; last seen: {value}");
            await Task.Delay(10);
        }
    }

    public static Task TrueAsync(Func<Task<bool>> read, string what) => GetAsync(read, static done => done, what);
}
