using System.Diagnostics;
using System.Text;

namespace Mobility.Platform.Postgres;

/// <summary>What a finished program said and how it ended.</summary>
internal sealed record ChildResult(int ExitCode, string Output);

/// <summary>Runs one program to its end and gathers what it prints.</summary>
internal static class ChildProcess
{
    /// <exception cref="PlatformStartException">The program does not exist or may not be run.</exception>
    public static async Task<ChildResult> RunAsync(IReadOnlyList<string> command, CancellationToken ct)
    {
        using var process = new Process { StartInfo = Describe(command) };
        var output = new StringBuilder();
        void Gather(object sender, DataReceivedEventArgs line)
        {
            lock (output)
                if (line.Data is not null)
                    output.AppendLine(line.Data);
        }

        process.OutputDataReceived += Gather;
        process.ErrorDataReceived += Gather;
        try
        {
            process.Start();
        }
        catch (System.ComponentModel.Win32Exception cause)
        {
            throw new PlatformStartException($"The program {command[0]} cannot be run: {cause.Message}.", cause);
        }

        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            await process.WaitForExitAsync(ct);
        }
        catch (OperationCanceledException)
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
            throw;
        }

        lock (output)
            return new ChildResult(process.ExitCode, output.ToString());
    }

    private static ProcessStartInfo Describe(IReadOnlyList<string> command)
    {
        var start = new ProcessStartInfo(command[0])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/", // the other account may not be allowed into ours
        };
        foreach (var argument in command.Skip(1))
            start.ArgumentList.Add(argument);

        // PGDATA, PGPORT and their like of the user's own shell must not reach our server; messages are matched in English.
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("PG", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        start.Environment["LC_ALL"] = "C";
        return start;
    }
}
