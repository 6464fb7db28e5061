using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Mobility.Geo;
using Mobility.Telemetry.Live;

namespace Mobility.Bench;

/// <summary>The search's handler and a bare handler that sends the same number of bytes, on one server, asked by turns by the same client.</summary>
internal static class NearbyHttp
{
    private const int Connections = 16;
    private const int Rounds = 4;

    public sealed record Result(double Nearby, double Bare, int Bytes);

    public static async Task<Result> RunAsync(LiveFleet fleet, PackedPoint[] places, int seconds, Action<string> say, CancellationToken ct)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        await using var app = builder.Build();
        var fixedBytes = Array.Empty<byte>();
        app.MapGet("/v1/vehicles/nearby", (RequestDelegate)(http => FindNearbyVehicles.Read(http.Request.QueryString.Value, out var wish) is null
            ? FindNearbyVehicles.WriteAsync(http, fleet, wish)
            : throw new InvalidOperationException("The bench asks wrongly.")));
        app.MapGet("/v1/vehicles/bare", (RequestDelegate)(http =>
        {
            http.Response.ContentType = "application/json; charset=utf-8";
            http.Response.ContentLength = fixedBytes.Length;
            http.Response.BodyWriter.Write(fixedBytes);
            return Task.CompletedTask;
        }));
        await app.StartAsync(ct);
        var port = new Uri(app.Urls.First()).Port;
        var queries = places.Take(5_000).Select(place => string.Create(CultureInfo.InvariantCulture,
            $"?lat={place.Rounded().LatitudeDegrees}&lon={place.Rounded().LongitudeDegrees}&radius={NearbyBench.RadiusMeters}&limit={NearbyBench.Limit}")).ToArray();
        // The mean length of the answers, so that both sides move the same bytes.
        var mean = queries.Average(query => FindNearbyVehicles.Read(query, out var wish) is null ? FindNearbyVehicles.Answer(fleet, wish, out _) : 0);
        fixedBytes = new byte[(int)Math.Round(mean)];
        fixedBytes.AsSpan().Fill((byte)'x');

        var nearby = queries.Select(q => RequestOf("/v1/vehicles/nearby" + q)).ToArray();
        var bare = queries.Select(q => RequestOf("/v1/vehicles/bare" + q)).ToArray();
        await AskAsync(port, nearby, 1, ct);
        await AskAsync(port, bare, 1, ct);
        var (nearbyRounds, bareRounds) = (new List<double>(), new List<double>());
        for (var round = 0; round < Rounds; round++)
        {
            bareRounds.Add(await AskAsync(port, bare, Math.Max(1, seconds / 2.0), ct));
            nearbyRounds.Add(await AskAsync(port, nearby, Math.Max(1, seconds / 2.0), ct));
        }
        await app.StopAsync(ct);
        var result = new Result(nearbyRounds.Order().Skip(Rounds / 2 - 1).Take(2).Average(), bareRounds.Order().Skip(Rounds / 2 - 1).Take(2).Average(), fixedBytes.Length);
        say($"over HTTP, {Connections} connections: {result.Nearby:0} queries/s, bare with the same {result.Bytes} bytes {result.Bare:0}/s");
        return result;
    }

    private static byte[] RequestOf(string target) => Encoding.ASCII.GetBytes($"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");

    private static async Task<double> AskAsync(int port, byte[][] requests, double seconds, CancellationToken ct)
    {
        var end = Stopwatch.GetTimestamp() + (long)(seconds * Stopwatch.Frequency);
        var counts = await Task.WhenAll(Enumerable.Range(0, Connections).Select(async connection =>
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync("127.0.0.1", port, ct);
            var buffer = new byte[64 * 1024];
            var count = 0L;
            for (var i = connection * 311; Stopwatch.GetTimestamp() < end; i++, count++)
            {
                await socket.SendAsync(requests[i % requests.Length].AsMemory(), ct);
                for (var (filled, needed) = (0, 0); needed == 0 || filled < needed;)
                {
                    var read = await socket.ReceiveAsync(buffer.AsMemory(filled), ct);
                    if (read == 0)
                        throw new IOException("The server closed the connection.");
                    filled += read;
                    if (needed == 0)
                        needed = LengthOf(buffer.AsSpan(0, filled));
                }
            }
            return count;
        }));
        return counts.Sum() / seconds;
    }

    /// <summary>Bytes of the whole answer; 0 while its headers are not complete.</summary>
    private static int LengthOf(ReadOnlySpan<byte> answer)
    {
        var end = answer.IndexOf("\r\n\r\n"u8);
        if (end < 0)
            return 0;
        if (!answer.StartsWith("HTTP/1.1 200"u8))
            throw new IOException("The server refused.");
        var at = answer.IndexOf("Content-Length: "u8) + 16;
        return System.Buffers.Text.Utf8Parser.TryParse(answer[at..], out int length, out _) ? end + 4 + length : throw new IOException("No length.");
    }
}
