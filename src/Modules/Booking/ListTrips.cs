using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Booking;

/// <summary>The caller's completed rides, newest first. They follow the bookings with a short lag.</summary>
internal static class ListTrips
{
    public sealed record Item(
        BookingId Booking, VehicleId Vehicle, string City, DateTimeOffset StartedAt, DateTimeOffset EndedAt, long DistanceMeters, Money? Charge);

    /// <param name="Items">Newest first.</param>
    /// <param name="Next">The cursor of the next page; absent on the last.</param>
    public sealed record Page(IReadOnlyList<Item> Items, string? Next);

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/trips", Handle).WithName("ListTrips")
        .WithSummary("Own completed rides, newest first; may lag a moment behind the bookings.")
        .RequireSignedIn().Produces<Page>().ProducesProblem(StatusCodes.Status400BadRequest);

    private static async Task<IResult> Handle(string? cursor, int? limit, Caller caller, Database<BookingModule> database, CancellationToken ct)
    {
        var after = default(BookingId);
        var fields = new Fields()
            .Must(cursor is null || Id.TryParse(cursor, out after), "cursor", "Send the cursor of the page before.")
            .Must(limit is null or (>= 1 and <= ListBookings.LimitMax), "limit", $"Ask for 1 to {ListBookings.LimitMax}.");
        if (fields.Problem is { } problem)
            return problem.ToResult();
        var size = limit ?? ListBookings.LimitDefault;
        var rows = await database.QueryAsync<Row>($"""
            SELECT booking_id, vehicle_id, city_id, started_at, ended_at, distance_meters, charged, currency
            FROM trips WHERE rider_id = @rider AND {(cursor is null ? "true" : "booking_id < @after")} ORDER BY booking_id DESC LIMIT @limit
            """, new { rider = caller.Subject, after = after.Value, limit = size + 1 }, ct);
        return TypedResults.Ok(new Page(
            [.. rows.Take(size).Select(r => r.ToItem())], rows.Count > size ? new BookingId(rows[size - 1].BookingId).ToString() : null));
    }

    private sealed record Row(
        Guid BookingId, Guid VehicleId, string CityId, DateTime StartedAt, DateTime EndedAt, long DistanceMeters, long? Charged, string? Currency)
    {
        public Item ToItem() => new(new BookingId(BookingId), new VehicleId(VehicleId), CityId, StartedAt, EndedAt, DistanceMeters,
            Charged is { } amount ? new Money(amount, new Currency(Currency!)) : null);
    }
}
