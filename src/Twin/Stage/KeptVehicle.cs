using Mobility.Geo;

namespace Mobility.Twin.Stage;

/// <summary>What is kept of a vehicle between two runs.</summary>
public sealed record KeptVehicle
{
    /// <summary>What its own clock says.</summary>
    public required DateTimeOffset ClockAt { get; init; }

    /// <summary>Where it is.</summary>
    public required GeoPoint Position { get; init; }

    /// <summary>What its battery holds, 0 to 100.</summary>
    public required double ChargePercent { get; init; }

    /// <summary>How far it has gone in its life.</summary>
    public required double OdometerMeters { get; init; }

    /// <summary>How far when its last ride began.</summary>
    public required double OdometerBeforeRideMeters { get; init; }

    /// <summary>Reports that it has taken.</summary>
    public required long Reports { get; init; }

    /// <summary>Whether it is locked.</summary>
    public required bool IsLocked { get; init; }
}
