using System.Text.Json;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;

namespace Mobility.Pricing;

/// <summary>Every charge is what its tariff snapshot makes of its ride; recomputed, page by page. That a booking has one charge is the table's primary key.</summary>
internal static class PricingAudit
{
    private const int PageSize = 1_000;

    public static readonly AuditCheck ChargesEqualTariffs = new(
        "charges_equal_tariffs", "Every charge equals its tariff's snapshot applied to its ride's own usage.", "")
    { Run = RunAsync };

    private sealed record Row(Guid Booking, long Total, string Currency, string Tariff, string Usage, string Charge);

    public static bool IsRight(Tariff tariff, RideUsage usage, Charge charge, long total, string currency)
    {
        var right = TariffCalculator.Apply(tariff, usage);
        return charge.Total == right.Total && charge.Net == right.Net && charge.Vat == right.Vat && charge.VatBasisPoints == right.VatBasisPoints
            && charge.Lines.SequenceEqual(right.Lines) && total == right.Total.Amount && currency == right.Total.Currency.Code;
    }

    private static async Task<IReadOnlyList<string>> RunAsync(ModuleDatabase database, DateTimeOffset now, CancellationToken ct)
    {
        _ = now;
        var violations = new List<string>();
        var after = Guid.Empty;
        while (violations.Count < AuditCheck.ViolationsMax)
        {
            var rows = await database.QueryAsync<Row>("""
                SELECT booking, total, currency, tariff::text, usage::text, charge::text FROM charges WHERE booking > @after ORDER BY booking LIMIT @PageSize
                """, new { after, PageSize }, ct);
            violations.AddRange(rows.Where(row => !IsRight(Read<Tariff>(row.Tariff), Read<RideUsage>(row.Usage), Read<Charge>(row.Charge), row.Total, row.Currency))
                .Select(row => $"{new BookingId(row.Booking)} is charged wrongly"));
            if (rows.Count < PageSize)
                break;
            after = rows[^1].Booking;
        }
        return [.. violations.Take(AuditCheck.ViolationsMax)];
    }

    private static T Read<T>(string json) => JsonSerializer.Deserialize<T>(json, MobilityJson.Stored)!;
}
