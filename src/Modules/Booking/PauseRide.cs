using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;

namespace Mobility.Booking;

/// <summary>The rider locks the vehicle for a while and keeps it. The pause begins with the vehicle's lock.</summary>
internal static class PauseRide
{
    public static Decision<BookingEvent> Decide(BookingState state, VehicleCommandId command, DateTimeOffset now) => state.Phase switch
    {
        Phase.Riding => Decision<BookingEvent>.Accept(new PauseRequested(command, now)),
        Phase.Pausing or Phase.Paused => Decision<BookingEvent>.Accept(),
        _ => Decision<BookingEvent>.Refuse(BookingProblems.WrongPhase(state, "paused")),
    };

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/bookings/{id}/pause", Handle).WithName("PauseRide")
        .WithSummary("Lock the vehicle and keep it; needs Idempotency-Key.")
        .TakesIdempotencyKey().RequirePermission(BookingDoor.Write).Produces<BookingView>(StatusCodes.Status202Accepted)
        .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    private static Task<IResult> Handle(BookingId id, Caller caller, HttpContext http, CancellationToken ct) =>
        BookingDoor.ChangeAsync(http, caller, id, null, (state, work) => Decide(state, Id.New<VehicleCommandId>(work.Clock), work.Now), ct);
}
