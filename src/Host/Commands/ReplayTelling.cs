using System.Diagnostics;
using System.Globalization;
using Mobility.Twin.Replaying;
using Spectre.Console;

namespace Mobility.Host.Commands;

/// <summary>Shows on stderr how far a replay is: a bar on a terminal, a line every few seconds elsewhere.</summary>
/// <param name="trips">Of the whole replay.</param>
/// <param name="finishedBefore">Trips that an interrupted run has lived; they say nothing about how fast this one is.</param>
internal sealed class ReplayTelling(long trips, long finishedBefore)
{
    private static readonly TimeSpan TellEvery = TimeSpan.FromSeconds(5);
    private readonly long _began = Stopwatch.GetTimestamp();

    /// <summary>Where it is now.</summary>
    public ReplayProgress Last { get; private set; }

    /// <summary>Shows a work that says how far it is.</summary>
    public async Task<T> ShowAsync<T>(Func<IProgress<ReplayProgress>, Task<T>> work)
    {
        if (Console.IsErrorRedirected || Console.IsOutputRedirected)
        {
            var told = Stopwatch.GetTimestamp();
            return await work(new Told<ReplayProgress>(now =>
            {
                Last = now;
                if (Stopwatch.GetElapsedTime(told) < TellEvery)
                    return;
                told = Stopwatch.GetTimestamp();
                Console.Error.WriteLine(Say(now, Stopwatch.GetElapsedTime(_began)));
            }));
        }

        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return await console.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn())
            .StartAsync(async bar =>
            {
                var task = bar.AddTask("Living the trips", maxValue: trips);
                return await work(new Told<ReplayProgress>(now =>
                {
                    Last = now;
                    task.Value(now.Finished).Description(Markup.Escape(Say(now, Stopwatch.GetElapsedTime(_began))));
                }));
            });
    }

    /// <summary>Simulated time, trips, and what they say about the rest after a time.</summary>
    public string Say(ReplayProgress now, TimeSpan after)
    {
        var place = string.Create(CultureInfo.InvariantCulture, $"{now.At:yyyy-MM-dd HH:mm} UTC: {now.Finished} of {trips} trips, {now.Failed} failed");
        var rate = (now.Finished - finishedBefore) / Math.Max(after.TotalSeconds, 1e-3);
        if (rate <= 0)
            return place;
        var left = TimeSpan.FromSeconds(Math.Ceiling((trips - now.Finished) / rate));
        return string.Create(CultureInfo.InvariantCulture, $"{place}, {rate:0.0} trips/s, {(long)left.TotalHours}:{left:mm\\:ss} left");
    }
}

/// <summary>Reports on the caller's thread, in order.</summary>
internal sealed class Told<T>(Action<T> tell) : IProgress<T>
{
    public void Report(T value) => tell(value);
}
