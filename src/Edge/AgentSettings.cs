using Mobility.Contracts;
using Mobility.Edge.Unlock;
using Mobility.Edge.Wire;
using Mobility.Geo;

namespace Mobility.Edge;

/// <summary>What one agent is and where it belongs.</summary>
public sealed record AgentSettings
{
    /// <summary>The vehicle that it runs on.</summary>
    public required VehicleId Vehicle { get; init; }

    /// <summary>The platform's door and the vehicle's proof.</summary>
    public required DoorAddress Door { get; init; }

    /// <summary>Its own folder: what waits to be sent, sequences, nonces, updates. Two agents never share one.</summary>
    public required string DataFolder { get; init; }

    /// <summary>Keys that sign unlock tokens; null opens on no token until some are fetched.</summary>
    public SigningKeys? UnlockKeys { get; init; }

    /// <summary>Where the keys of unlock tokens are fetched from; the last set is kept. Null uses <see cref="UnlockKeys"/> for ever.</summary>
    public Uri? UnlockKeysUrl { get; init; }

    /// <summary>How its certificate is renewed; null never renews it.</summary>
    public CertificateRenewal? Renewal { get; init; }

    /// <summary>Where the platform publishes the keys that sign updates; images at a path without a host are there too. Null hears of no updates over the wire.</summary>
    public Uri? UpdateKeysUrl { get; init; }

    /// <summary>Keys that sign updates, until others are fetched; null installs none.</summary>
    public SigningKeys? UpdateKeys { get; init; }

    /// <summary>The city's zones; null knows none.</summary>
    public ZoneMap? Zones { get; init; }

    /// <summary>The vehicle's type in the rules of the zones; empty is bound by rules for all types only.</summary>
    public string VehicleTypeId { get; init; } = "";

    /// <summary>What the vehicle may do where no zone says less; 20 is a scooter's, 25 an e-bike's.</summary>
    public int SpeedLimitKph { get; init; } = 20;

    /// <summary>The clock of connections; null is the agent's own. Who moves a vehicle's clock by hand leaves its network the machine's.</summary>
    public TimeProvider? NetworkClock { get; init; }

    /// <summary>Whether every byte costs.</summary>
    public bool IsMetered { get; init; }
}
