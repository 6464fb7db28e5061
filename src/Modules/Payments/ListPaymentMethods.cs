using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;

namespace Mobility.Payments;

/// <summary>The rider's methods, the one in use first.</summary>
internal static class ListPaymentMethods
{
    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/payments/methods", Handle).WithName("ListPaymentMethods")
        .RequirePermission("payments.self").Produces<IReadOnlyList<MethodView>>();

    public static async Task<IResult> Handle(Caller caller, Database<PaymentsModule> database, CancellationToken ct)
    {
        var rows = await database.QueryAsync<Row>("""
            SELECT method_id, brand, last4, added_at FROM methods WHERE account_id = @Subject ORDER BY added_at DESC, method_id DESC LIMIT 100
            """, new { caller.Subject }, ct);
        return TypedResults.Ok(rows.Select(r => new MethodView(MethodId.From(r.MethodId), r.Brand, r.Last4, new DateTimeOffset(r.AddedAt))).ToArray());
    }

    private sealed record Row(Guid MethodId, string Brand, string Last4, DateTime AddedAt);
}
