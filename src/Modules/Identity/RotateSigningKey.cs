using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;

namespace Mobility.Identity;

/// <summary>A new signing key is published now and signs soon; the old one verifies until its last token is over.</summary>
internal static class RotateSigningKey
{
    /// <summary>When the new key begins to sign.</summary>
    public sealed record View(DateTimeOffset SignsFrom);

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/signing-keys", Handle).WithName("RotateSigningKey").RequirePermission("accounts.manage")
        .Produces<View>(StatusCodes.Status201Created).ProducesProblem(409);

    private static async Task<IResult> Handle(SigningKeys keys, CancellationToken ct) => await keys.RotateAsync(ct) is { } signsFrom
        ? TypedResults.Json(new View(signsFrom), MobilityJson.Http, statusCode: StatusCodes.Status201Created)
        : Problem.Conflict("identity.rotation_under_way", "A new key is published already and does not sign yet.").ToResult();
}
