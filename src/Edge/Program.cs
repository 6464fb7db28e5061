using System.CommandLine;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Mobility.Edge;
using Mobility.Edge.Board;
using Mobility.Edge.Provisioning;
using Mobility.Edge.Unlock;

const int Failed = 1;
const int WrongOptions = 2;
const int RestartWanted = 3; // the image of the other slot is to be started

using var stopping = new CancellationTokenSource();
void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stopping.Cancel();
}

using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);

var parsed = new EdgeOptions().Command(RunAsync).Parse(args);
if (parsed.Errors.Count > 0)
{
    foreach (var error in parsed.Errors)
        await Console.Error.WriteLineAsync(error.Message);
    return WrongOptions;
}
try
{
    return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, stopping.Token);
}
catch (FormatException wrong)
{
    await Console.Error.WriteLineAsync(wrong.Message);
    return WrongOptions;
}
catch (OperationCanceledException) when (stopping.IsCancellationRequested)
{
    return 0; // asked to stop before it knew what it is
}
catch (Exception e) when (e is IOException or UnauthorizedAccessException or SocketException or System.Text.Json.JsonException or CryptographicException
                              or EnrollmentRefusedException)
{
    await Console.Error.WriteLineAsync($"The agent cannot start: {e.Message}");
    return Failed;
}

static async Task<int> RunAsync(EdgeRequest request, CancellationToken ct)
{
    using var logs = LoggerFactory.Create(logging => logging.AddSimpleConsole(console => (console.SingleLine, console.TimestampFormat) = (true, "HH:mm:ss ")));
    var log = logs.CreateLogger("mobility-edge");
    var clock = TimeProvider.System;
    var random = new Random(RandomNumberGenerator.GetInt32(int.MaxValue));
    var identity = request.Order is { } order ? await Enrollment.RunAsync(order, clock, random, log, ct) : null;
    await using var agent = new VehicleAgent(request.Agent(identity), new SimulatedBoard(request.Start), clock, random, log);
    await using var radio = request.Radio is { } path ? SimulatedRadio.Open(path, agent.OpenAsync, clock) : null;
    using var ended = CancellationTokenSource.CreateLinkedTokenSource(ct);
    var clockwork = new AgentClockwork(clock, log);
    clockwork.Add(agent);
    var beating = clockwork.RunAsync(ended.Token);
    Console.WriteLine($"{agent.Vehicle} runs on a simulated board; SIGTERM stops it.");
    using var looking = new PeriodicTimer(TimeSpan.FromSeconds(1), clock);
    while (!ct.IsCancellationRequested && !agent.WantsRestart)
        await looking.WaitForNextTickAsync(ct).AsTask().ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
    await ended.CancelAsync();
    await beating;
    return agent.WantsRestart ? RestartWanted : 0;
}
