using Microsoft.Extensions.Hosting;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Bus;
using Mobility.Telemetry.Mqtt;

namespace Mobility.Telemetry;

/// <summary>
/// Tells the vehicles that are connected to this very process of updates, as <see cref="CommandCourier"/> brings commands. What is missed while a vehicle is away,
/// or while this process lags, is asked for when the vehicle comes again.
/// </summary>
internal sealed class UpdateCourier(BusTail tail, MqttConnections connections) : BackgroundService
{
    private const int BatchMax = 1_000;
    private static readonly string Contract = ContractNames.Of(typeof(UpdateOfferedV1));
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
                        connections.AskForAllUpdates();
                    await Signal.WaitAsync(news, LookEvery, stoppingToken);
                    continue;
                }
                place = read.ExaminedUpTo;
                foreach (var message in read.Messages)
                    if (connections.Of(new VehicleId(message.Key)) is { } connection)
                        connection.SendUpdate(((UpdateOfferedV1)ContractNames.Read(typeof(UpdateOfferedV1), message.Data)).Update);
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

/// <summary>What vehicles are to run is Fleet's to know.</summary>
internal sealed class UpdateSource(IAsk ask)
{
    public Task<VehicleUpdate?> OfAsync(VehicleId vehicle, CancellationToken ct) => ask.AskAsync(new GetVehicleUpdate(vehicle), ct);
}
