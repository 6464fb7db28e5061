using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;

namespace Mobility.Identity;

/// <summary>Signing out: a refresh token and its whole chain end (RFC 7009). Access tokens run out by themselves within fifteen minutes.</summary>
internal static class RevokeToken
{
    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/oauth2/revoke", Handle).WithName("RevokeToken").OpenToAll().DisableAntiforgery()
        .TakesForm(["token"], ["token_type_hint"]).Produces(StatusCodes.Status200OK).Produces<OAuth.Error>(400);

    private static async Task<IResult> Handle(HttpContext http, Database<IdentityModule> database, TimeProvider clock, CancellationToken ct)
    {
        if (await OAuth.ReadFormAsync(http, ct) is not { } form || !form.TryGetValue("token", out var token))
            return OAuth.InvalidRequest("Send application/x-www-form-urlencoded with a token.");
        await Sessions.EndAsync(database, token, clock, ct);
        return TypedResults.Ok();
    }
}
