using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Events;

namespace Mobility.Pricing;

/// <summary>An offer by its id, for Booking.</summary>
internal static class GetQuoteById
{
    public static async Task<QuoteSnapshot?> Answer(GetQuote question, IServiceProvider services, CancellationToken ct)
    {
        if (services.GetRequiredService<RecentQuotes>().Find(question.Quote) is { } recent)
            return recent;
        var json = await services.GetRequiredService<Database<PricingModule>>().QuerySingleOrDefaultAsync<string>(
            "SELECT snapshot::text FROM quotes WHERE id = @Id", new { Id = question.Quote.Value }, ct);
        return json is null ? null : JsonSerializer.Deserialize<QuoteSnapshot>(json, MobilityJson.Stored);
    }
}
