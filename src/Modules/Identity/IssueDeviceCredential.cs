using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;

namespace Mobility.Identity;

/// <summary>Staff give a vehicle its credential. The secret is shown once; a second call replaces it, which is also how a stolen one is made useless.</summary>
internal static class IssueDeviceCredential
{
    /// <summary>For the vehicle's memory: client id and secret of the token endpoint.</summary>
    public sealed record View(string ClientId, string ClientSecret);

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/devices/{vehicleId}/credentials", Handle).WithName("IssueDeviceCredential")
        .RequirePermission("fleet.manage").Produces<View>(StatusCodes.Status201Created).ProducesProblem(400);

    private static async Task<IResult> Handle(VehicleId vehicleId, HttpContext http, Database<IdentityModule> database, TimeProvider clock, CancellationToken ct)
    {
        var secret = Secrets.New();
        await Clients.PutAsync(database, vehicleId.ToString(), "device", vehicleId.Value, secret, Roles.PermissionsOf(Roles.Device), clock.GetUtcNow(), ct);
        http.Response.Headers.CacheControl = "no-store";
        return TypedResults.Json(new View(vehicleId.ToString(), secret), MobilityJson.Http, statusCode: StatusCodes.Status201Created);
    }
}
