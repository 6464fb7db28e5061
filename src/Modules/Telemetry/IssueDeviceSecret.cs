using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Telemetry.Mqtt;

namespace Mobility.Telemetry;

/// <summary>Staff give a vehicle its secret for the MQTT door. It is shown once; a second call replaces it, which also ends a connection made with the old one.</summary>
internal static class IssueDeviceSecret
{
    /// <summary>For the vehicle's memory: user name and password.</summary>
    public sealed record View(VehicleId UserName, string Password);

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/vehicles/{id}/device-secret", Handle).WithName("IssueDeviceSecret")
        .RequirePermission("fleet.manage").Produces<View>(StatusCodes.Status201Created).ProducesProblem(400);

    private static async Task<IResult> Handle(VehicleId id, HttpContext http, DeviceSecrets secrets, MqttConnections connections, CancellationToken ct)
    {
        var secret = await secrets.IssueAsync(id, ct);
        connections.Expel(id);
        http.Response.Headers.CacheControl = "no-store";
        return TypedResults.Json(new View(id, secret), MobilityJson.Http, statusCode: StatusCodes.Status201Created);
    }
}
