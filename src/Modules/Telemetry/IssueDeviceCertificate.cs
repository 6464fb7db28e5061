using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;
using Mobility.Telemetry.Mqtt;

namespace Mobility.Telemetry;

/// <summary>A vehicle, or staff for it, has its key signed: the private key never leaves the vehicle. The vehicle asks again before the day is over.</summary>
internal static class IssueDeviceCertificate
{
    /// <param name="Request">PKCS #10 in PEM.</param>
    public sealed record Body(string Request);

    public sealed record View(string Certificate, string Authority, DateTimeOffset ExpiresAt);

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/vehicles/{id}/certificates", Handle).WithName("IssueDeviceCertificate")
        .RequireSignedIn().LimitPerMinute("device-certificates", 30)
        .Produces<View>(StatusCodes.Status201Created).ProducesProblem(400).ProducesProblem(403).ProducesProblem(422);

    private static async Task<IResult> Handle(VehicleId id, Body body, Caller caller, IDeviceAuthority authority, CancellationToken ct)
    {
        if (!caller.May("fleet.manage") && !(caller.Kind == CallerKind.Device && caller.Subject == id.Value))
            return Problem.Forbidden("telemetry.not_this_vehicle", "A vehicle asks for its own certificate only.").ToResult();
        if (new Fields().Text(body.Request, "request", DeviceAuthority.RequestLengthMax).Problem is { } problem)
            return problem.ToResult();
        if (SigningRequest.Read(body.Request) is not { } request)
            return SigningRequest.Bad.ToResult();
        using var certificate = await authority.SignAsync(id, request.Key, ct);
        return TypedResults.Json(new View(certificate.ExportCertificatePem(), (await authority.CertificateAsync(ct)).ExportCertificatePem(),
            new DateTimeOffset(certificate.NotAfter.ToUniversalTime())), MobilityJson.Http, statusCode: StatusCodes.Status201Created);
    }
}

/// <summary>Staff make all certificates of a vehicle worthless, and its device gets no other.</summary>
internal static class RevokeDeviceCertificates
{
    public static void Map(IEndpointRouteBuilder app) => app.MapDelete("/v1/vehicles/{id}/certificates", Handle).WithName("RevokeDeviceCertificates")
        .RequirePermission("fleet.manage").Produces(StatusCodes.Status204NoContent);

    private static async Task<IResult> Handle(VehicleId id, DeviceSecrets secrets, MqttConnections connections, CancellationToken ct)
    {
        await secrets.RevokeCertificatesAsync(id, ct);
        connections.Expel(id);
        return TypedResults.NoContent();
    }
}

/// <summary>The certificate by which a vehicle knows the door.</summary>
internal static class GetDeviceAuthority
{
    public sealed record View(string Certificate);

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/device-authority", Handle).WithName("GetDeviceAuthority").OpenToAll().Produces<View>();

    private static async Task<IResult> Handle(IDeviceAuthority authority, CancellationToken ct) =>
        TypedResults.Ok(new View((await authority.CertificateAsync(ct)).ExportCertificatePem()));
}
