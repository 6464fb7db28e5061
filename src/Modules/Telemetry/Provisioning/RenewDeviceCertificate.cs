using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;
using Mobility.Telemetry.Mqtt;

namespace Mobility.Telemetry.Provisioning;

/// <summary>
/// A device has the key that it enrolled with signed again (FLT-11). The request is signed with that key, which is all the proof there is: so a vehicle that stood
/// without network until its certificate ended comes back by itself. It names no time, since whoever overheard it has the key no more than before.
/// </summary>
internal static class RenewDeviceCertificate
{
    /// <summary>Certificates of one vehicle within <see cref="CountedWithin"/>; a device needs one in sixteen hours.</summary>
    public const int CertificatesMax = 10;

    public static readonly TimeSpan CountedWithin = TimeSpan.FromHours(1);

    /// <summary>How long a certificate that has ended is remembered.</summary>
    public static readonly TimeSpan RememberedFor = TimeSpan.FromDays(30);

    /// <param name="Serial">Printed on the board.</param>
    /// <param name="Request">PKCS #10 in PEM, of the key that the device enrolled with.</param>
    public sealed record Body(string Serial, string Request);

    public static Problem? Decide(Device? device, byte[] keyHash, int certificatesLately)
    {
        if (device is null || !device.HasKey(keyHash))
            return Device.Refused;
        if (device.RevokedAt is not null)
            return Device.Revoked;
        return certificatesLately < CertificatesMax
            ? null
            : new Problem(ProblemKind.TooMany, "telemetry.too_many_certificates", $"A vehicle gets at most {CertificatesMax} certificates an hour.");
    }

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/device-renewals", Handle).WithName("RenewDeviceCertificate")
        .OpenToAll().LimitPerMinute("device-renewals", 600) // many vehicles may share the address of their mobile network
        .Produces<IssueDeviceCertificate.View>(StatusCodes.Status201Created).ProducesProblem(400).ProducesProblem(403).ProducesProblem(422).ProducesProblem(429);

    private static async Task<IResult> Handle(
        Body body, Database<TelemetryModule> database, CommandRunner<TelemetryModule> runner, IDeviceAuthority authority, TimeProvider clock, CancellationToken ct)
    {
        var fields = new Fields().Must(Device.IsSerial(body.Serial), "serial", $"Send 1 to {Device.SerialLengthMax} letters, digits, '-', '_' and '.'.")
            .Text(body.Request, "request", DeviceAuthority.RequestLengthMax);
        if (fields.Problem is { } problem)
            return problem.ToResult();
        if (SigningRequest.Read(body.Request) is not { } request)
            return SigningRequest.Bad.ToResult();
        var now = clock.GetUtcNow();
        var device = await Devices.FindAsync(database, body.Serial, ct);
        var lately = device is null ? 0 : await database.QuerySingleOrDefaultAsync<int>(
            "SELECT count(*)::int FROM device_certificates WHERE vehicle = @vehicle AND issued_at > @since",
            new { vehicle = device.Vehicle.Value, since = now - CountedWithin }, ct);
        var work = runner.NewWork($"device {body.Serial}");
        if (Decide(device, request.KeyHash, lately) is { } refusal)
            return await EnrollDevice.RefuseAsync(work, device, refusal, ct);
        using var certificate = await authority.SignAsync(device!.Vehicle, request.Key, ct);
        var expiresAt = new DateTimeOffset(certificate.NotAfter.ToUniversalTime());
        work.Execute("DELETE FROM device_certificates WHERE vehicle = $1 AND expires_at < $2", device.Vehicle.Value, now - RememberedFor);
        work.Publish(device.Vehicle.Value, new CertificateRotatedV1(device.Vehicle, expiresAt, now));
        // A certificate that is signed while staff revoke the device must not outlive that.
        work.ExecuteOrRefuse("device_is_good", "UPDATE devices SET enrolled_key = enrolled_key WHERE serial = $1 AND revoked_at IS NULL RETURNING 1",
            () => Device.Revoked, device.Serial);
        if ((await work.CommitAsync(ct)) is { Outcome: not CommitOutcome.Committed } lost)
            return (lost.Problem ?? Device.Revoked).ToResult();
        return TypedResults.Json(new IssueDeviceCertificate.View(
            certificate.ExportCertificatePem(), (await authority.CertificateAsync(ct)).ExportCertificatePem(), expiresAt), MobilityJson.Http, statusCode: StatusCodes.Status201Created);
    }
}
