using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Payments;

/// <summary>Invoices: a rider's own, or those of the account that staff names; newest first.</summary>
internal static class GetInvoices
{
    public const int LimitMax = 200;

    public sealed record View(
        InvoiceId Id, string Number, BookingId Booking, AccountId Rider, CityId City, IReadOnlyList<ChargeLine> Lines, Money Total, Money Net, Money Vat,
        int VatBasisPoints, DateTimeOffset IssuedAt, DateTimeOffset? PaidAt);

    /// <param name="Next">Send it as <c>before</c> to read on; null at the end.</param>
    public sealed record Page(IReadOnlyList<View> Items, InvoiceId? Next);

    public static void Map(IEndpointRouteBuilder app)
    {
        app.MapGet("/v1/invoices", HandleList).WithName("GetInvoices").RequireSignedIn().Produces<Page>().ProducesProblem(400).ProducesProblem(403);
        app.MapGet("/v1/invoices/{id}", HandleOne).WithName("GetInvoice").RequireSignedIn().Produces<View>().ProducesProblem(404);
    }

    public static async Task<IResult> HandleList(Caller caller, Database<PaymentsModule> database, AccountId? account, InvoiceId? before, int? limit, CancellationToken ct)
    {
        if (new Fields().Must(limit is null or (>= 1 and <= LimitMax), "limit", $"Send 1 to {LimitMax}.").Problem is { } problem)
            return problem.ToResult();
        var rider = account?.Value ?? caller.Subject;
        if (!caller.May("payments.read") && !(caller.May("payments.self") && rider == caller.Subject))
            return Problem.Forbidden("payments.not_yours", "You may read your own invoices only.").ToResult();
        var take = limit ?? 50;
        var rows = await database.QueryAsync<Row>($"""
            {Select} WHERE account_id = @rider {(before is null ? "" : "AND (issued_at, invoice_id) < (SELECT issued_at, invoice_id FROM invoices WHERE invoice_id = @before)")}
            ORDER BY issued_at DESC, invoice_id DESC LIMIT @take
            """, new { rider, before = before?.Value, take = take + 1 }, ct);
        var items = rows.Take(take).Select(r => r.ToView()).ToArray();
        return TypedResults.Ok(new Page(items, rows.Count > take ? items[^1].Id : null));
    }

    public static async Task<IResult> HandleOne(InvoiceId id, Caller caller, Database<PaymentsModule> database, CancellationToken ct)
    {
        var row = await database.QuerySingleOrDefaultAsync<Row>($"{Select} WHERE invoice_id = @Value", new { id.Value }, ct);
        var mayRead = caller.May("payments.read") || (caller.May("payments.self") && row?.AccountId == caller.Subject);
        return row is not null && mayRead
            ? TypedResults.Ok(row.ToView())
            : Problem.NotFound("payments.no_such_invoice", "There is no such invoice.").ToResult();
    }

    private const string Select = """
        SELECT invoice_id, booking_id, account_id, city_id, year, number, lines::text AS lines, total, net, vat, vat_basis_points, currency, issued_at, paid_at
        FROM invoices
        """;

    private sealed record Row(
        Guid InvoiceId, Guid BookingId, Guid AccountId, string CityId, int Year, int Number, string Lines, long Total, long Net, long Vat, int VatBasisPoints,
        string Currency, DateTime IssuedAt, DateTime? PaidAt)
    {
        public View ToView()
        {
            var (city, currency) = (new CityId(CityId), new Currency(Currency));
            return new(Contracts.InvoiceId.From(InvoiceId), InvoiceNumbers.Format(city, Year, Number), Contracts.BookingId.From(BookingId),
                Contracts.AccountId.From(AccountId), city, JsonSerializer.Deserialize<IReadOnlyList<ChargeLine>>(Lines, MobilityJson.Stored)!,
                new(Total, currency), new(Net, currency), new(Vat, currency), VatBasisPoints, new DateTimeOffset(IssuedAt),
                PaidAt is { } paid ? new DateTimeOffset(paid) : null);
        }
    }
}
