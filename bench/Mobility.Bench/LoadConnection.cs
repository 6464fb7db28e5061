using System.Buffers;
using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Mobility.Bench;

/// <summary>What a server answered.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Body">The body as text.</param>
internal readonly record struct LoadReply(int Status, string Body)
{
    /// <summary>The value of the first string member with this name; enough for the answers that a load client needs.</summary>
    public string? Member(string name)
    {
        var at = Body.IndexOf($"\"{name}\":\"", StringComparison.Ordinal);
        if (at < 0)
            return null;
        at += name.Length + 4;
        return Body[at..Body.IndexOf('"', at)];
    }
}

/// <summary>
/// One keep-alive HTTP/1.1 connection that sends prepared bytes and reads just enough of the answer. The load client shares two cores with what
/// it measures; HttpClient would take as much of them as the server.
/// </summary>
internal sealed class LoadConnection : IDisposable
{
    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[64 * 1024];
    private readonly ArrayBufferWriter<byte> _request = new(4096);
    private int _filled;

    private LoadConnection(Socket socket) => _socket = socket;

    public static async Task<LoadConnection> OpenAsync(Uri address, CancellationToken ct)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, address.Port, ct);
        return new LoadConnection(socket);
    }

    public async Task<LoadReply> SendAsync(string method, string path, string token, string? body, string? idempotencyKey, CancellationToken ct)
    {
        _request.ResetWrittenCount();
        Write($"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ");
        Write(token);
        if (idempotencyKey is not null)
            Write($"\r\nIdempotency-Key: {idempotencyKey}");
        if (body is not null)
            Write($"\r\nContent-Type: application/json\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}");
        else
            Write(method == "GET" ? "\r\n\r\n" : "\r\nContent-Length: 0\r\n\r\n");
        await _socket.SendAsync(_request.WrittenMemory, ct);
        return await ReadAsync(ct);
    }

    public void Dispose() => _socket.Dispose();

    private void Write(string text) => _request.Advance(Encoding.UTF8.GetBytes(text, _request.GetSpan(Encoding.UTF8.GetMaxByteCount(text.Length))));

    private async Task<LoadReply> ReadAsync(CancellationToken ct)
    {
        _filled = 0;
        int headersEnd;
        while ((headersEnd = _buffer.AsSpan(0, _filled).IndexOf("\r\n\r\n"u8)) < 0)
            await FillAsync(ct);
        var headers = _buffer.AsSpan(0, headersEnd);
        var status = NumberIn(headers[9..12]);
        var bodyAt = headersEnd + 4;
        var lengthAt = headers.IndexOf("Content-Length: "u8);
        if (lengthAt >= 0)
        {
            var length = NumberIn(headers[(lengthAt + 16)..]);
            while (_filled < bodyAt + length)
                await FillAsync(ct);
            return new LoadReply(status, Encoding.UTF8.GetString(_buffer, bodyAt, length));
        }
        if (headers.IndexOf("Transfer-Encoding: chunked"u8) < 0)
            return new LoadReply(status, "");
        while (!_buffer.AsSpan(bodyAt, _filled - bodyAt).EndsWith("0\r\n\r\n"u8))
            await FillAsync(ct);
        return new LoadReply(status, Unchunk(_buffer.AsSpan(bodyAt, _filled - bodyAt)));
    }

    private async Task FillAsync(CancellationToken ct)
    {
        var read = await _socket.ReceiveAsync(_buffer.AsMemory(_filled), ct);
        if (read == 0)
            throw new IOException("The server closed the connection.");
        _filled += read;
    }

    private static string Unchunk(ReadOnlySpan<byte> chunks)
    {
        var text = new StringBuilder();
        while (true)
        {
            var lineEnd = chunks.IndexOf("\r\n"u8);
            var size = NumberIn(chunks[..lineEnd], 'x');
            if (size == 0)
                return text.ToString();
            text.Append(Encoding.UTF8.GetString(chunks.Slice(lineEnd + 2, size)));
            chunks = chunks[(lineEnd + 4 + size)..];
        }
    }

    private static int NumberIn(ReadOnlySpan<byte> text, char format = default) =>
        Utf8Parser.TryParse(text, out int number, out _, format) ? number : throw new IOException("The server's answer is not HTTP.");
}
