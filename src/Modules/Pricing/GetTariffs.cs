using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;

namespace Mobility.Pricing;

/// <summary>What a city charges; open to all, as on a price list by the road.</summary>
internal static class GetTariffs
{
    public const int TariffsMax = 200;

    public sealed record TariffsView(CityId City, IReadOnlyList<Tariff> Tariffs);

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/tariffs", Handle).WithName("GetTariffs")
        .OpenToAll().LimitPerMinute("tariffs", 120)
        .Produces<TariffsView>().ProducesProblem(400).ProducesProblem(404);

    private static async Task<IResult> Handle(string? city, CityPriceCache cache, CancellationToken ct)
    {
        if (!TextId.TryParse<CityId>(city, out var id))
            return Problem.Invalid("request.invalid_field", "Send the id of a city.", "city").ToResult();
        return await cache.GetAsync(id, ct) is { } prices
            ? TypedResults.Ok(new TariffsView(id, [.. prices.Tariffs.Values.OrderBy(tariff => tariff.Id.Value, StringComparer.Ordinal).Take(TariffsMax)]))
            : Problem.NotFound("pricing.no_such_city", "There is no such city.").ToResult();
    }
}
