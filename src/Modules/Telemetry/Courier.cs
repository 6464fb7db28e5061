using Microsoft.Extensions.Hosting;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Bus;
using Mobility.Telemetry.Mqtt;

namespace Mobility.Telemetry;

/// <summary>
/// Brings news to the vehicles that are connected to this very process. A subscription would act in one process only, so every process reads the bus's tail itself
/// and keeps no checkpoint: what is missed while a vehicle is away, or while this process lags, is asked for when the vehicle subscribes or resumes.
/// </summary>
internal abstract class Courier<TNews>(BusTail tail, MqttConnections connections) : BackgroundService where TNews : IContractEvent
{
    private const int BatchMax = 1_000;
    private static readonly string Contract = ContractNames.Of(typeof(TNews));
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    /// <summary>The vehicle is here.</summary>
    protected abstract void Bring(MqttConnection connection, TNews news);

    /// <summary>Something was missed: every connected vehicle's news are asked for.</summary>
    protected abstract void AskForAll(MqttConnections connections);

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
                        AskForAll(connections);
                    await Signal.WaitAsync(news, LookEvery, stoppingToken);
                    continue;
                }
                place = read.ExaminedUpTo;
                foreach (var message in read.Messages)
                    if (connections.Of(new VehicleId(message.Key)) is { } connection)
                        Bring(connection, (TNews)ContractNames.Read(typeof(TNews), message.Data));
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

/// <summary>Commands; those that wait are Fleet's to know.</summary>
internal sealed class CommandCourier(BusTail tail, MqttConnections connections) : Courier<VehicleCommandIssuedV1>(tail, connections)
{
    protected override void Bring(MqttConnection connection, VehicleCommandIssuedV1 news) => connection.Deliver(FleetCommandSource.Of(news));

    protected override void AskForAll(MqttConnections connections) => connections.AskForAll();
}

/// <summary>What vehicles are to run.</summary>
internal sealed class UpdateCourier(BusTail tail, MqttConnections connections) : Courier<UpdateOfferedV1>(tail, connections)
{
    protected override void Bring(MqttConnection connection, UpdateOfferedV1 news) => connection.SendUpdate(news.Update);

    protected override void AskForAll(MqttConnections connections) => connections.AskForAllUpdates();
}
