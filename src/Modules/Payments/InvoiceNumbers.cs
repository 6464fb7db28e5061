using System.Runtime.CompilerServices;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Events;

namespace Mobility.Payments;

/// <summary>
/// Numbers without gaps per city and year of UTC. Only one reaction gives them, so the last number is read once per transaction and the
/// row is locked just for the commit; if anybody else moved it meanwhile, the whole transaction is refused and done again.
/// </summary>
internal static class InvoiceNumbers
{
    private static readonly ConditionalWeakTable<Work, Dictionary<(CityId, int), int>> Given = [];

    public static string Format(CityId city, int year, int number) => $"{city.Value.ToUpperInvariant()}-{year}-{number:000000}";

    public static async Task<int> NextAsync(ModuleDatabase database, Work work, CityId city, int year, CancellationToken ct)
    {
        var given = Given.GetOrCreateValue(work);
        if (!given.TryGetValue((city, year), out var last))
            last = await database.QuerySingleOrDefaultAsync<int?>(
                "SELECT last FROM invoice_numbers WHERE city_id = @Value AND year = @year", new { city.Value, year }, ct) ?? 0;
        var next = last + 1;
        given[(city, year)] = next;
        work.ExecuteOrRefuse("payments_invoice_number", """
            INSERT INTO invoice_numbers (city_id, year, last) SELECT $1, $2, $3 WHERE $3 = 1
                OR EXISTS (SELECT FROM invoice_numbers WHERE city_id = $1 AND year = $2)
            ON CONFLICT (city_id, year) DO UPDATE SET last = excluded.last WHERE invoice_numbers.last = excluded.last - 1 RETURNING 1
            """, () => Problem.Conflict("payments.invoice_number_taken", "Another transaction gave this number."), city.Value, year, next);
        return next;
    }
}
