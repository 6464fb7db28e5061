using System.CommandLine;
using System.CommandLine.Help;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Mobility.Host.Commands;

using var stopping = new CancellationTokenSource();

// The first signal asks everything to stop in order; a later one finds the default behavior again and ends the process at once. One that follows
// immediately is the same wish: a terminal and a supervisor may both send it.
var patience = TimeSpan.FromSeconds(2);
var asked = 0L;
void Stop(PosixSignalContext signal)
{
    if (Interlocked.CompareExchange(ref asked, Stopwatch.GetTimestamp(), 0) is var first and not 0)
        signal.Cancel = Stopwatch.GetElapsedTime(first) < patience;
    else
        signal.Cancel = true;
    stopping.Cancel();
}

using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop);

// Not a RootCommand, which is called as its executable; people call the script.
var root = new Command("./mobility", "The platform of an operator of shared vehicles.")
{
    UpCommand.Create(),
    AuditCommand.Create(),
    ReplayCommand.Create(),
    TwinCommand.Create(),
    PackCommand.Create(),
    RequirementsCommand.Create(),
    PlatformProcess.Command(),
    new HelpOption(),
};
var invocation = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
try
{
    return await root.Parse(args).InvokeAsync(invocation, stopping.Token);
}
catch (OperationCanceledException) when (stopping.IsCancellationRequested)
{
    await Console.Error.WriteLineAsync("Interrupted.");
    return ExitCodes.Interrupted;
}
catch (Exception failure) when (StartFailure.Explain(failure) is { } sentence)
{
    await Console.Error.WriteLineAsync(sentence);
    return ExitCodes.Failed;
}
