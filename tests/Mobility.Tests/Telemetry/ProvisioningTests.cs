using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Telemetry.Mqtt;
using Mobility.Telemetry.Provisioning;
using Mobility.Tests.Support;

namespace Mobility.Tests.Telemetry;

/// <summary>Zero-touch provisioning over HTTP: who is let in, once, and who is not.</summary>
public sealed class ProvisioningTests(MqttFixture platform) : IClassFixture<MqttFixture>
{
    private const string Secret = "enroll-me-once-3141592653589793";

    [Fact, Trait("Req", "FLT-2"), Trait("Req", "FLT-11")]
    public async Task A_device_that_staff_expect_is_told_which_vehicle_it_is()
    {
        using var board = new Board("SN-key-1");
        var vehicle = await NewVehicleAsync("dev-key-1");
        await RegisterAsync(new { serial = board.Serial, vehicle, publicKeySha256 = board.KeyHash });
        using var reply = await EnrollAsync(board);
        reply.StatusCode.ShouldBe(HttpStatusCode.Created);
        var view = await reply.Content.ReadFromJsonAsync<JsonElement>();
        view.GetProperty("vehicle").GetString().ShouldBe($"{vehicle}");
        view.GetProperty("broker").GetProperty("host").GetString().ShouldBe("localhost");
        view.GetProperty("broker").GetProperty("port").GetInt32().ShouldBe(platform.TlsPort);
        view.GetProperty("unlockKeys").GetString().ShouldBe($"{platform.Http.BaseAddress}v1/unlock-keys");
        using var certificate = X509Certificate2.CreateFromPem(view.GetProperty("certificate").GetString()!);
        DeviceAuthority.VehicleOf(certificate).ShouldBe(vehicle);
        certificate.PublicKey.ExportSubjectPublicKeyInfo().ShouldBe(board.Key.ExportSubjectPublicKeyInfo());
        (certificate.NotAfter.ToUniversalTime() - platform.Clock.GetUtcNow().UtcDateTime).ShouldBeLessThanOrEqualTo(TimeSpan.FromHours(24));
        (await PublishedAsync("telemetry.device_provisioned.v1", vehicle)).ShouldBe(1);
        (await LogAsync(board.Serial)).ShouldBe("enrolled registered");
    }

    [Fact, Trait("Req", "FLT-2")]
    public async Task An_answer_that_got_lost_is_given_again_and_nothing_else_is()
    {
        using var board = new Board("SN-once");
        using var thief = new Board("SN-once");
        var vehicle = await NewVehicleAsync("dev-once");
        await RegisterAsync(new { serial = board.Serial, vehicle, secretSha256 = Hash(Secret) });
        (await CodeAsync(EnrollAsync(board, Secret))).ShouldBe("created");
        (await CodeAsync(EnrollAsync(board, Secret))).ShouldBe("created");
        (await PublishedAsync("telemetry.device_provisioned.v1", vehicle)).ShouldBe(1);
        (await CodeAsync(EnrollAsync(thief, Secret))).ShouldBe("telemetry.device_already_enrolled"); // the secret is spent
        platform.Clock.Advance(EnrollDevice.RepeatedWithin);
        (await CodeAsync(EnrollAsync(board, Secret))).ShouldBe("telemetry.device_already_enrolled");
        (await CodeAsync(RenewAsync(board))).ShouldBe("created");
        (await CodeAsync(RenewAsync(thief))).ShouldBe("telemetry.enrollment_refused");
        (await PublishedAsync("telemetry.certificate_rotated.v1", vehicle)).ShouldBe(1);
    }

    [Fact, Trait("Req", "FLT-2")]
    public async Task A_wrong_proof_is_refused_in_the_words_for_an_unknown_device_and_soon_nobody_is_heard()
    {
        using var board = new Board("SN-wrong");
        using var keyed = new Board("SN-wrong-key");
        using var other = new Board("SN-wrong-key");
        await RegisterAsync(
            new { serial = board.Serial, vehicle = await NewVehicleAsync("dev-wrong"), secretSha256 = Hash(Secret) },
            new { serial = keyed.Serial, vehicle = await NewVehicleAsync("dev-wrong-key"), publicKeySha256 = keyed.KeyHash });
        using var stranger = new Board("SN-stranger");
        (await CodeAsync(EnrollAsync(stranger, Secret))).ShouldBe("telemetry.enrollment_refused");
        (await CodeAsync(EnrollAsync(other))).ShouldBe("telemetry.enrollment_refused");
        (await CodeAsync(EnrollAsync(board))).ShouldBe("telemetry.enrollment_refused");
        for (var i = 1; i < EnrollDevice.WrongMax; i++)
            (await CodeAsync(EnrollAsync(board, $"guess {i}"))).ShouldBe("telemetry.enrollment_refused");
        (await CodeAsync(EnrollAsync(board, Secret))).ShouldBe("telemetry.device_must_wait");
        platform.Clock.Advance(EnrollDevice.WrongWithin + TimeSpan.FromSeconds(1));
        using var reply = await platform.Http.PostAsJsonAsync("/v1/device-enrollments", new { serial = board.Serial, request = "no request", secret = Secret });
        (await CodeAsync(Task.FromResult(reply))).ShouldBe("telemetry.bad_certificate_request");
        (await CodeAsync(EnrollAsync(board, Secret))).ShouldBe("created");
        (await LogAsync(board.Serial)).ShouldBe("enrolled refused refused refused refused refused registered");
        (await platform.ScalarAsync<long>("SELECT count(*) FROM telemetry.device_log WHERE serial = 'SN-stranger'")).ShouldBe(0);
    }

    [Fact, Trait("Req", "FLT-11")]
    public async Task A_device_that_staff_revoke_is_cut_off_and_gets_nothing_more()
    {
        using var board = new Board("SN-revoked");
        var vehicle = await NewVehicleAsync("dev-revoked");
        await RegisterAsync(new { serial = board.Serial, vehicle, publicKeySha256 = board.KeyHash });
        (await CodeAsync(EnrollAsync(board))).ShouldBe("created");
        using var staff = platform.StaffClient();
        await staff.SendJsonAsync($"/v1/device-identities/{board.Serial}", null, HttpMethod.Delete);
        (await CodeAsync(EnrollAsync(board))).ShouldBe("telemetry.device_revoked");
        (await CodeAsync(RenewAsync(board))).ShouldBe("telemetry.device_revoked");
        (await platform.ScalarAsync<long>($"SELECT count(*) FROM telemetry.device_certificates WHERE vehicle = '{vehicle.Value}' AND revoked_at IS NULL")).ShouldBe(0);
        using var next = new Board("SN-next"); // the vehicle gets another board
        await RegisterAsync(new { serial = next.Serial, vehicle, publicKeySha256 = next.KeyHash });
        (await CodeAsync(EnrollAsync(next))).ShouldBe("created");
        // Revoking the vehicle's certificates means the same: its device could renew them a moment later.
        await staff.SendJsonAsync($"/v1/vehicles/{vehicle}/certificates", null, HttpMethod.Delete);
        (await CodeAsync(RenewAsync(next))).ShouldBe("telemetry.device_revoked");
        (await CodeAsync(staff.DeleteAsync(new Uri("/v1/device-identities/SN-nobody", UriKind.Relative)))).ShouldBe("telemetry.no_such_device");
    }

    [Fact, Trait("Req", "FLT-11")]
    public async Task Certificates_are_not_handed_out_without_end()
    {
        using var board = new Board("SN-many");
        await RegisterAsync(new { serial = board.Serial, vehicle = await NewVehicleAsync("dev-many"), publicKeySha256 = board.KeyHash });
        (await CodeAsync(EnrollAsync(board))).ShouldBe("created");
        for (var i = 1; i < RenewDeviceCertificate.CertificatesMax; i++)
            (await CodeAsync(RenewAsync(board))).ShouldBe("created");
        (await CodeAsync(RenewAsync(board))).ShouldBe("telemetry.too_many_certificates");
    }

    [Fact, Trait("Req", "FLT-2")]
    public async Task Staff_register_a_batch_or_nothing_of_it()
    {
        using var board = new Board("SN-batch");
        var (first, second) = (await NewVehicleAsync("dev-batch-1"), await NewVehicleAsync("dev-batch-2"));
        object known = new { serial = "SN-batch", vehicle = first, publicKeySha256 = board.KeyHash };
        await RegisterAsync(known);
        await RegisterAsync(known); // the same again is no conflict
        (await CodeAsync(PostDevicesAsync(new { serial = "SN-batch", vehicle = second, publicKeySha256 = board.KeyHash }))).ShouldBe("telemetry.device_known");
        (await CodeAsync(PostDevicesAsync(new { serial = "SN-new", vehicle = second, secretSha256 = Hash("a") },
            new { serial = "SN-other", vehicle = first, secretSha256 = Hash("b") }))).ShouldBe("telemetry.vehicle_has_device");
        (await CodeAsync(PostDevicesAsync(new { serial = "SN-new", vehicle = Id.New<VehicleId>(platform.Clock), secretSha256 = Hash("a") }))).ShouldBe("telemetry.no_such_vehicle");
        (await CodeAsync(PostDevicesAsync(new { serial = "SN-new", vehicle = second }))).ShouldBe("request.invalid_field");
        (await platform.ScalarAsync<long>("SELECT count(*) FROM telemetry.devices WHERE serial IN ('SN-new', 'SN-other')")).ShouldBe(0);
        using var reader = platform.StaffClient("support_agent");
        using var forbidden = await reader.PostAsJsonAsync("/v1/device-identities", new { devices = new[] { known } }, MobilityJson.Http);
        forbidden.StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        using var staff = platform.StaffClient();
        var listed = await staff.GetFromJsonAsync<JsonElement>($"/v1/device-identities?vehicle={first}");
        listed.GetProperty("devices")[0].GetProperty("serial").GetString().ShouldBe("SN-batch");
    }

    private async Task<VehicleId> NewVehicleAsync(string label)
    {
        using var staff = platform.StaffClient();
        await staff.SendJsonAsync("/v1/fleet/vehicles", new { city = "tiny", label, type = "scooter", position = new { lat = 50.0, lon = 10.0 }, stateOfChargePercent = 90 });
        return VehicleId.Of(new CityId("tiny"), label);
    }

    private async Task RegisterAsync(params object[] devices)
    {
        using var reply = await PostDevicesAsync(devices);
        (await CodeAsync(Task.FromResult(reply))).ShouldBe("created");
    }

    private async Task<HttpResponseMessage> PostDevicesAsync(params object[] devices)
    {
        using var staff = platform.StaffClient();
        return await staff.PostAsJsonAsync("/v1/device-identities", new { devices }, MobilityJson.Http);
    }

    private Task<HttpResponseMessage> EnrollAsync(Board board, string? secret = null) =>
        platform.Http.PostAsJsonAsync("/v1/device-enrollments", new { serial = board.Serial, request = board.Request(), secret }, MobilityJson.Http);

    private Task<HttpResponseMessage> RenewAsync(Board board) =>
        platform.Http.PostAsJsonAsync("/v1/device-renewals", new { serial = board.Serial, request = board.Request() }, MobilityJson.Http);

    /// <summary>The problem's code, or <c>created</c>.</summary>
    private static async Task<string?> CodeAsync(Task<HttpResponseMessage> asked)
    {
        var reply = await asked;
        return reply.StatusCode == HttpStatusCode.Created ? "created" : (await reply.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString();
    }

    private async Task<string> LogAsync(string serial)
    {
        using var staff = platform.StaffClient();
        var log = await staff.GetFromJsonAsync<JsonElement>($"/v1/device-identities/{serial}/log");
        return string.Join(' ', log.GetProperty("entries").EnumerateArray().Select(entry => entry.GetProperty("what").GetString()));
    }

    private Task<long> PublishedAsync(string type, VehicleId vehicle) =>
        platform.ScalarAsync<long>($"SELECT count(*) FROM bus.messages WHERE type = '{type}' AND key = '{vehicle.Value}'");

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>A board with its own key.</summary>
    private sealed class Board(string serial) : IDisposable
    {
        public ECDsa Key { get; } = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        public string Serial => serial;

        public string KeyHash => Convert.ToHexStringLower(SHA256.HashData(Key.ExportSubjectPublicKeyInfo()));

        public string Request() => new CertificateRequest($"CN={serial}", Key, HashAlgorithmName.SHA256).CreateSigningRequestPem();

        public void Dispose() => Key.Dispose();
    }
}
