using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Tests.Support;

namespace Mobility.Tests.Telemetry;

/// <summary>A vehicle's certificate and key as files, for programs that others wrote: <c>ca.pem</c>, <c>device.pem</c> and <c>device.key</c>.</summary>
internal sealed class CertificateFolder : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("mobility-mqtt-").FullName;

    public string this[string name] => Path.Combine(_path, name);

    public async Task WriteAsync(PlatformFixture platform, VehicleId vehicle)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=whatever", key, HashAlgorithmName.SHA256).CreateSigningRequestPem();
        using var device = platform.DeviceClient(vehicle);
        using var reply = await device.PostAsJsonAsync($"/v1/vehicles/{vehicle}/certificates", new { request }, MobilityJson.Http);
        reply.EnsureSuccessStatusCode();
        var view = await reply.Content.ReadFromJsonAsync<JsonElement>();
        await File.WriteAllTextAsync(this["ca.pem"], view.GetProperty("authority").GetString());
        await File.WriteAllTextAsync(this["device.pem"], view.GetProperty("certificate").GetString());
        await File.WriteAllTextAsync(this["device.key"], key.ExportPkcs8PrivateKeyPem());
    }

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
