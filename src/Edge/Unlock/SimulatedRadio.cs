using System.Net.Sockets;
using System.Text;

namespace Mobility.Edge.Unlock;

/// <summary>
/// Stands for the NFC and BLE radio, which a desk does not have: a local socket on which a phone says one line, the unlock token, and hears one line,
/// <c>opened</c> or <c>refused CODE</c>. What a radio proves by its range this does not prove.
/// </summary>
internal sealed class SimulatedRadio : IAsyncDisposable
{
    /// <summary>Phones that are heard at once; others wait.</summary>
    public const int PhonesMax = 4;

    /// <summary>A phone that says nothing gives way to the next.</summary>
    public static readonly TimeSpan ListenFor = TimeSpan.FromSeconds(5);

    private readonly Socket _socket;
    private readonly string _path;
    private readonly Func<string, Task<string>> _answer;
    private readonly TimeProvider _clock;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task[] _listening;

    private SimulatedRadio(Socket socket, string path, Func<string, Task<string>> answer, TimeProvider clock)
    {
        (_socket, _path, _answer, _clock) = (socket, path, answer, clock);
        _listening = [.. Enumerable.Range(0, PhonesMax).Select(_ => ListenAsync())];
    }

    /// <summary>Begins to listen; the socket that a killed agent left is replaced, a file is not.</summary>
    /// <exception cref="SocketException">The path cannot be used.</exception>
    /// <exception cref="IOException">There is a file.</exception>
    public static SimulatedRadio Open(string path, Func<string, Task<string>> answer, TimeProvider clock)
    {
        if (new FileInfo(path) is { Exists: true, Length: > 0 })
            throw new IOException($"{path} is a file, not a socket.");
        File.Delete(path);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(new UnixDomainSocketEndPoint(path));
            socket.Listen(PhonesMax);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
        return new SimulatedRadio(socket, path, answer, clock);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _socket.Dispose();
        await Task.WhenAll(_listening);
        File.Delete(_path);
        _stopping.Dispose();
    }

    private async Task ListenAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                using var phone = await _socket.AcceptAsync(_stopping.Token);
                await HearAsync(phone);
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException or IOException)
            {
                // the phone is gone, was silent, or the radio stops
            }
        }
    }

    private async Task HearAsync(Socket phone)
    {
        using var patience = new CancellationTokenSource(ListenFor, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, _stopping.Token);
        var line = new byte[CheckedToken.LengthMax + 2]; // a longer one has no end within, and is refused as malformed
        var length = 0;
        while (length < line.Length && !line.AsSpan(0, length).Contains((byte)'\n'))
        {
            var more = await phone.ReceiveAsync(line.AsMemory(length), either.Token);
            if (more == 0)
                break;
            length += more;
        }
        var answer = await _answer(Encoding.UTF8.GetString(line, 0, length).TrimEnd('\n', '\r'));
        await phone.SendAsync(Encoding.UTF8.GetBytes(answer + "\n"), either.Token);
    }
}
