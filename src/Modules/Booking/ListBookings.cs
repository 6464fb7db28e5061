using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Booking;

/// <summary>The caller's bookings, newest first; staff name a rider or see all.</summary>
internal static class ListBookings
{
    public const int LimitDefault = 50;
    public const int LimitMax = 200;

    public sealed record Item(
        BookingId Id, AccountId Rider, BookingId Group, VehicleId Vehicle, string City, string Kind, string Phase, DateTimeOffset ReservedAt,
        DateTimeOffset From, DateTimeOffset? Until, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, string? ReleaseReason, long? DistanceMeters,
        Money? Charge, string? InvoiceNumber);

    /// <param name="Items">Newest first.</param>
    /// <param name="Next">The cursor of the next page; absent on the last.</param>
    public sealed record Page(IReadOnlyList<Item> Items, string? Next);

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/bookings", Handle).WithName("ListBookings")
        .WithSummary("Own bookings, newest first. Staff with bookings.read see those of a rider, or all.")
        .RequireSignedIn().Produces<Page>().ProducesProblem(StatusCodes.Status400BadRequest);

    private static async Task<IResult> Handle(
        string? cursor, int? limit, string? rider, Caller caller, Database<BookingModule> database, CancellationToken ct)
    {
        var (after, who) = (default(BookingId), default(AccountId));
        var fields = new Fields()
            .Must(cursor is null || Id.TryParse(cursor, out after), "cursor", "Send the cursor of the page before.")
            .Must(limit is null or (>= 1 and <= LimitMax), "limit", $"Ask for 1 to {LimitMax}.")
            .Must(rider is null || Id.TryParse(rider, out who), "rider", "Name an account.");
        if (fields.Problem is { } problem)
            return problem.ToResult();
        Guid? shown = !caller.May(BookingDoor.Read) ? caller.Subject : rider is null ? null : who.Value;
        var size = limit ?? LimitDefault;
        var rows = await database.QueryAsync<Row>(Sql(shown is not null, cursor is not null), new { rider = shown, after = after.Value, limit = size + 1 }, ct);
        return TypedResults.Ok(new Page(
            [.. rows.Take(size).Select(r => r.ToItem())], rows.Count > size ? new BookingId(rows[size - 1].BookingId).ToString() : null));
    }

    private static string Sql(bool ofOne, bool paged) => $"""
        SELECT booking_id, rider_id, group_id, vehicle_id, city_id, kind, phase, reserved_at, from_at, window_end, started_at, ended_at, release_reason,
               distance_meters, charged, currency, invoice_number
        FROM bookings WHERE {(ofOne ? "rider_id = @rider" : "true")} AND {(paged ? "booking_id < @after" : "true")}
        ORDER BY booking_id DESC LIMIT @limit
        """;

    private sealed record Row(
        Guid BookingId, Guid RiderId, Guid GroupId, Guid VehicleId, string CityId, string Kind, string Phase, DateTime ReservedAt, DateTime FromAt,
        DateTime? WindowEnd, DateTime? StartedAt, DateTime? EndedAt, string? ReleaseReason, long? DistanceMeters, long? Charged, string? Currency,
        string? InvoiceNumber)
    {
        public Item ToItem() => new(
            new BookingId(BookingId), new AccountId(RiderId), new BookingId(GroupId), new VehicleId(VehicleId), CityId, Kind, Phase, ReservedAt, FromAt,
            WindowEnd, StartedAt, EndedAt, ReleaseReason, DistanceMeters,
            Charged is { } amount ? new Money(amount, new Currency(Currency!)) : null, InvoiceNumber);
    }
}
