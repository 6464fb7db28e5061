using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Mobility.Platform.Mqtt;

namespace Mobility.Tests.Telemetry;

/// <summary>A client that says exactly what a test wants, also what no client should.</summary>
internal sealed class MqttTestClient : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Socket _socket;
    private readonly PipeReader _input;
    private readonly MqttReader _reader = new(1024 * 1024);

    private MqttTestClient(Socket socket, MqttVersion version)
    {
        _socket = socket;
        _input = PipeReader.Create(new NetworkStream(socket, ownsSocket: false));
        _reader.Version = version;
        Version = version;
    }

    public MqttVersion Version { get; }

    public ConnAckPacket ConnAck { get; private set; } = new(false, 0xFF);

    public static async Task<MqttTestClient> OpenAsync(int port, MqttVersion version = MqttVersion.V5, int? receiveBuffer = null)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (receiveBuffer is { } bytes)
            socket.ReceiveBufferSize = bytes;
        await socket.ConnectAsync(IPAddress.Loopback, port);
        return new MqttTestClient(socket, version);
    }

    public static async Task<MqttTestClient> ConnectAsync(int port, ConnectPacket connect, int? receiveBuffer = null)
    {
        var client = await OpenAsync(port, connect.Version, receiveBuffer);
        await client.SendAsync(connect);
        client.ConnAck = (ConnAckPacket)(await client.ReadAsync() ?? throw new IOException("The door closed before CONNACK."));
        return client;
    }

    public Task SendAsync(MqttPacket packet)
    {
        var bytes = new ArrayBufferWriter<byte>();
        MqttWriter.Write(bytes, packet, Version);
        return SendRawAsync(bytes.WrittenMemory);
    }

    public async Task SendRawAsync(ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
            bytes = bytes[await _socket.SendAsync(bytes)..];
    }

    public Task PublishAsync(string topic, string payload, byte qos = 1, ushort id = 1, bool retain = false, MqttProperties? properties = null) =>
        SendAsync(new PublishPacket
        {
            Topic = Encoding.UTF8.GetBytes(topic),
            Payload = Encoding.UTF8.GetBytes(payload),
            Qos = qos,
            PacketId = qos > 0 ? id : (ushort)0,
            Retain = retain,
            Properties = properties ?? MqttProperties.None,
        });

    /// <summary>Publishes with QoS 1 and waits for the answer.</summary>
    public async Task<PubAckPacket> SayAsync(string topic, string payload, ushort id = 1)
    {
        await PublishAsync(topic, payload, 1, id);
        return (await ReadAsync()).ShouldBeOfType<PubAckPacket>();
    }

    public async Task<SubAckPacket> SubscribeAsync(string filter, byte qos = 1)
    {
        await SendAsync(new SubscribePacket(99, [new TopicRequest(filter, qos)]));
        return (await ReadAsync()).ShouldBeOfType<SubAckPacket>();
    }

    /// <summary>The next packet, with its memory its own; null when the door has closed the connection.</summary>
    public async Task<MqttPacket?> ReadAsync(TimeSpan? patience = null)
    {
        using var deadline = new CancellationTokenSource(patience ?? Patience);
        try
        {
            while (true)
            {
                var result = await _input.ReadAsync(deadline.Token);
                var buffer = result.Buffer;
                var outcome = _reader.TryRead(ref buffer, out var packet, out var fault);
                if (outcome == ReadOutcome.Fault)
                    throw new InvalidDataException($"The door sent no packet: {fault}");
                if (packet is PublishPacket publish)
                    packet = publish with { Topic = publish.Topic.ToArray(), Payload = publish.Payload.ToArray() };
                _input.AdvanceTo(buffer.Start, outcome == ReadOutcome.Packet ? buffer.Start : buffer.End);
                if (packet is not null)
                    return packet;
                if (result.IsCompleted)
                    return null;
            }
        }
        catch (IOException)
        {
            return null; // reset
        }
    }

    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }
}
