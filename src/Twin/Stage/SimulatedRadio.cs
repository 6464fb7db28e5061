using System.Net;
using System.Net.Sockets;

namespace Mobility.Twin.Stage;

/// <summary>
/// The mobile network of one vehicle: passes bytes on to the door, until there is no network or it breaks off. What was sent and not acknowledged by then is sent
/// again, so duplicates, late and reordered reports come about as they do in the street.
/// </summary>
internal sealed class SimulatedRadio : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private readonly int _doorPort;
    private readonly Task _accepting;
    private CancellationTokenSource _connections = new();
    private bool _isDead;

    /// <param name="doorPort">Of the MQTT door on this machine.</param>
    public SimulatedRadio(int doorPort)
    {
        _doorPort = doorPort;
        _listener.Start();
        _accepting = Task.Run(AcceptAsync);
    }

    /// <summary>Where the vehicle connects.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Whether there is no network where the vehicle is.</summary>
    public bool IsDead
    {
        get
        {
            lock (_gate)
                return _isDead;
        }
        set
        {
            lock (_gate)
            {
                if (_isDead == value)
                    return;
                _isDead = value;
            }
            if (value)
                Break();
        }
    }

    /// <summary>Whether a connection ever broke off.</summary>
    public bool HasBroken { get; private set; }

    /// <summary>Breaks off what is connected, in the middle of whatever it says.</summary>
    public void Break()
    {
        HasBroken = true;
        CancellationTokenSource broken;
        lock (_gate)
            (broken, _connections) = (_connections, new CancellationTokenSource());
        broken.Cancel();
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        Break();
        _listener.Dispose();
        await _accepting;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var vehicle = await _listener.AcceptTcpClientAsync(_stopping.Token);
                CancellationToken broken;
                bool isDead;
                lock (_gate)
                    (broken, isDead) = (_connections.Token, _isDead);
                if (isDead)
                    vehicle.Dispose();
                else
                    _ = PassOnAsync(vehicle, broken);
            }
        }
        catch (Exception stopped) when (stopped is OperationCanceledException or SocketException or InvalidOperationException)
        {
            // the vehicle is gone
        }
    }

    private async Task PassOnAsync(TcpClient vehicle, CancellationToken broken)
    {
        using (vehicle)
        using (var door = new TcpClient { NoDelay = true })
        {
            try
            {
                vehicle.NoDelay = true;
                await door.ConnectAsync(IPAddress.Loopback, _doorPort, broken);
                var (near, far) = (vehicle.GetStream(), door.GetStream());
                await Task.WhenAny(near.CopyToAsync(far, broken), far.CopyToAsync(near, broken));
            }
            catch (Exception gone) when (gone is IOException or SocketException or OperationCanceledException)
            {
                // as networks are
            }
        }
    }
}
