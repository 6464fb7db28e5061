using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Mobility.Telemetry;

/// <summary>Section <c>telemetry</c> of the configuration.</summary>
internal sealed class TelemetryOptions
{
    /// <summary>Address that the MQTT door listens on.</summary>
    [Required]
    public string MqttAddress { get; set; } = "127.0.0.1";

    /// <summary>Port for MQTT without encryption, with a secret as password; 0 picks a free one, none closes the door.</summary>
    [Range(0, 65_535)]
    public int? MqttPort { get; set; }

    /// <summary>Port for MQTT over TLS 1.3 with client certificates; 0 picks a free one, none closes the door.</summary>
    [Range(0, 65_535)]
    public int? MqttTlsPort { get; set; }

    /// <summary>Name in the door's own certificate, by which vehicles know it.</summary>
    [Required]
    public string MqttHostName { get; set; } = "localhost";

    /// <summary>Port at which vehicles reach the TLS door from outside; none is the one that it listens on.</summary>
    [Range(1, 65_535)]
    public int? MqttPublicPort { get; set; }

    /// <summary>Address of the HTTP door as vehicles reach it; none is the address at which a vehicle asked.</summary>
    [Url]
    public string? PublicUrl { get; set; }

    /// <summary>Connections that one process holds at most.</summary>
    [Range(1, 1_000_000)]
    public int ConnectionsMax { get; set; } = 100_000;

    /// <summary>Days of history that are kept.</summary>
    [Range(3, 3_650)]
    public int HistoryDays { get; set; } = 15;
}

[OptionsValidator]
internal sealed partial class TelemetryOptionsValidator : IValidateOptions<TelemetryOptions>;
