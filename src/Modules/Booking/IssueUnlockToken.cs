using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Http;

namespace Mobility.Booking;

/// <summary>The rider stands at the vehicle and opens it by NFC or BLE: a token that the vehicle checks itself. The ride begins when the vehicle says so.</summary>
internal static class IssueUnlockToken
{
    /// <param name="Token">Hand it to the vehicle.</param>
    /// <param name="ExpiresAt">Ask for a new one then.</param>
    public sealed record View(string Token, DateTimeOffset ExpiresAt);

    /// <param name="state">The booking.</param>
    /// <param name="expiresAt">End of the token.</param>
    /// <param name="now">The clock.</param>
    /// <param name="forbidden">Why no ride may begin where the vehicle stands; null when it may.</param>
    public static Decision<BookingEvent> Decide(BookingState state, DateTimeOffset expiresAt, DateTimeOffset now, Problem? forbidden = null) => state.Phase switch
    {
        Phase.Confirmed when forbidden is not null => Decision<BookingEvent>.Refuse(forbidden),
        Phase.Confirmed when now < state.Facts.From => Decision<BookingEvent>.Refuse(BookingProblems.TooEarly),
        Phase.Confirmed when !state.IsOccupying => Decision<BookingEvent>.Accept(new WindowOpened(now), new UnlockTokenIssued(expiresAt, now)),
        Phase.Confirmed when now >= Deadlines.WithoutToken(state) => Decision<BookingEvent>.Refuse(BookingProblems.Expired),
        // While the network is being tried, or from a pause.
        Phase.Confirmed or Phase.Unlocking or Phase.Paused or Phase.Resuming => Decision<BookingEvent>.Accept(new UnlockTokenIssued(expiresAt, now)),
        _ => Decision<BookingEvent>.Refuse(BookingProblems.WrongPhase(state, "unlocked")),
    };

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/bookings/{id}/unlock-token", Handle).WithName("IssueUnlockToken")
        .WithSummary("A token of 60 seconds that opens the vehicle without network; needs Idempotency-Key.")
        .TakesIdempotencyKey().RequirePermission(BookingDoor.Write).LimitPerMinute("unlock-tokens", 20).Produces<View>(StatusCodes.Status201Created)
        .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    private static Task<IResult> Handle(
        BookingId id, Caller caller, HttpContext http, CommandRunner<BookingModule> runner, ZoneRules zones, IAsk ask, CancellationToken ct) =>
        runner.RunIdempotentAsync(http, caller, null, async (work, token) =>
        {
            var (state, _) = await work.LoadAsync(BookingStream.Type, id.Value, token);
            if (state.Phase == Phase.None || state.Facts.Rider.Value != caller.Subject)
                return BookingProblems.NotFound; // whoever holds the token may drive: staff have other ways
            var forbidden = await UnlockVehicle.WhyNotAsync(zones, state, token);
            if (Decide(state, work.Now, work.Now, forbidden).Problem is { } problem)
                return problem;
            if (await ask.AskAsync(new GetUnlockToken(state.Facts.Vehicle, id, state.Facts.Rider), token) is not { } unlock)
                return BookingProblems.VehicleOut;
            work.Record(id, state, Decide(state, unlock.ExpiresAt, work.Now, forbidden).Events);
            UnlockVehicle.RequireNothingElseUnderWay(work, id, state);
            return Outcome.Created(new View(unlock.Token, unlock.ExpiresAt));
        }, ct);
}
