using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;

namespace Mobility.Booking;

/// <summary>The rider goes on after a pause. The pause ends with the vehicle's unlock.</summary>
internal static class ResumeRide
{
    public static Decision<BookingEvent> Decide(BookingState state, VehicleCommandId command, DateTimeOffset now) => state.Phase switch
    {
        Phase.Paused => Decision<BookingEvent>.Accept(new ResumeRequested(command, now)),
        Phase.Resuming or Phase.Riding => Decision<BookingEvent>.Accept(),
        _ => Decision<BookingEvent>.Refuse(BookingProblems.WrongPhase(state, "resumed")),
    };

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/bookings/{id}/resume", Handle).WithName("ResumeRide")
        .WithSummary("Open the vehicle after a pause; needs Idempotency-Key.")
        .TakesIdempotencyKey().RequirePermission(BookingDoor.Write).Produces<BookingView>(StatusCodes.Status202Accepted)
        .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    private static Task<IResult> Handle(BookingId id, Caller caller, HttpContext http, CancellationToken ct) =>
        BookingDoor.ChangeAsync(http, caller, id, null, (state, work) => Decide(state, Id.New<VehicleCommandId>(work.Clock), work.Now), ct);
}
