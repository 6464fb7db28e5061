using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Identity;

/// <summary>An administrator makes an account for another process or a partner's system, or gives it a new secret. The secret is shown once.</summary>
internal static class PutServiceAccount
{
    /// <summary>What the service may do.</summary>
    public sealed record Body(IReadOnlyList<string> Permissions);

    /// <summary>Client id and secret of the token endpoint.</summary>
    public sealed record View(string ClientId, string ClientSecret);

    /// <summary>The account of a service: the same name is the same account in every database.</summary>
    public static AccountId AccountOf(string name) => Id.Named<AccountId>("service", name);

    public static void Map(IEndpointRouteBuilder app) => app.MapPut("/v1/services/{name}", Handle).WithName("PutServiceAccount")
        .RequirePermission("accounts.manage").Produces<View>().ProducesProblem(400);

    private static async Task<IResult> Handle(string name, Body body, HttpContext http, Database<IdentityModule> database, TimeProvider clock, CancellationToken ct)
    {
        var shape = new Fields()
            .Must(TextId.IsValid(name), "name", "A name has 1 to 64 characters of a-z, 0-9, '-', '_' and '.'.")
            .Must(body.Permissions.Count is > 0 and <= 50 && body.Permissions.All(Roles.AllPermissions.Contains), "permissions", "Name one to 50 known permissions.");
        if (shape.Problem is { } problem)
            return problem.ToResult();
        var secret = Secrets.New();
        if (await Clients.PutAsync(database, name, "service", AccountOf(name).Value, secret, [.. body.Permissions.Distinct()], clock.GetUtcNow(), ct) == 0)
            return Problem.Conflict("identity.name_taken", "A vehicle has this name.").ToResult();
        http.Response.Headers.CacheControl = "no-store";
        return TypedResults.Json(new View(name, secret), MobilityJson.Http);
    }
}
