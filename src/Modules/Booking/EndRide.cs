using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.ModelBinding;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;

namespace Mobility.Booking;

/// <summary>
/// The rider is done. The ride ends with the vehicle's lock, at once if it is locked already, and in any case: a silent vehicle cannot keep a rider (law 3).
/// Where the city's zones let no ride end, a rider who still rides is refused and shown where to go; a vehicle that is locked ends the ride wherever it stands,
/// and the ride says so.
/// </summary>
internal static class EndRide
{
    /// <param name="Position">Where the vehicle is, by the rider's app.</param>
    public sealed record Body(GeoPoint? Position = null);

    /// <param name="state">The booking.</param>
    /// <param name="cause">Who ends it.</param>
    /// <param name="command">For the lock.</param>
    /// <param name="now">The clock.</param>
    /// <param name="outside">Why the ride may not end where the vehicle is; null when it may or nobody knows where it is.</param>
    public static Decision<BookingEvent> Decide(
        BookingState state, EndCause cause, VehicleCommandId command, DateTimeOffset now, Problem? outside = null) => state.Phase switch
        {
            Phase.Riding when outside is not null => Decision<BookingEvent>.Refuse(outside),
            Phase.Riding or Phase.Resuming => Decision<BookingEvent>.Accept(new EndRequested(command, cause, now)),
            // The lock for the pause is on its way and serves for the end too.
            Phase.Pausing => Decision<BookingEvent>.Accept(new EndRequested(Command: null, cause, now)),
            // A vehicle that did not answer the wish to go on may stand open.
            Phase.Paused when state.Flags.Contains(RideFlag.UnlockUnanswered) => Decision<BookingEvent>.Accept(new EndRequested(command, cause, now)),
            Phase.Paused => Decision<BookingEvent>.Accept(new EndRequested(Command: null, cause, now), EndedAt(state, now, now, outside is null ? null : RideFlag.ParkedOutside)),
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
        .WithSummary("Lock the vehicle and end the ride; needs Idempotency-Key. Where no ride may end, 409 comes with the nearest bays.")
        .TakesIdempotencyKey().RequirePermission(BookingDoor.Write).Produces<BookingView>(StatusCodes.Status202Accepted)
        .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    private static Task<IResult> Handle(
        BookingId id, [FromBody(EmptyBodyBehavior = EmptyBodyBehavior.Allow)] Body? body, Caller caller, HttpContext http, ZoneRules zones, CancellationToken ct) =>
        BookingDoor.ChangeAsync(http, caller, id, body, async (state, work, token) =>
        {
            var place = state.Phase switch
            {
                Phase.Riding => body?.Position ?? await zones.NewerPlaceAsync(state, token),
                Phase.Paused => state.Position,
                _ => null,
            };
            var outside = place is { } known ? await zones.WhyNotEndAsync(state.Facts, known, token) : null;
            return Decide(state, EndCause.Rider, Id.New<VehicleCommandId>(work.Clock), work.Now, outside);
        }, ct);
}
