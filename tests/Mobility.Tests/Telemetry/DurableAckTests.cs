using System.Net;
using System.Net.Sockets;
using System.Text;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Mqtt;
using Mobility.Tests.Support;
using Xunit.Abstractions;

namespace Mobility.Tests.Telemetry;

/// <summary>
/// The real program is killed while vehicles report as fast as they can. Vehicles do what the standard says: what was not acknowledged is sent again. Whatever was
/// acknowledged is in history, and everything is there once.
/// </summary>
public sealed class DurableAckTests(ITestOutputHelper output, PlatformFixture platform) : IClassFixture<PlatformFixture>
{
    private const int Vehicles = 20;
    private const int ReportsEach = 3_000;
    private const int Window = 100;
    private const int Kills = 4;

    private int _acknowledged;

    [Fact, Trait("Req", "FLT-3"), Trait("Req", "FLT-5")]
    public async Task Every_acknowledged_report_is_in_history_once_though_the_program_is_killed()
    {
        var vehicles = new List<(VehicleId Id, string Secret)>();
        using (var staff = platform.StaffClient())
            for (var i = 0; i < Vehicles; i++)
            {
                var vehicle = Id.Named<VehicleId>("durable-tests", $"{i}");
                using var reply = await staff.PostAsync(new Uri($"/v1/vehicles/{vehicle}/device-secret", UriKind.Relative), null);
                vehicles.Add((vehicle, System.Text.Json.JsonDocument.Parse(await reply.Content.ReadAsStringAsync()).RootElement.GetProperty("password").GetString()!));
            }
        await platform.App.Web.StopAsync();
        var port = FreePort();
        var folder = Directory.CreateTempSubdirectory("mobility-mqtt-kill-").FullName;
        using var stop = new CancellationTokenSource();
        var killing = KillAgainAndAgainAsync(folder, port, stop.Token);
        try
        {
            var sent = await Task.WhenAll(vehicles.Select(v => ReportAsync(v, port))).WaitAsync(TimeSpan.FromMinutes(4));
            output.WriteLine($"{sent.Sum(s => s.Repeated)} of {Vehicles * ReportsEach} reports were sent again");
        }
        finally
        {
            await stop.CancelAsync();
            output.WriteLine($"killed {await killing} times");
            Directory.Delete(folder, recursive: true);
        }
        _acknowledged.ShouldBe(Vehicles * ReportsEach);
        (await platform.ScalarAsync<long>("SELECT count(*) FROM telemetry.history")).ShouldBe(Vehicles * ReportsEach);
        (await platform.ScalarAsync<long>("SELECT count(*) FROM (SELECT DISTINCT vehicle, sequence FROM telemetry.history) AS d")).ShouldBe(Vehicles * ReportsEach);
        (await platform.ScalarAsync<long>($"SELECT count(*) FROM telemetry.last_reports WHERE sequence = {ReportsEach - 1}")).ShouldBe(Vehicles);
        (await platform.ScalarAsync<long>("SELECT count(*) FROM telemetry.quarantine")).ShouldBe(0);
    }

    /// <summary>Each kill waits until a good part more is acknowledged, so that it hits a stream under way.</summary>
    private async Task<int> KillAgainAndAgainAsync(string folder, int port, CancellationToken ct)
    {
        for (var kills = 0; ; kills++)
        {
            await using var host = new HostProcess(["up", "--data", folder, "--port", "0", "--database", platform.ConnectionString,
                "--pack", Path.Combine(AppContext.BaseDirectory, "Packs", "fixtures", "tiny")], new Dictionary<string, string>
                {
                    ["MOBILITY_Identity__KeyProtection"] = Convert.ToBase64String(new byte[32]),
                    ["MOBILITY_Logging__LogLevel__Default"] = "Critical",
                    ["MOBILITY_Telemetry__MqttPort"] = $"{port}",
                });
            await host.WaitForAddressAsync();
            try
            {
                var goal = kills < Kills ? Volatile.Read(ref _acknowledged) + Vehicles * ReportsEach / (Kills + 2) : int.MaxValue;
                while (Volatile.Read(ref _acknowledged) < goal)
                    await Task.Delay(5, ct);
            }
            catch (OperationCanceledException)
            {
                return kills;
            }
            finally
            {
                host.Signal("KILL");
                await host.EndAsync();
            }
        }
    }

    private async Task<(int Repeated, int Connections)> ReportAsync((VehicleId Id, string Secret) vehicle, int port)
    {
        var began = TimeProvider.System.GetUtcNow();
        var acknowledged = new bool[ReportsEach];
        var (repeated, connections, next) = (0, 0, 0);
        while (acknowledged.Contains(false))
        {
            try
            {
                await using var wire = await MqttTestClient.ConnectAsync(port, new ConnectPacket
                {
                    Version = MqttVersion.V5,
                    CleanStart = true,
                    KeepAliveSeconds = 60,
                    ClientId = vehicle.Id.ToString(),
                    UserName = vehicle.Id.ToString(),
                    Password = Encoding.UTF8.GetBytes(vehicle.Secret),
                });
                wire.ConnAck.Reason.ShouldBe((byte)0);
                connections++;
                // What has no answer goes first, and the last answered ones too: a vehicle that restarts does not know what it was told.
                var again = Enumerable.Range(0, next).Where(i => !acknowledged[i] || i > next - 20).ToList();
                repeated += again.Count;
                var todo = new Queue<int>(again.Concat(Enumerable.Range(next, ReportsEach - next)));
                var flying = new Dictionary<ushort, int>();
                ushort id = 0;
                while (todo.Count > 0 || flying.Count > 0)
                {
                    while (todo.Count > 0 && flying.Count < Window)
                    {
                        id = id == ushort.MaxValue ? (ushort)1 : (ushort)(id + 1);
                        var sequence = todo.Dequeue();
                        next = Math.Max(next, sequence + 1);
                        flying.Add(id, sequence);
                        await wire.PublishAsync($"telemetry/{vehicle.Id}", FormattableString.Invariant(
                            $$"""{"sequence":{{sequence}},"at":"{{began.AddMilliseconds(sequence * 10 - 60_000):O}}","position":{"lat":{{50 + sequence * 1e-6}},"lon":10} }"""), 1, id);
                    }
                    if (await wire.ReadAsync() is not PubAckPacket ack)
                        throw new IOException("The program is gone.");
                    if (flying.Remove(ack.PacketId, out var done) && !acknowledged[done])
                    {
                        acknowledged[done] = true;
                        Interlocked.Increment(ref _acknowledged);
                    }
                }
            }
            catch (Exception e) when (e is IOException or SocketException)
            {
                await Task.Delay(100); // the next one is coming
            }
        }
        return (repeated, connections);
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
