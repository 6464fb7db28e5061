using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Mobility.Platform.Mqtt;

namespace Mobility.Tests.Edge;

/// <summary>A door that does what a test wants: withholds PUBACK, goes away, keeps a session or not, sends commands twice.</summary>
internal sealed class ScriptedDoor : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<Socket, (PipeWriter Output, string Client)> _clients = new();
    private readonly SemaphoreSlim _writing = new(1);
    private readonly Task _accepting;

    public ScriptedDoor(int port = 0)
    {
        _listener = new TcpListener(IPAddress.Loopback, port);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Everything that was published, in the order of its arrival; also what comes again.</summary>
    public ConcurrentQueue<(string Topic, JsonElement Payload, bool Duplicate, ushort PacketId)> Heard { get; } = new();

    /// <summary>What the vehicle said of itself at its connections; not among what was <see cref="Heard"/>.</summary>
    public ConcurrentQueue<JsonElement> Twins { get; } = new();

    public ConcurrentQueue<ConnectPacket> Connects { get; } = new();

    public ConcurrentQueue<string> Subscribed { get; } = new();

    public ConcurrentQueue<ushort> AcknowledgedCommands { get; } = new();

    /// <summary>How many commands were acknowledged when an event came.</summary>
    public ConcurrentQueue<int> AcknowledgedBeforeEvent { get; } = new();

    public bool Acknowledges { get; set; } = true;

    public bool KeepsSession { get; set; }

    public IReadOnlyList<JsonElement> Of(string topic) => [.. Heard.Where(h => h.Topic.StartsWith(topic, StringComparison.Ordinal)).Select(h => h.Payload)];

    /// <summary>Cuts every connection, as a tunnel does.</summary>
    public void Cut()
    {
        foreach (var socket in _clients.Keys)
            socket.Dispose();
    }

    public Task SendCommandAsync(string vehicle, string json, ushort packetId) => SendAsync("commands", vehicle, json, packetId);

    public async Task SendAsync(string topic, string vehicle, string json, ushort packetId)
    {
        var (_, client) = _clients.Single(c => c.Value.Client == vehicle);
        await WriteAsync(client.Output, new PublishPacket
        {
            Topic = Encoding.UTF8.GetBytes($"{topic}/{vehicle}"),
            Payload = Encoding.UTF8.GetBytes(json),
            Qos = 1,
            PacketId = packetId,
        });
    }

    /// <summary>Whether exactly one connection of this vehicle is open: the one before its restart is gone.</summary>
    public bool IsConnected(string vehicle) => _clients.Values.Count(client => client.Client == vehicle) == 1;

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        Cut();
        await _accepting;
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await _listener.AcceptSocketAsync(_stopping.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // closed
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        try
        {
            var stream = new NetworkStream(socket);
            var (input, output) = (PipeReader.Create(stream), PipeWriter.Create(stream));
            var reader = new MqttReader(1024 * 1024) { Version = MqttVersion.V5 };
            while (true)
            {
                var result = await input.ReadAsync(_stopping.Token);
                var buffer = result.Buffer;
                while (reader.TryRead(ref buffer, out var packet, out _) == ReadOutcome.Packet)
                    await HandleAsync(socket, output, packet!);
                input.AdvanceTo(buffer.Start, buffer.End);
                if (result.IsCompleted)
                    return;
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // cut
        }
        finally
        {
            _clients.TryRemove(socket, out _);
            socket.Dispose();
        }
    }

    private async Task HandleAsync(Socket socket, PipeWriter output, MqttPacket packet)
    {
        switch (packet)
        {
            case ConnectPacket connect:
                Connects.Enqueue(connect);
                _clients[socket] = (output, connect.ClientId);
                await WriteAsync(output, new ConnAckPacket(KeepsSession, 0));
                break;
            case SubscribePacket subscribe:
                Subscribed.Enqueue(subscribe.Topics[0].Filter);
                await WriteAsync(output, new SubAckPacket(subscribe.PacketId, [1]));
                break;
            case PublishPacket publish:
                Hear(publish, JsonSerializer.Deserialize<JsonElement>(publish.Payload.Span));
                if (publish.Qos == 1 && Acknowledges)
                    await WriteAsync(output, new PubAckPacket(publish.PacketId, ReasonCode.Success));
                break;
            case PubAckPacket ack:
                AcknowledgedCommands.Enqueue(ack.PacketId);
                break;
            case PingReqPacket:
                await WriteAsync(output, PingRespPacket.Instance);
                break;
            case DisconnectPacket:
                socket.Shutdown(SocketShutdown.Both);
                break;
        }
    }

    private void Hear(PublishPacket publish, JsonElement payload)
    {
        var isEvent = publish.TopicText.StartsWith("events/", StringComparison.Ordinal);
        if (isEvent && payload.GetProperty("kind").GetString() == "twin_reported")
        {
            Twins.Enqueue(payload);
            return;
        }
        if (isEvent)
            AcknowledgedBeforeEvent.Enqueue(AcknowledgedCommands.Count);
        Heard.Enqueue((publish.TopicText, payload, publish.Duplicate, publish.PacketId));
    }

    /// <summary>One at a time: the test speaks while the door answers.</summary>
    private async Task WriteAsync(PipeWriter output, MqttPacket packet)
    {
        await _writing.WaitAsync();
        try
        {
            MqttWriter.Write(output, packet, MqttVersion.V5);
            await output.FlushAsync();
        }
        finally
        {
            _writing.Release();
        }
    }
}
