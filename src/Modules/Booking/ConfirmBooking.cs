using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Bus;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Booking;

/// <summary>
/// The rider confirms, and Payments authorizes the money (BKG-5). The command is stored first; then the door waits a moment, so that the usual reply tells
/// the outcome already. A repetition with the same key does nothing again and tells how things stand by then.
/// </summary>
internal static class ConfirmBooking
{
    public static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(3);

    public static Decision<BookingEvent> Decide(BookingState state, DateTimeOffset now) => state.Phase switch
    {
        Phase.Held when now < Deadlines.NextOf(state) => Decision<BookingEvent>.Accept(new ConfirmationRequested(now)),
        Phase.Held => Decision<BookingEvent>.Refuse(BookingProblems.Expired),
        Phase.Confirming or Phase.Confirmed => Decision<BookingEvent>.Accept(),
        _ => Decision<BookingEvent>.Refuse(BookingProblems.WrongPhase(state, "confirmed")),
    };

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/bookings/{id}/confirm", Handle).WithName("ConfirmBooking")
        .WithSummary("Authorize the money and confirm; needs Idempotency-Key. Waits up to 3 seconds for the outcome.")
        .TakesIdempotencyKey().RequirePermission(BookingDoor.Write).Produces<BookingView>(StatusCodes.Status202Accepted)
        .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    private static async Task<IResult> Handle(
        BookingId id, Caller caller, HttpContext http, Database<BookingModule> database, Signals signals, TimeProvider clock, CancellationToken ct)
    {
        var result = await BookingDoor.ChangeAsync(http, caller, id, null, (state, work) => Decide(state, work.Now), ct);
        if (!BookingDoor.IsAccepted(result))
            return result;
        var outcome = await EventStreams.WaitUntilAsync(database, signals, BookingStream.Type, id.Value, WaitMax,
            state => state.Phase != Phase.Confirming || state.ActionUrl is not null, ct);
        return TypedResults.Accepted((string?)null, BookingView.Of(outcome, clock.GetUtcNow()));
    }
}
