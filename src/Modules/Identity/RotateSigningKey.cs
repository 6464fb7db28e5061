using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Identity;

/// <summary>A new signing key is published now and signs soon; the old one verifies until its last token is over.</summary>
internal static class RotateSigningKey
{
    /// <summary>When the new key begins to sign.</summary>
    public sealed record View(DateTimeOffset SignsFrom);

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/signing-keys", Handle).WithName("RotateSigningKey").RequirePermission("accounts.manage")
        .Produces<View>(StatusCodes.Status201Created).ProducesProblem(409);

    private static async Task<IResult> Handle(Database<IdentityModule> database, SigningKeys keys, TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var signsFrom = now + SigningKeys.PublishedBeforeSigning;
        var added = await database.ExecuteAsync(Sql, keys.NewRow(now, signsFrom), ct);
        keys.Forget();
        return added > 0
            ? TypedResults.Json(new View(signsFrom), MobilityJson.Http, statusCode: StatusCodes.Status201Created)
            : Problem.Conflict("identity.rotation_under_way", "A new key is published already and does not sign yet.").ToResult();
    }

    /// <summary>One transaction under the lock of the first key. Nothing happens while a published key waits to sign.</summary>
    private const string Sql = """
        SELECT pg_advisory_xact_lock(hashtextextended('identity.signing_keys', 0));
        WITH retired AS (
            UPDATE signing_keys SET retires_at = @retires WHERE retires_at IS NULL AND NOT EXISTS (SELECT FROM signing_keys WHERE signs_from > @createdAt)
            RETURNING 1)
        INSERT INTO signing_keys (id, x, y, private_key, protected_by, created_at, signs_from)
        SELECT @Id, @X, @Y, @PrivateKey, @ProtectedBy, @createdAt, @signsFrom WHERE EXISTS (SELECT FROM retired)
        """;
}
