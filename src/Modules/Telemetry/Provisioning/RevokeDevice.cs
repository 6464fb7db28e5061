using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;
using Mobility.Telemetry.Mqtt;

namespace Mobility.Telemetry.Provisioning;

/// <summary>Staff take a device out of use: it enrolls and renews no more, its certificates are worth nothing, and its connection ends.</summary>
internal static class RevokeDevice
{
    public static void Map(IEndpointRouteBuilder app) => app.MapDelete("/v1/device-identities/{serial}", Handle).WithName("RevokeDevice")
        .RequirePermission("fleet.manage").Produces(StatusCodes.Status204NoContent).ProducesProblem(404);

    private static async Task<IResult> Handle(
        string serial, Caller caller, Database<TelemetryModule> database, CommandRunner<TelemetryModule> runner, DeviceSecrets secrets, MqttConnections connections,
        CancellationToken ct)
    {
        if (await Devices.FindAsync(database, serial, ct) is not { } device)
            return Problem.NotFound("telemetry.no_such_device", "No such device is registered.").ToResult();
        if (device.RevokedAt is null)
        {
            var work = runner.NewWork(caller.Actor);
            work.Execute("UPDATE devices SET revoked_at = $2 WHERE serial = $1 AND revoked_at IS NULL", serial, work.Now);
            Devices.Log(work, serial, "revoked", caller.Actor);
            await work.CommitAsync(ct);
        }
        await secrets.RevokeCertificatesAsync(device.Vehicle, ct); // also when it was revoked before: a crash may have come between
        connections.Expel(device.Vehicle);
        return TypedResults.NoContent();
    }
}
