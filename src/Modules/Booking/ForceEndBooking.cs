using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;

namespace Mobility.Booking;

/// <summary>Staff end a booking in whatever phase it is: a ride is asked to end, one that waits for its lock ends now, all others are released.</summary>
internal static class ForceEndBooking
{
    public static Decision<BookingEvent> Decide(BookingState state, VehicleCommandId command, DateTimeOffset now) => state.Phase switch
    {
        Phase.Held or Phase.Confirming or Phase.Confirmed =>
            Decision<BookingEvent>.Accept(new BookingReleased(ReleaseReason.Cancelled, state.IsOccupying, FeeDue: false, "staff", now)),
        Phase.Unlocking => Decision<BookingEvent>.Accept(new BookingReleased(ReleaseReason.VehicleFault, state.IsOccupying, FeeDue: false, "staff", now)),
        Phase.Ending => Decision<BookingEvent>.Accept(EndRide.EndedUnanswered(state, now)),
        _ => EndRide.Decide(state, EndCause.Staff, command, now),
    };

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/bookings/{id}/force-end", Handle).WithName("ForceEndBooking")
        .WithSummary("Staff: end a booking in whatever phase it is; needs Idempotency-Key.")
        .TakesIdempotencyKey().RequirePermission(BookingDoor.Manage).Produces<BookingView>(StatusCodes.Status202Accepted)
        .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    private static Task<IResult> Handle(BookingId id, Caller caller, HttpContext http, CancellationToken ct) =>
        BookingDoor.ChangeAsync(http, caller, id, null, (state, work) => Decide(state, Id.New<VehicleCommandId>(work.Clock), work.Now), ct);
}
