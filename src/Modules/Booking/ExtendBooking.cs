using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;

namespace Mobility.Booking;

/// <summary>A window gets a later end. Whether the vehicle and the rider are free then, the exclusion constraints decide.</summary>
internal static class ExtendBooking
{
    /// <param name="Until">The new end.</param>
    public sealed record Body(DateTimeOffset Until);

    public static Decision<BookingEvent> Decide(BookingState state, DateTimeOffset until, DateTimeOffset now)
    {
        if (state.Phase is not (Phase.Held or Phase.Confirmed or Phase.Riding or Phase.Paused) || !state.IsWindow)
            return Decision<BookingEvent>.Refuse(BookingProblems.WrongPhase(state, "extended"));
        if (until == state.WindowEnd)
            return Decision<BookingEvent>.Accept();
        return until <= state.WindowEnd || until <= now || until < state.HeldUntil
            ? Decision<BookingEvent>.Refuse(Problem.Unprocessable("booking.window_invalid", "The new end lies after the old one and after now.", "until"))
            : until - state.Facts.From > ReserveVehicle.WindowMax
                ? Decision<BookingEvent>.Refuse(Problem.Unprocessable("booking.window_invalid", "A window lasts at most 7 days.", "until"))
                : Decision<BookingEvent>.Accept(new WindowExtended(until.ToUniversalTime(), now));
    }

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/bookings/{id}/extend", Handle).WithName("ExtendBooking")
        .WithSummary("Give a window a later end; needs Idempotency-Key. The charge follows the real times.")
        .TakesIdempotencyKey().RequirePermission(BookingDoor.Write).Produces<BookingView>(StatusCodes.Status202Accepted).ProducesProblem(StatusCodes.Status400BadRequest)
        .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict)
        .ProducesProblem(StatusCodes.Status422UnprocessableEntity);

    private static Task<IResult> Handle(BookingId id, Body body, Caller caller, HttpContext http, CancellationToken ct) =>
        BookingDoor.ChangeAsync(http, caller, id, body, (state, work) =>
        {
            if (state.Reservation is { } facts)
                ReserveVehicle.SerializeHolds(work, facts.Vehicle, facts.Rider);
            work.OnLaw("holds_one_per_vehicle", () => BookingProblems.VehicleTaken);
            work.OnLaw("holds_one_per_rider", () => BookingProblems.RiderBusy);
            return Decide(state, body.Until, work.Now);
        }, ct);
}
