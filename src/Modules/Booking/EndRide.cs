using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Auth;

namespace Mobility.Booking;

/// <summary>
/// The rider is done. The ride ends with the vehicle's lock, at once if it is locked already, and in any case: a silent vehicle cannot keep a rider (law 3).
/// </summary>
internal static class EndRide
{
    public static Decision<BookingEvent> Decide(BookingState state, EndCause cause, VehicleCommandId command, DateTimeOffset now) => state.Phase switch
    {
        Phase.Riding or Phase.Resuming => Decision<BookingEvent>.Accept(new EndRequested(command, cause, now)),
        // The lock for the pause is on its way and serves for the end too.
        Phase.Pausing => Decision<BookingEvent>.Accept(new EndRequested(Command: null, cause, now)),
        // A vehicle that did not answer the wish to go on may stand open.
        Phase.Paused when state.Flags.Contains(RideFlag.UnlockUnanswered) => Decision<BookingEvent>.Accept(new EndRequested(command, cause, now)),
        Phase.Paused => Decision<BookingEvent>.Accept(new EndRequested(Command: null, cause, now), EndedAt(state, now, now)),
        Phase.Ending or Phase.Ended or Phase.Settled => Decision<BookingEvent>.Accept(),
        _ => Decision<BookingEvent>.Refuse(BookingProblems.WrongPhase(state, "ended")),
    };

    /// <summary>The end by the vehicle's own lock.</summary>
    public static RideEnded EndedAt(
        BookingState state, DateTimeOffset at, long odometerMeters, GeoPoint position, int? stateOfCharge, RideFlag? flag, DateTimeOffset now)
    {
        var facts = state.Facts;
        var end = BookingState.Max(state.LastMove, BookingState.Min(at, state.MustEndBy));
        return new RideEnded(facts.Rider, facts.Vehicle, facts.City, state.UsageUntil(end, odometerMeters), position, stateOfCharge, flag, now);
    }

    /// <summary>The end with the facts that are known, when the vehicle adds none.</summary>
    public static RideEnded EndedAt(BookingState state, DateTimeOffset at, DateTimeOffset now, RideFlag? flag = null) =>
        EndedAt(state, at, state.OdometerMeters, state.Position, stateOfCharge: null, flag, now);

    /// <summary>The vehicle does not lock: the rider pays until the end was asked for and not a moment longer.</summary>
    public static RideEnded EndedUnanswered(BookingState state, DateTimeOffset now) =>
        EndedAt(state, state.EndAskedAt!.Value, now, RideFlag.LockUnanswered);

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/bookings/{id}/end", Handle).WithName("EndRide")
        .WithSummary("Lock the vehicle and end the ride; needs Idempotency-Key.")
        .RequirePermission(BookingDoor.Write).Produces<BookingView>(StatusCodes.Status202Accepted)
        .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    private static Task<IResult> Handle(BookingId id, Caller caller, HttpContext http, CancellationToken ct) =>
        BookingDoor.ChangeAsync(http, caller, id, null,
            (state, work) => Decide(state, EndCause.Rider, Id.New<VehicleCommandId>(work.Clock), work.Now), ct);
}
