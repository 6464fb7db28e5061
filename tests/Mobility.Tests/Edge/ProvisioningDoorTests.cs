using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Mobility.Contracts;
using Mobility.Edge;
using Mobility.Edge.Provisioning;
using Mobility.Edge.Wire;
using Mobility.Tests.Support;
using Mobility.Tests.Telemetry;

namespace Mobility.Tests.Edge;

/// <summary>A vehicle fresh from the factory finds out by itself what it is, and stays let in.</summary>
public sealed class ProvisioningDoorTests : IClassFixture<MqttFixture>, IDisposable
{
    private const string Secret = "printed-on-nothing-2718281828459045";
    private readonly MqttFixture _platform;
    private readonly string _folder = Directory.CreateTempSubdirectory("mobility-edge-provision-").FullName;

    public ProvisioningDoorTests(MqttFixture platform) => _platform = platform;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact, Trait("Req", "FLT-2"), Trait("Req", "FLT-11")]
    public async Task The_program_enrolls_at_its_first_start_and_knows_what_it_is_at_the_next()
    {
        string[] arguments = ["--serial", "SN-program", "--enrollment-secret", Secret, "--data", _folder, "--charge", "50", "--position", "50,10"];
        using var first = Start(["--provision", $"{_platform.Http.BaseAddress}", .. arguments]);
        // It is switched on before staff have registered it, and keeps asking.
        await Eventually.TrueAsync(() => Task.FromResult(File.Exists(Path.Combine(_folder, "identity", "device.key"))), "it has a key");
        var vehicle = await RegisterAsync("SN-program", "edge-program");
        await Eventually.TrueAsync(async () => await _platform.HistoryCountAsync(vehicle) > 0, "its reports are in history");
        first.Kill();
        await first.WaitForExitAsync();
        var before = await _platform.HistoryCountAsync(vehicle);
        using var next = Start(["--provision", "http://127.0.0.1:1", .. arguments]); // nobody is there to ask
        await Eventually.TrueAsync(async () => await _platform.HistoryCountAsync(vehicle) > before, "it reports again");
        next.Kill();
        await next.WaitForExitAsync();
        (await _platform.ScalarAsync<long>($"SELECT count(*) FROM telemetry.device_certificates WHERE vehicle = '{vehicle.Value}'")).ShouldBe(1);
        if (!OperatingSystem.IsWindows())
            File.GetUnixFileMode(Path.Combine(_folder, "identity", "device.key")).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    [Fact, Trait("Req", "FLT-2")]
    public async Task A_device_whose_place_is_taken_says_so_and_ends()
    {
        await RegisterAsync("SN-taken", "edge-taken");
        await Enrollment.RunAsync(Order("SN-taken", Path.Combine(_folder, "thief")), _platform.Clock, new Random(7), NullLogger.Instance, CancellationToken.None);
        using var late = Start(["--provision", $"{_platform.Http.BaseAddress}", "--serial", "SN-taken", "--enrollment-secret", Secret, "--data", Path.Combine(_folder, "late")]);
        var errors = await late.StandardError.ReadToEndAsync().WaitAsync(TimeSpan.FromMinutes(1));
        await late.WaitForExitAsync();
        late.ExitCode.ShouldBe(1);
        errors.ShouldContain("telemetry.device_already_enrolled");
    }

    private async Task<VehicleId> RegisterAsync(string serial, string label)
    {
        using var staff = _platform.StaffClient();
        await staff.SendJsonAsync("/v1/fleet/vehicles", new { city = "tiny", label, type = "scooter", position = new { lat = 50.0, lon = 10.0 }, stateOfChargePercent = 90 });
        var vehicle = VehicleId.Of(new CityId("tiny"), label);
        var secretSha256 = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Secret)));
        await staff.SendJsonAsync("/v1/device-identities", new { devices = new[] { new { serial, vehicle, secretSha256 } } });
        return vehicle;
    }

    private EnrollmentOrder Order(string serial, string folder) => new(_platform.Http.BaseAddress!, serial, Secret, folder);

    private static Process Start(IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "mobility-edge")) { RedirectStandardError = true };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    /// <summary>Apart, since it moves the platform's clock by days.</summary>
    public sealed class OverDays(MqttFixture platform) : IClassFixture<MqttFixture>
    {
        [Fact, Trait("Req", "FLT-11")]
        public async Task A_certificate_is_renewed_before_it_ends_and_one_that_ended_without_network_too()
        {
            var folder = Directory.CreateTempSubdirectory("mobility-edge-days-").FullName;
            try
            {
                using var staff = platform.StaffClient();
                await staff.SendJsonAsync("/v1/fleet/vehicles", new { city = "tiny", label = "edge-days", type = "scooter", position = new { lat = 50.0, lon = 10.0 }, stateOfChargePercent = 90 });
                var id = VehicleId.Of(new CityId("tiny"), "edge-days");
                using var key = new IdentityFolder(folder).OpenKey(); // the factory knows its hash
                var publicKeySha256 = Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()));
                await staff.SendJsonAsync("/v1/device-identities", new { devices = new[] { new { serial = "SN-days", vehicle = id, publicKeySha256 } } });
                var identity = await Enrollment.RunAsync(new EnrollmentOrder(platform.Http.BaseAddress!, "SN-days", null, folder), platform.Clock, new Random(7),
                    NullLogger.Instance, CancellationToken.None);
                await using var relay = new CuttableRelay(platform.TlsPort);
                identity = identity with { Broker = identity.Broker with { Port = relay.Port } };
                new IdentityFolder(folder).Write(identity);
                await using var vehicle = EdgeVehicle.Start(0, platform.Clock, (id, ""), settings => settings with
                {
                    Door = identity.Door(key),
                    Renewal = new CertificateRenewal("SN-days", folder),
                });
                await vehicle.AllAcknowledgedAsync();
                platform.Clock.Advance(TimeSpan.FromHours(24) - VehicleAgent.CertificateRenewedBefore + TimeSpan.FromMinutes(1));
                await Eventually.TrueAsync(async () => await CertificatesAsync(id) == 2, "it has the next certificate");
                platform.Clock.Advance(VehicleAgent.CertificateRenewedBefore); // the first one is over, and the door ends its connection
                await Eventually.TrueAsync(() => Task.FromResult(vehicle.Agent.Link != LinkState.Connected), "the door ends the connection");
                await vehicle.AllAcknowledgedAsync();
                (await CertificatesAsync(id)).ShouldBe(2);
                relay.Cut();
                await Eventually.TrueAsync(() => Task.FromResult(vehicle.Agent.Link != LinkState.Connected), "it is away");
                platform.Clock.Advance(TimeSpan.FromHours(23)); // its reports of then are too old, but it comes back
                await Eventually.TrueAsync(async () => await CertificatesAsync(id) == 3, "it has renewed over HTTP");
                relay.Open();
                var before = await platform.HistoryCountAsync(id);
                await Eventually.TrueAsync(async () => await platform.HistoryCountAsync(id) > before, "it reports again");
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }

        private Task<long> CertificatesAsync(VehicleId vehicle) =>
            platform.ScalarAsync<long>($"SELECT count(*) FROM telemetry.device_certificates WHERE vehicle = '{vehicle.Value}'");
    }
}
