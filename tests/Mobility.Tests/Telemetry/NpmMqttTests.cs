using System.Text.Json;
using Mobility.Contracts;
using Mobility.Tests.Support;

namespace Mobility.Tests.Telemetry;

/// <summary>The npm package mqtt, which others wrote, against the real door: both versions of the protocol, with and without TLS.</summary>
public sealed class NpmMqttTests(MqttFixture platform) : IClassFixture<MqttFixture>
{
    [Theory, InlineData(4, 0), InlineData(4, 1), InlineData(5, 0), InlineData(5, 1), Trait("Req", "FLT-3")]
    public async Task A_report_becomes_history(int version, int qos)
    {
        var vehicle = await platform.NewVehicleAsync();
        await using var client = await ConnectAsync(vehicle, version);
        await client.SayAsync(new { command = "publish", topic = $"telemetry/{vehicle.Id}", payload = platform.Report(1), qos });
        await client.ExpectAsync("published");
        if (qos == 1)
            (await platform.HistoryCountAsync(vehicle.Id)).ShouldBe(1); // acknowledged is durable
        await Eventually.TrueAsync(async () => await platform.HistoryCountAsync(vehicle.Id) == 1, "the report is in history");
        await client.SayAsync(new { command = "end" });
        await client.WaitForAsync("closed");
    }

    [Theory, InlineData(4), InlineData(5), Trait("Req", "FLT-11")]
    public async Task A_certificate_opens_the_TLS_door_and_none_does_not(int version)
    {
        var vehicle = await platform.NewVehicleAsync();
        using var folder = new CertificateFolder();
        await folder.WriteAsync(platform, vehicle.Id);
        await using var client = NodeProgram.Start("client.cjs");
        await client.SayAsync(new
        {
            command = "connect",
            url = $"mqtts://localhost:{platform.TlsPort}",
            protocolVersion = version,
            clientId = $"{vehicle.Id}",
            ca = folder["ca.pem"],
            cert = folder["device.pem"],
            key = folder["device.key"],
        });
        await client.ExpectAsync("connected");
        await client.SayAsync(new { command = "publish", topic = $"telemetry/{vehicle.Id}", payload = platform.Report(1), qos = 1 });
        await client.ExpectAsync("published");
        (await platform.HistoryCountAsync(vehicle.Id)).ShouldBe(1);
        await using var stranger = NodeProgram.Start("client.cjs");
        await stranger.SayAsync(new
        {
            command = "connect",
            url = $"mqtts://localhost:{platform.TlsPort}",
            protocolVersion = version,
            ca = folder["ca.pem"],
            username = $"{vehicle.Id}",
            password = vehicle.Secret,
        });
        // In TLS 1.3 the client has finished its handshake when the server misses the certificate, so it may hear of an error or of the end only.
        (await stranger.WaitForAsync("connected", "error", "closed")).GetProperty("event").GetString().ShouldNotBe("connected");
    }

    [Theory, InlineData(4), InlineData(5), Trait("Req", "FLT-2")]
    public async Task A_session_outlives_its_connection_and_the_command_waits_in_it(int version)
    {
        var vehicle = await platform.NewVehicleInServiceAsync($"npm-{version}");
        await using var client = await ConnectAsync(vehicle, version, keepsSession: true);
        await client.SayAsync(new { command = "subscribe", topic = $"commands/{vehicle.Id}", qos = 1 });
        (await client.ExpectAsync("subscribed")).GetProperty("granted").GetInt32().ShouldBe(1);
        await client.SayAsync(new { command = "drop" });
        await client.WaitForAsync("closed");
        await platform.UnlockAsync(vehicle.Id);
        await SayConnectAsync(client, vehicle, version, keepsSession: true, will: null);
        (await client.ExpectAsync("connected")).GetProperty("sessionPresent").GetBoolean().ShouldBeTrue(); // it does not subscribe again
        var message = await client.WaitForAsync("message");
        message.GetProperty("topic").GetString().ShouldBe($"commands/{vehicle.Id}");
        message.GetProperty("qos").GetInt32().ShouldBe(1);
        JsonSerializer.Deserialize<JsonElement>(message.GetProperty("payload").GetString()!).GetProperty("kind").GetString().ShouldBe("unlock");
    }

    [Theory, InlineData(4), InlineData(5)]
    public async Task The_last_will_speaks_for_who_breaks_off_and_the_last_status_is_retained(int version)
    {
        var vehicle = await platform.NewVehicleAsync();
        var topic = $"status/{vehicle.Id}";
        var will = new { topic, payload = "lost", qos = 1, retain = true };
        await using (var polite = await ConnectAsync(vehicle, version, will: will))
        {
            await polite.SayAsync(new { command = "publish", topic, payload = "here", qos = 1, retain = true });
            await polite.ExpectAsync("published");
            await polite.SayAsync(new { command = "end" });
            await polite.WaitForAsync("closed");
        }
        await ExpectStatusAsync(vehicle.Id, version, "here");
        await using (await ConnectAsync(vehicle, version, will: will))
        {
            // and its process is killed
        }
        await Eventually.TrueAsync(async () => await platform.ScalarAsync<string>(
            $"SELECT convert_from(payload, 'UTF8') FROM telemetry.last_statuses WHERE vehicle = '{vehicle.Id.Value}'") == "lost", "the will is the status");
        await ExpectStatusAsync(vehicle.Id, version, "lost");
    }

    [Theory, InlineData(4), InlineData(5)]
    public async Task A_wrong_secret_is_refused(int version)
    {
        var vehicle = await platform.NewVehicleAsync();
        await using var client = NodeProgram.Start("client.cjs");
        await SayConnectAsync(client, (vehicle.Id, "wrong"), version, keepsSession: false, will: null);
        (await client.WaitForAsync("error")).GetProperty("code").GetInt32().ShouldBe(version == 5 ? 0x86 : 4);
    }

    /// <summary>Whoever subscribes now is told the last status at once, and that it is an old one.</summary>
    private async Task ExpectStatusAsync(VehicleId vehicle, int version, string status)
    {
        using var staff = platform.StaffClient();
        await using var observer = NodeProgram.Start("client.cjs");
        await observer.SayAsync(new
        {
            command = "connect",
            url = $"mqtt://127.0.0.1:{platform.Port}",
            protocolVersion = version,
            username = "observer",
            password = staff.DefaultRequestHeaders.Authorization!.Parameter,
        });
        await observer.ExpectAsync("connected");
        await observer.SayAsync(new { command = "subscribe", topic = $"status/{vehicle}", qos = 0 });
        var heard = await observer.WaitForAsync("message");
        (heard.GetProperty("payload").GetString(), heard.GetProperty("retain").GetBoolean()).ShouldBe((status, true));
    }

    private async Task<NodeProgram> ConnectAsync((VehicleId Id, string Secret) vehicle, int version, bool keepsSession = false, object? will = null)
    {
        var client = NodeProgram.Start("client.cjs");
        await SayConnectAsync(client, vehicle, version, keepsSession, will);
        await client.ExpectAsync("connected");
        return client;
    }

    private Task SayConnectAsync(NodeProgram client, (VehicleId Id, string Secret) vehicle, int version, bool keepsSession, object? will)
    {
        var options = new Dictionary<string, object>
        {
            ["command"] = "connect",
            ["url"] = $"mqtt://127.0.0.1:{platform.Port}",
            ["protocolVersion"] = version,
            ["clientId"] = $"{vehicle.Id}",
            ["username"] = $"{vehicle.Id}",
            ["password"] = vehicle.Secret,
            ["clean"] = !keepsSession,
        };
        if (keepsSession && version == 5)
            options["properties"] = new { sessionExpiryInterval = 600 };
        if (will is not null)
            options["will"] = will;
        return client.SayAsync(options);
    }
}
