using System.Diagnostics;
using System.Globalization;
using Spectre.Console;

namespace Mobility.Host.Commands;

/// <summary>
/// Shows on stderr what is being done: a spinner with the current step on a terminal, a line per step elsewhere. Finished steps that took long leave a line
/// with their time.
/// </summary>
internal static class Steps
{
    private static readonly TimeSpan WorthTelling = TimeSpan.FromSeconds(2);

    public static async Task<T> ShowAsync<T>(Func<IProgress<string>, Task<T>> work)
    {
        if (Console.IsErrorRedirected || Console.IsOutputRedirected)
            return await work(new Reporter(step => Console.Error.WriteLine($"{step} ..."), WriteTime));

        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return await console.Status().StartAsync("Starting", async status =>
        {
            var reporter = new Reporter(
                step => status.Status(Markup.Escape(step)),
                (step, elapsed) => console.MarkupLineInterpolated(CultureInfo.InvariantCulture, $"[grey]{step}: {elapsed.TotalSeconds:0.0} s[/]"));
            return await work(reporter);
        });
    }

    private static void WriteTime(string step, TimeSpan elapsed) =>
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{step}: {elapsed.TotalSeconds:0.0} s"));

    /// <summary>Reports on the caller's thread, in order (the framework's Progress class does neither).</summary>
    private sealed class Reporter(Action<string> begin, Action<string, TimeSpan> end) : IProgress<string>
    {
        private string? _step;
        private long _began;

        public void Report(string value)
        {
            if (_step is not null && Stopwatch.GetElapsedTime(_began) is var elapsed && elapsed >= WorthTelling)
                end(_step, elapsed);
            (_step, _began) = (value, Stopwatch.GetTimestamp());
            begin(value);
        }
    }
}
