using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Mobility.Platform.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Mobility.Bench;

/// <summary>Redis with the same rentable vehicles: GEOSEARCH of 500 m, nearest 20, with distance. No updates run beside it.</summary>
internal static class RedisPeer
{
    private const int Connections = 4;
    private const int Depth = 32;

    public sealed record Result(double Pipelined, double OneByOne);

    public static async Task<Result> RunAsync(NearbyBench.City city, int seconds, Action<string> say, CancellationToken ct)
    {
        if (Find("redis-server") is not { } program)
        {
            say("redis-server is not installed: its figure is missing");
            return new Result(0, 0);
        }
        var port = FreePort();
        var start = new ProcessStartInfo(program, ["--port", $"{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", Path.GetTempPath()])
        {
            RedirectStandardOutput = true,
        };
        using var server = Process.Start(start)!;
        server.BeginOutputReadLine();
        try
        {
            using var loading = await ConnectAsync(port, ct);
            say("Redis: loading");
            foreach (var chunk in city.Rentable().Chunk(1_000))
            {
                var command = new StringBuilder();
                command.Append(CultureInfo.InvariantCulture, $"*{2 + chunk.Length * 3}\r\n$6\r\nGEOADD\r\n$1\r\nv\r\n");
                foreach (var (id, point) in chunk)
                    foreach (var part in new[] { point.LongitudeDegrees.ToString("R", CultureInfo.InvariantCulture), point.LatitudeDegrees.ToString("R", CultureInfo.InvariantCulture), $"{id:N}" })
                        command.Append(CultureInfo.InvariantCulture, $"${part.Length}\r\n{part}\r\n");
                await loading.SendAsync(Encoding.ASCII.GetBytes(command.ToString()), ct);
                await ReadAnswersAsync(loading, new byte[4_096], 1, ct);
            }
            var queries = city.Queries.Take(20_000).Select(p => p.Rounded()).Select(p =>
            {
                string[] parts = ["GEOSEARCH", "v", "FROMLONLAT", p.LongitudeDegrees.ToString(CultureInfo.InvariantCulture), p.LatitudeDegrees.ToString(CultureInfo.InvariantCulture),
                    "BYRADIUS", $"{NearbyBench.RadiusMeters}", "m", "ASC", "COUNT", $"{NearbyBench.Limit}", "WITHDIST"];
                return $"*{parts.Length}\r\n{string.Concat(parts.Select(part => $"${part.Length}\r\n{part}\r\n"))}";
            }).ToArray();
            var pipelined = queries.Chunk(Depth).Select(chunk => Encoding.ASCII.GetBytes(string.Concat(chunk))).ToArray();
            var single = queries.Select(Encoding.ASCII.GetBytes).ToArray();
            var result = new Result(
                await AskAsync(port, pipelined, Depth, Connections, seconds, ct), await AskAsync(port, single, 1, 16, seconds, ct));
            say($"Redis: {result.Pipelined:0} queries/s pipelined by {Depth}, {result.OneByOne:0} one by one on 16 connections");
            return result;
        }
        finally
        {
            server.Kill();
            await server.WaitForExitAsync(CancellationToken.None);
        }
    }

    private static async Task<double> AskAsync(int port, byte[][] batches, int depth, int connections, int seconds, CancellationToken ct)
    {
        var end = Stopwatch.GetTimestamp() + seconds * Stopwatch.Frequency;
        var counts = await Task.WhenAll(Enumerable.Range(0, connections).Select(async connection =>
        {
            using var socket = await ConnectAsync(port, ct);
            var buffer = new byte[1024 * 1024];
            var count = 0L;
            for (var i = connection * 101; Stopwatch.GetTimestamp() < end; i++, count += depth)
            {
                await socket.SendAsync(batches[i % batches.Length].AsMemory(), ct);
                await ReadAnswersAsync(socket, buffer, Math.Min(depth, depth), ct);
            }
            return count;
        }));
        return (double)counts.Sum() / seconds;
    }

    private static async Task<Socket> ConnectAsync(int port, CancellationToken ct)
    {
        for (var tries = 0; ; tries++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, port, ct);
                return socket;
            }
            catch (SocketException) when (tries < 100)
            {
                socket.Dispose();
                await Task.Delay(50, ct);
            }
        }
    }

    /// <summary>Reads until so many top-level answers are complete.</summary>
    private static async Task ReadAnswersAsync(Socket socket, byte[] buffer, int answers, CancellationToken ct)
    {
        var filled = 0;
        while (true)
        {
            var read = await socket.ReceiveAsync(buffer.AsMemory(filled), ct);
            if (read == 0)
                throw new IOException("Redis closed the connection.");
            filled += read;
            if (IsComplete(buffer.AsSpan(0, filled), answers))
                return;
        }
    }

    private static bool IsComplete(ReadOnlySpan<byte> text, int answers)
    {
        var left = answers;
        while (left > 0)
        {
            var line = text.IndexOf("\r\n"u8);
            if (line < 0)
                return false;
            var number = System.Buffers.Text.Utf8Parser.TryParse(text[1..line], out int value, out _) ? value : 0;
            var kind = text[0];
            text = text[(line + 2)..];
            left--;
            switch (kind)
            {
                case (byte)'*':
                    left += number;
                    break;
                case (byte)'$' when text.Length < number + 2:
                    return false;
                case (byte)'$':
                    text = text[(number + 2)..];
                    break;
                case (byte)'-':
                    throw new IOException("Redis refused.");
            }
        }
        return true;
    }

    internal static string? Find(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/bin")
        .Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}

/// <summary>PostGIS with the same rentable vehicles, in meters of their UTM zone under a GiST index, clustered by it: the fastest form that we found.</summary>
internal static class PostgisPeer
{
    private const int Connections = 4;

    public static async Task<double> RunAsync(NearbyBench.City city, int seconds, Action<string> say, CancellationToken ct)
    {
        var folder = Directory.CreateTempSubdirectory("mobility-bench-").FullName;
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(folder, (UnixFileMode)0b111_101_101);
        try
        {
            await using var postgres = await PrivatePostgres.StartAsync(folder, null, new Dictionary<string, string> { ["fsync"] = "off", ["shared_buffers"] = "512MB", ["jit"] = "off" }, null, ct);
            await using var source = new NpgsqlDataSourceBuilder(postgres.ConnectionString).Build();
            if (!await ExecuteAsync(source, "CREATE EXTENSION postgis", ct))
            {
                say("PostGIS is not installed beside this PostgreSQL: its figure is missing");
                return 0;
            }
            say("PostGIS: loading");
            await ExecuteAsync(source, "CREATE TABLE loaded (id uuid, lon float8, lat float8)", ct);
            await using (var connection = await source.OpenConnectionAsync(ct))
            await using (var copy = await connection.BeginBinaryImportAsync("COPY loaded FROM STDIN BINARY", ct))
            {
                foreach (var (id, point) in city.Rentable())
                {
                    await copy.StartRowAsync(ct);
                    await copy.WriteAsync(id, NpgsqlDbType.Uuid, ct);
                    await copy.WriteAsync(point.LongitudeDegrees, NpgsqlDbType.Double, ct);
                    await copy.WriteAsync(point.LatitudeDegrees, NpgsqlDbType.Double, ct);
                }
                await copy.CompleteAsync(ct);
            }
            await ExecuteAsync(source, "CREATE TABLE vehicles AS SELECT id, ST_Transform(ST_SetSRID(ST_MakePoint(lon, lat), 4326), 32632) AS place FROM loaded", ct);
            await ExecuteAsync(source, "CREATE INDEX vehicles_place ON vehicles USING gist (place)", ct);
            await ExecuteAsync(source, "CLUSTER vehicles USING vehicles_place", ct);
            await ExecuteAsync(source, "VACUUM ANALYZE vehicles", ct);
            var end = Stopwatch.GetTimestamp() + seconds * Stopwatch.Frequency;
            var counts = await Task.WhenAll(Enumerable.Range(0, Connections).Select(connection => Task.Run(() => AskAsync(source, city, connection, end, ct), ct)));
            var perSecond = (double)counts.Sum() / seconds;
            say($"PostGIS: {perSecond:0} queries/s on {Connections} connections");
            return perSecond;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<long> AskAsync(NpgsqlDataSource source, NearbyBench.City city, int connection, long end, CancellationToken ct)
    {
        await using var open = await source.OpenConnectionAsync(ct);
        await using var command = new NpgsqlCommand("""
            WITH here AS MATERIALIZED (SELECT ST_Transform(ST_SetSRID(ST_MakePoint($1, $2), 4326), 32632) AS place)
            SELECT v.id, v.place <-> (SELECT place FROM here) AS meters FROM vehicles v
            WHERE ST_DWithin(v.place, (SELECT place FROM here), 500) ORDER BY v.place <-> (SELECT place FROM here) LIMIT 20
            """, open);
        command.Parameters.Add(new NpgsqlParameter<double>());
        command.Parameters.Add(new NpgsqlParameter<double>());
        await command.PrepareAsync(ct);
        var count = 0L;
        for (var i = connection * 97; Stopwatch.GetTimestamp() < end; i++, count++)
        {
            var point = city.Queries[i % city.Queries.Length].Rounded();
            ((NpgsqlParameter<double>)command.Parameters[0]).TypedValue = point.LongitudeDegrees;
            ((NpgsqlParameter<double>)command.Parameters[1]).TypedValue = point.LatitudeDegrees;
            await using var reader = await command.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
                _ = (reader.GetGuid(0), reader.GetDouble(1));
        }
        return count;
    }

    private static async Task<bool> ExecuteAsync(NpgsqlDataSource source, string sql, CancellationToken ct)
    {
        await using var command = source.CreateCommand(sql);
        command.CommandTimeout = 600;
        try
        {
            await command.ExecuteNonQueryAsync(ct);
            return true;
        }
        catch (PostgresException e) when (e.SqlState is "0A000" or "58P01")
        {
            return false; // the extension's files are not there
        }
    }
}
