using System.Text.Json;
using Mobility.Contracts;
using Mobility.Platform;

namespace Mobility.Telemetry.Mqtt;

/// <summary>What a vehicle is to run, on its topic of updates: asked for when it comes, and told while it is here.</summary>
internal sealed partial class MqttConnection
{
    private int _isAskingForUpdate;

    /// <summary>An update, or an order to return, as Fleet has signed it; the door adds nothing.</summary>
    public void SendUpdate(VehicleUpdate update)
    {
        var payload = JsonSerializer.SerializeToUtf8Bytes(update, MobilityJson.Http);
        if (payload.Length + 64 <= _packetBytesMax)
            SendOwn(TopicKind.Updates, payload, retained: false);
    }

    /// <summary>What waits is asked for and sent.</summary>
    public void AskForUpdate()
    {
        if (Vehicle is { } vehicle && Session?.Granted(TopicKind.Updates) is not null && Interlocked.Exchange(ref _isAskingForUpdate, 1) == 0)
            _ = AskForUpdateAsync(vehicle);
    }

    private async Task AskForUpdateAsync(VehicleId vehicle)
    {
        try
        {
            if (await _services.Updates.OfAsync(vehicle, _transport.ConnectionClosed) is { } update)
                SendUpdate(update);
        }
        catch (Exception e) when (e is OperationCanceledException or Npgsql.NpgsqlException or TimeoutException or PeerUnavailableException)
        {
            // The vehicle is told when it comes again; an update can wait.
        }
        finally
        {
            Volatile.Write(ref _isAskingForUpdate, 0);
        }
    }
}
