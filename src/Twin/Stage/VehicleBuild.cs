using Mobility.Contracts;

namespace Mobility.Twin.Stage;

/// <summary>What a vehicle is built to do.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="SpeedLimitKph">As fast as it goes.</param>
/// <param name="RangeMeters">As far as a full battery reaches.</param>
internal sealed record VehicleBuild(VehicleKind Kind, int SpeedLimitKph, int RangeMeters)
{
    private const int RoadLimitKph = 130;

    /// <summary>As its type says.</summary>
    public static VehicleBuild Of(VehicleType type) => new(type.Kind, type.MaxPermittedSpeedKph ?? RoadLimitKph, type.MaxRangeMeters);
}
