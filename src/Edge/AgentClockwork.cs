using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Mobility.Contracts;

namespace Mobility.Edge;

/// <summary>One beat for all agents of a process: thousands of vehicles need one timer.</summary>
/// <param name="clock">Beats, and tells what is due.</param>
/// <param name="log">Faults of agents.</param>
public sealed partial class AgentClockwork(TimeProvider clock, ILogger log)
{
    /// <summary>Fine enough for five reports a second.</summary>
    public static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(50);

    private ImmutableArray<VehicleAgent> _agents = [];

    /// <summary>Takes an agent in.</summary>
    public void Add(VehicleAgent agent) => ImmutableInterlocked.Update(ref _agents, static (agents, one) => agents.Add(one), agent);

    /// <summary>Lets an agent go; it may have one more beat.</summary>
    public void Remove(VehicleAgent agent) => ImmutableInterlocked.Update(ref _agents, static (agents, one) => agents.Remove(one), agent);

    /// <summary>Beats until it is stopped. An agent that fails does not stop the others.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        using var timer = new PeriodicTimer(Beat, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(ct))
            {
                var now = clock.GetTimestamp();
                foreach (var agent in _agents)
                    if (agent.DueAt <= now)
                        Tick(agent);
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // stopped
        }
    }

    private void Tick(VehicleAgent agent)
    {
        try
        {
            agent.Tick();
        }
        catch (Exception e)
        {
            LogFailed(log, e, agent.Vehicle);
        }
    }

    [LoggerMessage(EventId = 21_000, Level = LogLevel.Error, Message = "{Vehicle} failed in its beat.")]
    private static partial void LogFailed(ILogger log, Exception exception, VehicleId vehicle);
}
