using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Mqtt;

namespace Mobility.Bench;

/// <summary>
/// One vehicle of the load: MQTT 3.1.1, reports with every member, QoS 1. It writes bytes it has laid out before and only counts the answers, so that it takes as
/// little as it can of the processors it shares with what is measured. The same client loads our door and mosquitto.
/// </summary>
internal sealed class IngestLoad : IDisposable
{
    private const int AckBytes = 4;
    private const int SequenceDigits = 10;
    private const string Instant = "2026-01-01T00:00:00.000Z";
    private const string LatitudeFormat = "00.0000000";

    /// <summary>Half a meter to the north and a twentieth of a second later than the report before: 11 m/s.</summary>
    private const double StepDegrees = 5e-6;
    private const int StepMilliseconds = 50;

    private readonly byte[] _packet;
    private readonly int _packetIdAt;
    private readonly int _sequenceAt;
    private readonly int _instantAt;
    private readonly int _latitudeAt;
    private readonly double _latitude;
    private readonly byte[] _received = new byte[4_096];
    private byte[] _burst = [];
    private Socket? _socket;
    private int _pending; // bytes of an answer that is not complete

    /// <param name="start">Where its first report is; it goes north from there.</param>
    public IngestLoad(VehicleId vehicle, string secret, GeoPoint start)
    {
        (Vehicle, Secret, _latitude) = (vehicle, secret, start.LatitudeDegrees);
        var payload = $$"""
            {"sequence":{{new string('0', SequenceDigits)}},"at":"{{Instant}}","position":{"lat":{{_latitude.ToString(LatitudeFormat, CultureInfo.InvariantCulture)}},"lon":{{start.LongitudeDegrees.ToString(CultureInfo.InvariantCulture)}}},"accuracyMeters":4.5,"headingDegrees":181.5,"speedMetersPerSecond":11,"stateOfChargePercent":71,"batteryId":"bat-{{vehicle}}","locked":false,"odometerMeters":1234567,"temperatureCelsius":21.5,"errorCodes":[]}
            """.Replace($"\"sequence\":{new string('0', SequenceDigits)}", $"\"sequence\":1{new string('0', SequenceDigits - 1)}", StringComparison.Ordinal);
        var output = new ArrayBufferWriter<byte>();
        MqttWriter.Write(output, new PublishPacket
        {
            Topic = Encoding.UTF8.GetBytes($"telemetry/{vehicle}"),
            Payload = Encoding.UTF8.GetBytes(payload),
            Qos = 1,
            PacketId = 1,
        }, MqttVersion.V311);
        _packet = output.WrittenSpan.ToArray();
        _packetIdAt = _packet.AsSpan().IndexOf("{\"sequence\""u8) - 2;
        _sequenceAt = _packet.AsSpan().IndexOf("\"sequence\":"u8) + "\"sequence\":".Length;
        _latitudeAt = _packet.AsSpan().IndexOf("\"lat\":"u8) + "\"lat\":".Length;
        _instantAt = _packet.AsSpan().IndexOf(Encoding.UTF8.GetBytes(Instant));
    }

    /// <summary>The first sequence; ten digits without a zero in front, as JSON wants.</summary>
    public const long SequenceBase = 1_000_000_000;

    public VehicleId Vehicle { get; }

    public string Secret { get; }

    /// <summary>Reports written to the socket so far, each with its own sequence.</summary>
    public int Sent { get; private set; }

    /// <summary>Reports acknowledged so far; the answers come in the order of the reports.</summary>
    public int Acknowledged { get; private set; }

    public async Task ConnectAsync(int port, CancellationToken ct)
    {
        _socket?.Dispose();
        _pending = 0;
        _socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await _socket.ConnectAsync(IPAddress.Loopback, port, ct);
        var output = new ArrayBufferWriter<byte>();
        MqttWriter.Write(output, new ConnectPacket
        {
            Version = MqttVersion.V311,
            CleanStart = true,
            KeepAliveSeconds = 600,
            ClientId = Vehicle.ToString(),
            UserName = Vehicle.ToString(),
            Password = Encoding.UTF8.GetBytes(Secret),
        }, MqttVersion.V311);
        await _socket.SendAsync(output.WrittenMemory, ct);
        for (var received = 0; received < 4;)
            received += await ReceiveAsync(_received.AsMemory(received, 4 - received), ct);
        if (_received[0] != 0x20 || _received[3] != 0)
            throw new PlatformStartException($"A connection of the bench was refused with {_received[3]}.");
    }

    /// <summary>Goes back to what is not acknowledged, and a few more: a vehicle that restarts does not know what it was told.</summary>
    public int Rewind(int more)
    {
        var sent = Sent;
        Sent = Acknowledged = Math.Max(0, Acknowledged - more);
        return sent;
    }

    public async Task SendAsync(int count, CancellationToken ct)
    {
        if (_burst.Length < count * _packet.Length)
            _burst = new byte[count * _packet.Length];
        for (var i = 0; i < count; i++)
        {
            var packet = _burst.AsSpan(i * _packet.Length, _packet.Length);
            _packet.CopyTo(packet);
            var number = Sent++;
            BinaryPrimitives.WriteUInt16BigEndian(packet[_packetIdAt..], (ushort)(number % ushort.MaxValue + 1));
            Utf8Formatter.TryFormat(SequenceBase + number, packet[_sequenceAt..], out _);
            (_latitude + number * StepDegrees).TryFormat(packet.Slice(_latitudeAt, LatitudeFormat.Length), out _, LatitudeFormat, CultureInfo.InvariantCulture);
            // A report's time belongs to its sequence, so that a repetition is the very same message.
            TimeOf(number).TryFormat(packet.Slice(_instantAt, Instant.Length), out _, "yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
        }
        for (var rest = _burst.AsMemory(0, count * _packet.Length); rest.Length > 0;)
            rest = rest[await _socket!.SendAsync(rest, ct)..];
    }

    /// <summary>Waits for at least one answer and counts what has come.</summary>
    public async Task ReceiveAcksAsync(CancellationToken ct)
    {
        var bytes = _pending + await ReceiveAsync(_received, ct);
        Acknowledged += bytes / AckBytes;
        _pending = bytes % AckBytes;
    }

    /// <summary>Bursts of a window, as vehicles send that empty their buffers, until told to stop.</summary>
    public async Task RunAsync(int window, Stopwatch time, TimeSpan until, CancellationToken ct)
    {
        while (time.Elapsed < until)
        {
            await SendAsync(window, ct);
            while (Acknowledged < Sent)
                await ReceiveAcksAsync(ct);
        }
    }

    /// <summary>One report at a time, at a steady pace.</summary>
    public async Task PaceAsync(TimeSpan every, TimeSpan first, Stopwatch time, TimeSpan until, Latencies latencies, CancellationToken ct)
    {
        for (var due = first; due < until; due += every)
        {
            if (due > time.Elapsed)
                await Task.Delay(due - time.Elapsed, ct);
            var sentAt = Stopwatch.GetTimestamp();
            await SendAsync(1, ct);
            while (Acknowledged < Sent)
                await ReceiveAcksAsync(ct);
            latencies.AddSince(sentAt);
        }
    }

    public void Dispose() => _socket?.Dispose();

    private static readonly DateTime Began = TimeProvider.System.GetUtcNow().UtcDateTime.AddHours(-20);

    private static DateTime TimeOf(int number) => Began.AddMilliseconds((double)number * StepMilliseconds);

    private async Task<int> ReceiveAsync(Memory<byte> into, CancellationToken ct) =>
        await _socket!.ReceiveAsync(into, ct) is > 0 and var received ? received : throw new IOException("The server closed the connection.");
}
