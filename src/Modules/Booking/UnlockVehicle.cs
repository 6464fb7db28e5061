using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Booking;

/// <summary>The rider stands at the vehicle and wants to begin. The ride begins when the vehicle says so.</summary>
internal static class UnlockVehicle
{
    /// <param name="state">The booking.</param>
    /// <param name="command">For the unlock.</param>
    /// <param name="now">The clock.</param>
    /// <param name="forbidden">Why no ride may begin where the vehicle stands; null when it may.</param>
    public static Decision<BookingEvent> Decide(BookingState state, VehicleCommandId command, DateTimeOffset now, Problem? forbidden = null) => state.Phase switch
    {
        Phase.Confirmed when forbidden is not null => Decision<BookingEvent>.Refuse(forbidden),
        Phase.Confirmed when now < state.Facts.From => Decision<BookingEvent>.Refuse(BookingProblems.TooEarly),
        // The window's begin has come although its deadline was not handled yet.
        Phase.Confirmed when !state.IsOccupying => Decision<BookingEvent>.Accept(new WindowOpened(now), new UnlockRequested(command, now)),
        Phase.Confirmed when now >= Deadlines.NextOf(state) => Decision<BookingEvent>.Refuse(BookingProblems.Expired),
        Phase.Confirmed => Decision<BookingEvent>.Accept(new UnlockRequested(command, now)),
        Phase.Unlocking or Phase.Riding => Decision<BookingEvent>.Accept(),
        _ => Decision<BookingEvent>.Refuse(BookingProblems.WrongPhase(state, "unlocked")),
    };

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/bookings/{id}/unlock", Handle).WithName("UnlockVehicle")
        .WithSummary("Ask the vehicle to open; needs Idempotency-Key. Follow the booking until it is riding or released.")
        .TakesIdempotencyKey().RequirePermission(BookingDoor.Write).Produces<BookingView>(StatusCodes.Status202Accepted)
        .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    private static Task<IResult> Handle(BookingId id, Caller caller, HttpContext http, ZoneRules zones, CancellationToken ct) =>
        BookingDoor.ChangeAsync(http, caller, id, null, async (state, work, token) =>
        {
            var forbidden = await WhyNotAsync(zones, state, token);
            var decision = Decide(state, Id.New<VehicleCommandId>(work.Clock), work.Now, forbidden);
            if (decision.Events.Count > 0)
                RequireNothingElseUnderWay(work, id, state);
            return decision;
        }, ct);

    /// <summary>A vehicle that was booked for a window may have come from elsewhere since; any other stands where it was quoted.</summary>
    public static async Task<Problem?> WhyNotAsync(ZoneRules zones, BookingState state, CancellationToken ct) => state.Phase != Phase.Confirmed
        ? null
        : await zones.WhyNotStartAsync(
            state.Facts.City, state.Facts.Type, (state.IsWindow ? await zones.NewerPlaceAsync(state, ct) : null) ?? state.Position, ct);

    /// <summary>
    /// Holds never overlap, but one that should be over is still there while its vehicle does not answer: then the rider has not ended another ride, or the
    /// rider before has not returned the vehicle.
    /// </summary>
    public static void RequireNothingElseUnderWay(Work work, BookingId id, BookingState state)
    {
        work.ExecuteFirst(OneRideSql, state.Facts.Rider.Value, state.Facts.Group.Value, state.Facts.Vehicle.Value, id.Value, work.Now);
        work.OnLaw("one_ride_per_rider", () => BookingProblems.OtherRide);
        work.OnLaw("vehicle_is_back", () => BookingProblems.VehicleNotBack);
    }

    private const string OneRideSql = """
        SELECT platform.require(NOT EXISTS (SELECT FROM holds WHERE rider_id = $1 AND group_id <> $2 AND lower(period) <= $5), 'one_ride_per_rider'),
               platform.require(NOT EXISTS (SELECT FROM holds WHERE vehicle_id = $3 AND booking_id <> $4 AND lower(period) <= $5), 'vehicle_is_back')
        """;
}
