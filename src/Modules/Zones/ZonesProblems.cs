using Mobility.Platform;

namespace Mobility.Zones;

/// <summary>What this module refuses.</summary>
internal static class ZonesProblems
{
    public static Problem UnknownCity { get; } = Problem.NotFound("zones.unknown_city", "There is no such city; GET /v1/cities lists them.");

    public static Problem InvalidPosition { get; } =
        Problem.Invalid("zones.invalid_position", "Send lat from -90 to 90 and lon from -180 to 180.", "lat");
}
