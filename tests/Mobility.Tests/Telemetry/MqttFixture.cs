using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Mqtt;
using Mobility.Telemetry.Mqtt;
using Mobility.Tests.Support;

namespace Mobility.Tests.Telemetry;

/// <summary>A platform with both MQTT doors open, at the time that it is: certificates are also checked by programs that read the machine's clock.</summary>
public class MqttFixture : PlatformFixture
{
    private int _vehicles;

    public int Port => Services.GetRequiredService<MqttDoor>().Port!.Value;

    public int TlsPort => Services.GetRequiredService<MqttDoor>().TlsPort!.Value;

    protected override IReadOnlyDictionary<string, string?> Settings { get; } = new Dictionary<string, string?>
    {
        ["Telemetry:MqttPort"] = "0",
        ["Telemetry:MqttTlsPort"] = "0",
        ["Telemetry:KeyProtection"] = Convert.ToBase64String(new byte[32]),
    };

    public override Task InitializeAsync()
    {
        Clock.Advance(TimeProvider.System.GetUtcNow() - Clock.GetUtcNow());
        return base.InitializeAsync();
    }

    /// <summary>A vehicle that no other test knows, with its secret.</summary>
    public async Task<(VehicleId Id, string Secret)> NewVehicleAsync()
    {
        var vehicle = Id.Named<VehicleId>("mqtt-tests", $"{Interlocked.Increment(ref _vehicles)}");
        using var staff = this.StaffClient();
        using var reply = await staff.PostAsync(new Uri($"/v1/vehicles/{vehicle}/device-secret", UriKind.Relative), null);
        reply.EnsureSuccessStatusCode();
        return (vehicle, (await reply.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("password").GetString()!);
    }

    public string Report(long sequence, double lat = 50, double lon = 10, TimeSpan ago = default, string more = "") =>
        FormattableString.Invariant($$"""{"sequence":{{sequence}},"at":"{{Clock.GetUtcNow() - ago:O}}","position":{"lat":{{lat}},"lon":{{lon}}},"stateOfChargePercent":80{{more}}}""");

    internal Task<MqttTestClient> ConnectAsync(
        (VehicleId Id, string Secret) vehicle, MqttVersion version = MqttVersion.V5, bool clean = true, ushort keepAlive = 60, WillMessage? will = null,
        MqttProperties? properties = null) =>
        MqttTestClient.ConnectAsync(Port, new ConnectPacket
        {
            Version = version,
            CleanStart = clean,
            KeepAliveSeconds = keepAlive,
            ClientId = vehicle.Id.ToString(),
            UserName = vehicle.Id.ToString(),
            Password = System.Text.Encoding.UTF8.GetBytes(vehicle.Secret),
            Will = will,
            Properties = properties ?? MqttProperties.None,
        });

    public bool IsConnected(VehicleId vehicle) => Services.GetRequiredService<MqttConnections>().Of(vehicle) is not null;

    public Task<long> HistoryCountAsync(VehicleId vehicle) => ScalarAsync<long>($"SELECT count(*) FROM telemetry.history WHERE vehicle = '{vehicle.Value}'");

    public Task<long> QuarantineCountAsync(VehicleId vehicle, string reason) =>
        ScalarAsync<long>($"SELECT count(*) FROM telemetry.quarantine WHERE vehicle = '{vehicle.Value}' AND reason = '{reason}'");
}
