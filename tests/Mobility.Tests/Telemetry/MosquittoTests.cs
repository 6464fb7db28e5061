using System.Diagnostics;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Mobility.Contracts;
using Mobility.Tests.Support;

namespace Mobility.Tests.Telemetry;

/// <summary>Programs that others wrote (mosquitto_pub and mosquitto_sub) against the real door.</summary>
public sealed class MosquittoTests(MqttFixture platform) : IClassFixture<MqttFixture>
{
    [Theory, InlineData("mqttv311", 0), InlineData("mqttv311", 1), InlineData("mqttv5", 0), InlineData("mqttv5", 1), Trait("Req", "FLT-3")]
    public async Task A_report_becomes_history(string version, int qos)
    {
        var vehicle = await platform.NewVehicleAsync();
        var (exit, errors) = await RunAsync("mosquitto_pub", [.. As(vehicle), "-V", version, "-q", $"{qos}", "-t", $"telemetry/{vehicle.Id}", "-m", platform.Report(1, 50.5, 10.25)]);
        exit.ShouldBe(0, errors);
        await Eventually.TrueAsync(async () => await platform.HistoryCountAsync(vehicle.Id) == 1, "the report is in history");
        using var staff = platform.StaffClient();
        var now = platform.Clock.GetUtcNow();
        var track = await staff.GetFromJsonAsync<JsonElement>(
            $"/v1/vehicles/{vehicle.Id}/track?from={now.AddHours(-1):yyyy-MM-ddTHH:mm:ssZ}&to={now.AddHours(1):yyyy-MM-ddTHH:mm:ssZ}");
        track.GetProperty("points")[0].GetProperty("position").GetProperty("lat").GetDouble().ShouldBe(50.5);
    }

    [Fact]
    public async Task A_thousand_lines_are_a_thousand_reports()
    {
        var vehicle = await platform.NewVehicleAsync();
        var lines = string.Join('\n', Enumerable.Range(0, 1_000).Select(i => platform.Report(i, 50 + i * 1e-6)));
        var (exit, errors) = await RunAsync("mosquitto_pub", [.. As(vehicle), "-V", "mqttv5", "-q", "1", "-t", $"telemetry/{vehicle.Id}", "-l"], lines + "\n");
        exit.ShouldBe(0, errors);
        (await platform.HistoryCountAsync(vehicle.Id)).ShouldBe(1_000); // QoS 1: the program ended, so all are durable
    }

    [Fact]
    public async Task The_last_status_is_told_to_who_subscribes_later()
    {
        var vehicle = await platform.NewVehicleAsync();
        (await RunAsync("mosquitto_pub", [.. As(vehicle), "-q", "1", "-r", "-t", $"status/{vehicle.Id}", "-m", "parked"])).Exit.ShouldBe(0);
        var heard = await RunAsync("mosquitto_sub", [.. As(vehicle), "-q", "1", "-C", "1", "-W", "10", "-F", "%r %p", "-t", $"status/{vehicle.Id}"]);
        heard.Exit.ShouldBe(0, heard.Text);
        heard.Text.Trim().ShouldBe("1 parked");
        using var staff = platform.StaffClient();
        var token = staff.DefaultRequestHeaders.Authorization!.Parameter!;
        var seen = await RunAsync("mosquitto_sub", ["-h", "127.0.0.1", "-p", $"{platform.Port}", "-V", "mqttv5", "-u", "observer", "-P", token, "-C", "1", "-W", "10",
            "-F", "%t %p", "-t", $"status/{vehicle.Id}"]);
        seen.Text.Trim().ShouldBe($"status/{vehicle.Id} parked");
    }

    [Fact]
    public async Task A_wrong_password_is_refused()
    {
        var vehicle = await platform.NewVehicleAsync();
        foreach (var version in new[] { "mqttv311", "mqttv5" })
            (await RunAsync("mosquitto_pub", [.. As((vehicle.Id, "wrong")), "-V", version, "-t", $"telemetry/{vehicle.Id}", "-m", "x"])).Exit.ShouldNotBe(0);
    }

    [Fact]
    public async Task Another_vehicles_topic_is_refused()
    {
        var vehicle = await platform.NewVehicleAsync();
        var other = await platform.NewVehicleAsync();
        var said = await RunAsync("mosquitto_pub", [.. As(vehicle), "-V", "mqttv5", "-q", "1", "-t", $"telemetry/{other.Id}", "-m", platform.Report(1)]);
        said.Text.ShouldContain("Not authorized");
        var heard = await RunAsync("mosquitto_sub", [.. As(vehicle), "-V", "mqttv5", "-W", "5", "-t", $"commands/{other.Id}"]);
        heard.Text.ShouldContain("denied", Case.Insensitive);
        (await platform.HistoryCountAsync(other.Id)).ShouldBe(0);
    }

    [Theory, InlineData("mqttv311"), InlineData("mqttv5"), Trait("Req", "FLT-11")]
    public async Task A_certificate_of_the_device_authority_opens_the_door_until_it_is_revoked(string version)
    {
        var vehicle = await platform.NewVehicleAsync();
        using var folder = new CertificateFolder();
        await folder.WriteAsync(platform, vehicle.Id);
        string[] arguments = ["-h", "localhost", "-p", $"{platform.TlsPort}", "--tls-version", "tlsv1.3", "--cafile", folder["ca.pem"], "--cert", folder["device.pem"],
            "--key", folder["device.key"], "-V", version, "-q", "1", "-t", $"telemetry/{vehicle.Id}"];
        var said = await RunAsync("mosquitto_pub", [.. arguments, "-m", platform.Report(1)]);
        said.Exit.ShouldBe(0, said.Text);
        (await platform.HistoryCountAsync(vehicle.Id)).ShouldBe(1);
        var withoutCertificate = await RunAsync("mosquitto_pub", [.. As(vehicle, platform.TlsPort, "localhost"), "--tls-version", "tlsv1.3", "--cafile", folder["ca.pem"],
            "-q", "1", "-t", $"telemetry/{vehicle.Id}", "-m", platform.Report(2)]);
        withoutCertificate.Exit.ShouldNotBe(0);
        using var staff = platform.StaffClient();
        (await staff.DeleteAsync(new Uri($"/v1/vehicles/{vehicle.Id}/certificates", UriKind.Relative))).EnsureSuccessStatusCode();
        (await RunAsync("mosquitto_pub", [.. arguments, "-m", platform.Report(3)])).Exit.ShouldNotBe(0);
        (await platform.HistoryCountAsync(vehicle.Id)).ShouldBe(1);
    }

    [Theory, InlineData("mqttv311"), InlineData("mqttv5"), Trait("Req", "FLT-2")]
    public async Task A_command_waits_in_the_session_of_a_vehicle_that_was_away(string version)
    {
        var vehicle = await platform.NewVehicleInServiceAsync($"mosquitto-{version}");
        string[] keep = version == "mqttv5" ? ["-x", "600"] : [];
        string[] arguments = [.. As(vehicle), "-V", version, "-c", .. keep, "-q", "1", "-t", $"commands/{vehicle.Id}"];
        (await RunAsync("mosquitto_sub", [.. arguments, "-E"])).Exit.ShouldBe(0); // ends when the subscription is acknowledged
        await platform.UnlockAsync(vehicle.Id);
        var heard = await RunAsync("mosquitto_sub", [.. arguments, "-C", "1", "-W", "20"]);
        heard.Text.ShouldContain("\"kind\":\"unlock\"");
    }

    [Theory, InlineData("mqttv311"), InlineData("mqttv5")]
    public async Task The_last_will_speaks_when_the_program_is_killed(string version)
    {
        var vehicle = await platform.NewVehicleAsync();
        string[] will = ["--will-topic", $"status/{vehicle.Id}", "--will-payload", "lost", "--will-qos", "1", "--will-retain"];
        var start = new ProcessStartInfo("mosquitto_sub", [.. As(vehicle), "-V", version, .. will, "-q", "1", "-t", $"status/{vehicle.Id}"]) { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        await Eventually.TrueAsync(() => Task.FromResult(platform.IsConnected(vehicle.Id)), "it is connected");
        process.Kill();
        await Eventually.TrueAsync(async () => await platform.ScalarAsync<string>(
            $"SELECT convert_from(payload, 'UTF8') FROM telemetry.last_statuses WHERE vehicle = '{vehicle.Id.Value}'") == "lost", "the will is the status");
        var heard = await RunAsync("mosquitto_sub", [.. As(vehicle), "-V", version, "-q", "1", "-C", "1", "-W", "10", "-F", "%r %p", "-t", $"status/{vehicle.Id}"]);
        heard.Text.Trim().ShouldBe("1 lost");
    }

    [Fact]
    public async Task A_certificate_of_another_authority_opens_nothing()
    {
        var vehicle = await platform.NewVehicleAsync();
        using var folder = new CertificateFolder();
        await folder.WriteAsync(platform, vehicle.Id);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var forged = new CertificateRequest($"CN={vehicle.Id}", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(platform.Clock.GetUtcNow().AddHours(-1), platform.Clock.GetUtcNow().AddHours(1));
        await File.WriteAllTextAsync(folder["device.pem"], forged.ExportCertificatePem());
        await File.WriteAllTextAsync(folder["device.key"], key.ExportPkcs8PrivateKeyPem());
        (await RunAsync("mosquitto_pub", ["-h", "localhost", "-p", $"{platform.TlsPort}", "--tls-version", "tlsv1.3", "--cafile", folder["ca.pem"], "--cert",
            folder["device.pem"], "--key", folder["device.key"], "-q", "1", "-t", $"telemetry/{vehicle.Id}", "-m", platform.Report(1)])).Exit.ShouldNotBe(0);
        (await platform.HistoryCountAsync(vehicle.Id)).ShouldBe(0);
    }

    private string[] As((VehicleId Id, string Secret) vehicle, int? port = null, string host = "127.0.0.1") =>
        ["-h", host, "-p", $"{port ?? platform.Port}", "-i", $"{vehicle.Id}", "-u", $"{vehicle.Id}", "-P", vehicle.Secret];

    private static async Task<(int Exit, string Text)> RunAsync(string program, string[] arguments, string? input = null)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.StandardInput.WriteAsync(input ?? "");
        process.StandardInput.Close();
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        return (process.ExitCode, await output + await errors);
    }
}
