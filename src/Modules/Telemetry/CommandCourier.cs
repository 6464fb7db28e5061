using Microsoft.Extensions.Hosting;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Bus;
using Mobility.Telemetry.Mqtt;

namespace Mobility.Telemetry;

/// <summary>
/// Brings new commands to the vehicles that are connected to this very process. A subscription would act in one process only, so every process reads the bus's
/// tail itself and keeps no checkpoint: what is missed while a vehicle is away, or while this process lags, is asked for when the vehicle subscribes or resumes.
/// </summary>
internal sealed class CommandCourier(BusTail tail, MqttConnections connections) : BackgroundService
{
    private const int BatchMax = 1_000;
    private static readonly string Contract = ContractNames.Of(typeof(VehicleCommandIssuedV1));
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var place = tail.ReadUpTo;
        try
        {
            while (true)
            {
                var news = tail.News.Next;
                if (tail.TryRead(place, Contract, BatchMax) is not { } read)
                {
                    var lost = place != default;
                    place = tail.ReadUpTo;
                    if (lost)
                        connections.AskForAll();
                    await Signal.WaitAsync(news, LookEvery, stoppingToken);
                    continue;
                }
                place = read.ExaminedUpTo;
                foreach (var message in read.Messages)
                    if (connections.Of(new VehicleId(message.Key)) is { } connection)
                        connection.Deliver(FleetCommandSource.Of((VehicleCommandIssuedV1)ContractNames.Read(typeof(VehicleCommandIssuedV1), message.Data)));
                if (read.Messages.Count < BatchMax)
                    await Signal.WaitAsync(news, LookEvery, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // the process stops
        }
    }
}
