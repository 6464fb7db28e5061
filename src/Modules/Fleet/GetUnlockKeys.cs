using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;

namespace Mobility.Fleet;

/// <summary>The public keys by which vehicles check unlock tokens, as a JSON web key set.</summary>
internal static class GetUnlockKeys
{
    public sealed record KeyView(string Kty, string Crv, string Alg, string Use, string Kid, string X, string Y);

    public sealed record View(IReadOnlyList<KeyView> Keys);

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/unlock-keys", Handle).WithName("GetUnlockKeys").OpenToAll().Produces<View>();

    private static async Task<IResult> Handle(UnlockKeys keys, CancellationToken ct)
    {
        await keys.RefreshAsync(SigningKeyRing.RememberedFor, ct);
        return TypedResults.Ok(new View([.. keys.Published.Select(key => new KeyView(key.Kty, key.Crv, key.Alg, key.Use, key.Kid, key.X, key.Y))]));
    }
}

/// <summary>A token that opens a vehicle; asked by Booking, which knows whether the rider may.</summary>
internal static class AnswerUnlockToken
{
    public static async Task<UnlockToken?> Answer(GetUnlockToken question, IServiceProvider services, CancellationToken ct)
    {
        var isInService = await services.GetRequiredService<Database<FleetModule>>().QuerySingleOrDefaultAsync<bool?>(
            "SELECT phase = 'active' AND NOT desired_disabled AND NOT reported_disabled FROM vehicles WHERE id = @Id", new { Id = question.Vehicle.Value }, ct);
        return isInService is true
            ? await services.GetRequiredService<UnlockTokens>().IssueAsync(question.Vehicle, question.Booking, question.Rider, ct)
            : null;
    }
}
