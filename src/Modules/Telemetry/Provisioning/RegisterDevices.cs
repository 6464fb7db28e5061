using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;

namespace Mobility.Telemetry.Provisioning;

/// <summary>
/// Staff say which boards come out of the factory and into which vehicle each is built, so that nobody need be there when they are switched on. All of a batch or
/// none. A device that was revoked may be registered again, for any vehicle; one that waits may be named again as it is.
/// </summary>
internal static class RegisterDevices
{
    public const int BatchMax = 200;
    private const int HashLength = 64;

    /// <param name="Serial">Printed on the board.</param>
    /// <param name="Vehicle">Into which it is built.</param>
    /// <param name="PublicKeySha256">Of the key that it was made with: SHA-256 of the SubjectPublicKeyInfo in DER, 64 hexadecimal digits.</param>
    /// <param name="SecretSha256">Of its enrollment secret, instead of a key.</param>
    public sealed record DeviceBody(string Serial, VehicleId Vehicle, string? PublicKeySha256 = null, string? SecretSha256 = null);

    public sealed record Body(IReadOnlyList<DeviceBody> Devices);

    public sealed record RegisteredView(int Devices);

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/device-identities", Handle).WithName("RegisterDevices")
        .RequirePermission("fleet.manage").Produces<RegisteredView>(StatusCodes.Status201Created).ProducesProblem(400).ProducesProblem(409).ProducesProblem(422);

    private static async Task<IResult> Handle(Body body, HttpContext http, Caller caller, CommandRunner<TelemetryModule> runner, IAsk ask, CancellationToken ct)
    {
        var fields = new Fields().Must(body.Devices.Count is >= 1 and <= BatchMax, "devices", $"Send 1 to {BatchMax} devices.");
        for (var i = 0; i < Math.Min(body.Devices.Count, BatchMax); i++)
        {
            var device = body.Devices[i];
            fields = fields
                .Must(Device.IsSerial(device.Serial), $"devices[{i}].serial", $"Send 1 to {Device.SerialLengthMax} letters, digits, '-', '_' and '.'.")
                .Must(device.PublicKeySha256 is null != device.SecretSha256 is null, $"devices[{i}]", "Send one of publicKeySha256 and secretSha256.")
                .Must(IsHash(device.PublicKeySha256 ?? device.SecretSha256), $"devices[{i}]", $"A hash has {HashLength} hexadecimal digits.");
        }
        if (fields.Problem is { } problem)
            return problem.ToResult();
        foreach (var vehicle in body.Devices.Select(device => device.Vehicle).Distinct())
            if (await ask.AskAsync(new GetVehicle(vehicle), ct) is null)
                return Problem.Unprocessable("telemetry.no_such_vehicle", $"There is no vehicle {vehicle}; register it first.", "devices").ToResult();
        return await runner.RunAsync(http, caller, (work, _) =>
        {
            work.OnLaw("devices_vehicle", () => Problem.Conflict("telemetry.vehicle_has_device", "A vehicle of these has another device; revoke that one first."));
            for (var i = 0; i < body.Devices.Count; i++)
            {
                var device = body.Devices[i];
                work.ExecuteOrRefuse($"device_{i}_is_free", RegisterSql, () => new Problem(ProblemKind.Conflict, "telemetry.device_known",
                        $"The device {device.Serial} is registered already, with something else or enrolled."),
                    device.Serial, device.Vehicle.Value, Bytes(device.PublicKeySha256), Bytes(device.SecretSha256), work.Now);
                Devices.Log(work, device.Serial, "registered", caller.Actor);
            }
            return Task.FromResult(Outcome.Created(new RegisteredView(body.Devices.Count)));
        }, ct);
    }

    private const string RegisterSql = """
        INSERT INTO devices (serial, vehicle, key_hash, secret_hash, registered_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (serial) DO UPDATE SET vehicle = excluded.vehicle, key_hash = excluded.key_hash, secret_hash = excluded.secret_hash,
            registered_at = excluded.registered_at, enrolled_at = NULL, enrolled_key = NULL, revoked_at = NULL
        WHERE devices.revoked_at IS NOT NULL OR (devices.enrolled_at IS NULL AND devices.vehicle = excluded.vehicle
            AND devices.key_hash IS NOT DISTINCT FROM excluded.key_hash AND devices.secret_hash IS NOT DISTINCT FROM excluded.secret_hash)
        RETURNING 1
        """;

    private static bool IsHash(string? text) => text is null || (text.Length == HashLength && text.All(char.IsAsciiHexDigit));

    private static byte[]? Bytes(string? hex) => hex is null ? null : Convert.FromHexString(hex);
}
