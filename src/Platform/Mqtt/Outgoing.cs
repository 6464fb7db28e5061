using System.Buffers;
using System.IO.Pipelines;

namespace Mobility.Platform.Mqtt;

/// <summary>
/// What goes out to one connection. While the network takes what it is given, packets go straight into its pipe; while it does not, they wait here, up to a bound.
/// A connection that nothing is sent to costs no buffer and no task.
/// </summary>
/// <param name="pipe">To the network; completed by its owner after <see cref="Close"/>.</param>
/// <param name="waitingBytesMax">Bytes that wait at most.</param>
public sealed class Outgoing(PipeWriter pipe, int waitingBytesMax)
{
    private const int KeptBytesMax = 4_096;

    private readonly Lock _gate = new();
    private ArrayBufferWriter<byte>? _waiting;
    private bool _flushing;
    private bool _noted;
    private bool _closed;

    /// <summary>Sends a packet, now or when the network takes more. False when the other side reads too slowly or is gone: the connection is to be ended.</summary>
    public bool TrySend(MqttPacket packet, MqttVersion version)
    {
        lock (_gate)
        {
            if (_closed)
                return false;
            if (!_flushing)
            {
                MqttWriter.Write(pipe, packet, version);
                BeginFlush();
                return true;
            }
            _waiting ??= new ArrayBufferWriter<byte>(256);
            MqttWriter.Write(_waiting, packet, version);
            return _waiting.WrittenCount <= waitingBytesMax;
        }
    }

    /// <summary>Notes a PUBACK without sending it yet. True when this is the first one since the last flush.</summary>
    public bool NotePubAck(ushort packetId)
    {
        lock (_gate)
        {
            if (_closed)
                return false;
            IBufferWriter<byte> output = _flushing ? _waiting ??= new ArrayBufferWriter<byte>(256) : pipe;
            MqttWriter.WritePubAck(output.GetSpan(MqttWriter.ShortPubAckBytes), packetId);
            output.Advance(MqttWriter.ShortPubAckBytes);
            var isFirst = !_noted;
            _noted = true;
            return isFirst;
        }
    }

    /// <summary>Sends what was noted.</summary>
    public void Flush()
    {
        lock (_gate)
        {
            _noted = false;
            if (!_closed && !_flushing)
                BeginFlush();
        }
    }

    /// <summary>Nothing more is written; the pipe may be completed by its owner.</summary>
    public void Close()
    {
        lock (_gate)
            _closed = true;
    }

    private void BeginFlush()
    {
        var flush = pipe.FlushAsync();
        if (flush.IsCompletedSuccessfully)
        {
            _closed |= flush.Result.IsCompleted;
            return;
        }
        _flushing = true;
        _ = FinishAsync(flush);
    }

    private async Task FinishAsync(ValueTask<FlushResult> flush)
    {
        try
        {
            while (true)
            {
                var result = await flush;
                lock (_gate)
                {
                    _closed |= result.IsCompleted || result.IsCanceled;
                    if (_closed || _waiting is null || _waiting.WrittenCount == 0)
                    {
                        _flushing = false;
                        if (_waiting?.Capacity > KeptBytesMax || _closed)
                            _waiting = null;
                        return;
                    }
                    pipe.Write(_waiting.WrittenSpan);
                    _waiting.ResetWrittenCount();
                    flush = pipe.FlushAsync();
                }
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException or OperationCanceledException)
        {
            lock (_gate)
                (_closed, _flushing, _waiting) = (true, false, null); // the connection is gone; its reader notices too
        }
    }
}
