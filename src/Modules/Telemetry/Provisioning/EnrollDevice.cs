using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;
using Mobility.Telemetry.Mqtt;

namespace Mobility.Telemetry.Provisioning;

/// <summary>
/// A board that is switched on for the first time proves that it is the one that staff expect, and is told which vehicle it is and where it belongs (FLT-2). It
/// works once. A request that somebody overheard and sends again gives him a certificate for a key that he does not have.
/// </summary>
internal static class EnrollDevice
{
    /// <summary>An answer may get lost on its way: so long the same key is answered again.</summary>
    public static readonly TimeSpan RepeatedWithin = TimeSpan.FromHours(1);

    /// <summary>Wrong secrets for one device within <see cref="WrongWithin"/>; then nobody is heard for it, with the right one either.</summary>
    public const int WrongMax = 5;

    public static readonly TimeSpan WrongWithin = TimeSpan.FromMinutes(1);

    /// <param name="Serial">Printed on the board.</param>
    /// <param name="Request">PKCS #10 in PEM, of a P-256 key that stays on the board.</param>
    /// <param name="Secret">The enrollment secret, for a device that was registered with one.</param>
    public sealed record Body(string Serial, string Request, string? Secret = null);

    /// <param name="Vehicle">What the device is from now on.</param>
    /// <param name="Certificate">Its certificate, PEM; it is renewed at <paramref name="Renewals"/> before <paramref name="ExpiresAt"/>.</param>
    /// <param name="Authority">The certificate by which it knows the door, PEM.</param>
    /// <param name="ExpiresAt">The certificate ends.</param>
    /// <param name="Broker">The door, with TLS.</param>
    /// <param name="UnlockKeys">Where the keys of unlock tokens are.</param>
    /// <param name="UpdateKeys">Where the keys of updates are.</param>
    /// <param name="Renewals">Where certificates are renewed.</param>
    public sealed record View(
        VehicleId Vehicle, string Certificate, string Authority, DateTimeOffset ExpiresAt, BrokerView Broker, Uri UnlockKeys, Uri UpdateKeys, Uri Renewals);

    public sealed record BrokerView(string Host, int Port);

    /// <summary>Null: it is the device that is expected, or one whose answer got lost.</summary>
    public static Problem? Decide(Device? device, byte[] keyHash, string? secret, int wrongLately, DateTimeOffset now)
    {
        if (device is { SecretHash: not null } && wrongLately >= WrongMax)
            return new Problem(ProblemKind.TooMany, "telemetry.device_must_wait", "Wrong proofs were sent for this device; try again in a minute.");
        if (device is null || !device.IsProvedBy(keyHash, secret))
            return Device.Refused;
        if (device.RevokedAt is not null)
            return Device.Revoked;
        return device.EnrolledAt is not { } at || (device.HasKey(keyHash) && now < at + RepeatedWithin) ? null : AlreadyEnrolled;
    }

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/device-enrollments", Handle).WithName("EnrollDevice")
        .OpenToAll().LimitPerMinute("device-enrollments", 60)
        .Produces<View>(StatusCodes.Status201Created).ProducesProblem(400).ProducesProblem(403).ProducesProblem(409).ProducesProblem(422).ProducesProblem(429)
        .ProducesProblem(503);

    private static async Task<IResult> Handle(
        Body body, HttpContext http, Database<TelemetryModule> database, CommandRunner<TelemetryModule> runner, IDeviceAuthority authority, MqttDoor door,
        IOptions<TelemetryOptions> options, TimeProvider clock, CancellationToken ct)
    {
        var fields = new Fields().Must(Device.IsSerial(body.Serial), "serial", $"Send 1 to {Device.SerialLengthMax} letters, digits, '-', '_' and '.'.")
            .Text(body.Request, "request", DeviceAuthority.RequestLengthMax)
            .Must(body.Secret is null or { Length: > 0 and <= Device.SecretLengthMax }, "secret", $"Send 1 to {Device.SecretLengthMax} characters.");
        if (fields.Problem is { } problem)
            return problem.ToResult();
        if ((options.Value.MqttPublicPort ?? door.TlsPort) is not { } port)
            return new Problem(ProblemKind.Unavailable, "telemetry.no_tls_door", "The platform has no door for certificates.").ToResult();
        if (SigningRequest.Read(body.Request) is not { } request)
            return SigningRequest.Bad.ToResult();
        var now = clock.GetUtcNow();
        var device = await Devices.FindAsync(database, body.Serial, ct);
        var wrong = device is null ? 0 : await database.QuerySingleOrDefaultAsync<int>("""
            SELECT count(*)::int FROM device_log WHERE serial = @Serial AND what = 'refused' AND reason = @Code AND at > @since
            """, new { body.Serial, Device.Refused.Code, since = now - WrongWithin }, ct);
        var work = runner.NewWork($"device {body.Serial}");
        if (Decide(device, request.KeyHash, body.Secret, wrong, now) is { } refusal)
            return await RefuseAsync(work, device, refusal, ct);
        var certificate = await authority.SignAsync(device!.Vehicle, request.Key, ct);
        using (certificate)
        {
            Record(work, device, request.KeyHash, certificate.NotAfter.ToUniversalTime());
            var result = await work.CommitAsync(ct);
            if (result.Outcome != CommitOutcome.Committed)
                return (result.Problem ?? AlreadyEnrolled).ToResult(); // somebody was faster; the certificate is given to nobody
            var at = options.Value.PublicUrl is { } url ? new Uri(url) : new Uri($"{http.Request.Scheme}://{http.Request.Host}");
            return TypedResults.Json(new View(device.Vehicle, certificate.ExportCertificatePem(), (await authority.CertificateAsync(ct)).ExportCertificatePem(),
                new DateTimeOffset(certificate.NotAfter.ToUniversalTime()), new BrokerView(options.Value.MqttHostName, port), new Uri(at, "/v1/unlock-keys"),
                new Uri(at, "/v1/update-keys"), new Uri(at, "/v1/device-renewals")), MobilityJson.Http, statusCode: StatusCodes.Status201Created);
        }
    }

    private static Problem AlreadyEnrolled => Problem.Conflict("telemetry.device_already_enrolled", "This device has been enrolled; if that was not you, tell staff.");

    private static void Record(Work work, Device device, byte[] keyHash, DateTime expiresAt)
    {
        Devices.Log(work, device.Serial, "enrolled", $"device {device.Serial}");
        if (device.EnrolledAt is not null)
            return;
        // Of two that come at the same moment one is the first, and staff who revoke it meanwhile are heard.
        work.ExecuteOrRefuse("device_is_expected", """
            UPDATE devices SET enrolled_at = $2, enrolled_key = $3 WHERE serial = $1 AND enrolled_at IS NULL AND revoked_at IS NULL RETURNING 1
            """, () => AlreadyEnrolled, device.Serial, work.Now, keyHash);
        work.Publish(device.Vehicle.Value, new DeviceProvisionedV1(device.Vehicle, device.Serial, new DateTimeOffset(expiresAt), work.Now));
    }

    /// <summary>A refusal is kept with the device that it concerns; a serial that nobody expects leaves a count only, or strangers could fill the disk.</summary>
    internal static async Task<IResult> RefuseAsync(Work work, Device? device, Problem refusal, CancellationToken ct)
    {
        TelemetryMetrics.RefusedDevices.Add(1, new KeyValuePair<string, object?>("code", refusal.Code));
        if (device is not null && refusal.Kind != ProblemKind.TooMany)
        {
            Devices.LogRefusal(work, device.Serial, refusal.Code);
            await work.CommitAsync(ct);
        }
        return refusal.ToResult();
    }
}
