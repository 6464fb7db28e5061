using Mobility.Platform;

namespace Mobility.Telemetry.Live;

/// <summary>What the live fleet refuses.</summary>
internal static class LiveProblems
{
    public static readonly Problem Loading = new(ProblemKind.Unavailable, "telemetry.live_fleet_loading",
        "This process is still reading where the vehicles are; try again in a moment.");

    public static readonly Problem TooManyStreams = new(ProblemKind.Unavailable, "telemetry.too_many_streams",
        "This process serves as many streams as it can; try again later.");

    public static Problem LocationRequired(string field) =>
        Problem.Invalid("telemetry.location_required", "Say where: lat and lon, or a box. GET /v1/cities lists the cities.", field) with
        {
            Extensions = new Dictionary<string, object?> { ["cities"] = "/v1/cities" },
        };
}
