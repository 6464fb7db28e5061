using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;

namespace Mobility.Booking;

/// <summary>The rider does not want the vehicle any more. Free of charge until it unlocks, for windows until the grace for late arrival is over.</summary>
internal static class CancelBooking
{
    public static Decision<BookingEvent> Decide(BookingState state, DateTimeOffset now) => state.Phase switch
    {
        Phase.Held or Phase.Confirming or Phase.Confirmed =>
            Decision<BookingEvent>.Accept(new BookingReleased(ReleaseReason.Cancelled, state.IsOccupying, FeeDue: false, Detail: null, now)),
        Phase.Released when state.Release!.Reason == ReleaseReason.Cancelled => Decision<BookingEvent>.Accept(),
        _ => Decision<BookingEvent>.Refuse(BookingProblems.WrongPhase(state, "cancelled")),
    };

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/bookings/{id}/cancel", Handle).WithName("CancelBooking")
        .WithSummary("Give the vehicle back before the ride; needs Idempotency-Key.")
        .TakesIdempotencyKey().RequirePermission(BookingDoor.Write).Produces<BookingView>(StatusCodes.Status202Accepted)
        .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    private static Task<IResult> Handle(BookingId id, Caller caller, HttpContext http, CancellationToken ct) =>
        BookingDoor.ChangeAsync(http, caller, id, null, (state, work) => Decide(state, work.Now), ct);
}
