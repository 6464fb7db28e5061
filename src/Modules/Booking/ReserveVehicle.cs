using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Booking;

/// <summary>
/// A rider holds a vehicle on the terms of a quote. Of any number of parallel requests the exclusion constraints let exactly one through (BKG-4): the look
/// beforehand only spares the others a transaction that would fail.
/// </summary>
internal static class ReserveVehicle
{
    /// <summary>A booking lies at most so far ahead (requirement BKG-3).</summary>
    public static readonly TimeSpan AheadMax = TimeSpan.FromDays(7);

    public static readonly TimeSpan WindowMin = TimeSpan.FromMinutes(15);

    public static readonly TimeSpan WindowMax = TimeSpan.FromDays(7);

    /// <summary>A window whose begin passed while the rider looked at the quote begins now.</summary>
    public static readonly TimeSpan LateBeginMax = TimeSpan.FromMinutes(15);

    /// <summary>A ride without a window is not worth beginning when the rider's next booking is closer than this.</summary>
    public static readonly TimeSpan UseMin = TimeSpan.FromMinutes(15);

    public const int GroupMax = 4;

    public const int TriesPerMinuteMax = 10;

    /// <param name="QuoteId">The offer to take.</param>
    /// <param name="GroupWith">Another open booking of the caller, to use both vehicles at the same time.</param>
    /// <param name="SafetyChecklist">True confirms the safety checklist of the vehicle's kind, once for all bookings to come.</param>
    public sealed record Body(QuoteId QuoteId, BookingId? GroupWith = null, bool SafetyChecklist = false);

    /// <summary>The time that is asked for; <paramref name="WindowEnd"/> is null for an open end.</summary>
    public sealed record Wish(DateTimeOffset From, DateTimeOffset Until, DateTimeOffset? WindowEnd);

    /// <summary>Begins of the earliest holds that overlap the wish; null when there is none.</summary>
    public sealed record Overlaps(DateTimeOffset? OfVehicle, DateTimeOffset? OfRider);

    public sealed record Command(BookingId Booking, BookingId Group, AccountId Rider, QuoteSnapshot Quote, Wish Wish, Overlaps Overlaps, DateTimeOffset Now);

    /// <summary>From a quote to the time that is asked for, or why it cannot be booked.</summary>
    public static (Wish? Wish, Problem? Problem) Plan(QuoteSnapshot quote, AccountId rider, DateTimeOffset now)
    {
        if (quote.Account != rider)
            return (null, BookingProblems.QuoteNotFound);
        if (now >= quote.ExpiresAt)
            return (null, BookingProblems.QuoteExpired);
        if (quote.Kind is VehicleKind.Scooter or VehicleKind.EBike)
            return quote.From > now + Deadlines.StartWithin || quote.Until is not null
                ? (null, BookingProblems.WindowInvalid("Scooters and e-bikes are taken within 30 minutes and have an open end."))
                : (new Wish(now, now + Deadlines.StartWithin + Deadlines.RideMax, null), null);
        if (quote is not { From: { } asked, Until: { } until })
            return (null, BookingProblems.WindowNeeded);
        var from = BookingState.Max(asked, now);
        var fault = now - asked > LateBeginMax ? "The window has begun already."
            : asked - now > AheadMax ? "A window begins at most 7 days ahead."
            : until - from < WindowMin ? "A window lasts at least 15 minutes."
            : until - from > WindowMax ? "A window lasts at most 7 days."
            : null;
        return fault is null ? (new Wish(from, until, until), null) : (null, BookingProblems.WindowInvalid(fault));
    }

    public static Decision<BookingEvent> Decide(Command c)
    {
        var (wish, (ofVehicle, ofRider)) = (c.Wish, c.Overlaps);
        if (wish.WindowEnd is null)
        {
            // An open end gives way to what is booked later.
            var until = BookingState.Min(wish.Until, BookingState.Min(ofVehicle ?? wish.Until, ofRider ?? wish.Until));
            if (until - wish.From >= UseMin)
                (wish, ofVehicle, ofRider) = (wish with { Until = until }, null, null);
        }
        if (ofVehicle is not null)
            return Decision<BookingEvent>.Refuse(BookingProblems.VehicleTaken);
        if (ofRider is not null)
            return Decision<BookingEvent>.Refuse(BookingProblems.RiderBusy);
        var (q, begun) = (c.Quote, wish.From <= c.Now);
        var reserved = new VehicleReserved(c.Booking, c.Rider, c.Group, q.Vehicle, q.City, q.Type, q.Kind, q.Id, q.Tariff, q.Estimate, q.HoldAmount,
            q.VehiclePosition, wish.From, wish.Until, wish.WindowEnd, c.Now);
        return wish.WindowEnd is not null && begun
            ? Decision<BookingEvent>.Accept(reserved, new WindowOpened(c.Now))
            : Decision<BookingEvent>.Accept(reserved);
    }

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/bookings", Handle).WithName("ReserveVehicle")
        .WithSummary("Hold a vehicle on the terms of a quote; needs Idempotency-Key. 409 comes with alternatives.")
        .TakesIdempotencyKey().RequirePermission(BookingDoor.Write).LimitPerMinute("bookings", TriesPerMinuteMax)
        .Produces<BookingView>(StatusCodes.Status201Created).ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status404NotFound)
        .ProducesProblem(StatusCodes.Status409Conflict).ProducesProblem(StatusCodes.Status422UnprocessableEntity)
        .ProducesProblem(StatusCodes.Status429TooManyRequests);

    private static async Task<IResult> Handle(
        Body body, Caller caller, HttpContext http, IAsk ask, Database<BookingModule> database, CommandRunner<BookingModule> runner, Alternatives alternatives,
        ZoneRules zones, SafetyConfirmations safety, CancellationToken ct)
    {
        var rider = new AccountId(caller.Subject);
        QuoteSnapshot? quote = null;
        Wish? wish = null;
        Problem? lost = null;
        var result = await runner.RunIdempotentAsync(http, caller, body, async (work, token) =>
        {
            lost = null;
            quote ??= await ask.AskAsync(new GetQuote(body.QuoteId), token);
            if (quote is null)
                return BookingProblems.QuoteNotFound;
            (wish, var problem) = Plan(quote, rider, work.Now);
            if (wish is null)
                return problem!;
            // A window's vehicle may stand elsewhere by then; unlocking asks again in any case.
            if (wish.WindowEnd is null && await zones.WhyNotStartAsync(quote.City, quote.Type, quote.VehiclePosition, token) is { } forbidden)
                return forbidden;
            var id = Id.New<BookingId>(work.Clock);
            var group = id;
            if (body.GroupWith is { } other)
            {
                if (await database.QuerySingleOrDefaultAsync<Guid?>(GroupSql, new { booking = other.Value, rider = rider.Value }, token) is not { } found)
                    return BookingProblems.GroupNotFound;
                group = new BookingId(found);
            }
            var overlaps = await FindOverlapsAsync(database, quote.Vehicle, rider, group, wish, token);
            var decision = Decide(new Command(id, group, rider, quote, wish, overlaps, work.Now));
            if (decision.Problem is { } refused)
            {
                lost = refused == BookingProblems.VehicleTaken ? refused : null;
                return refused;
            }
            SerializeHolds(work, quote.Vehicle, rider);
            safety.Require(work, rider, quote.Kind, body.SafetyChecklist);
            if (group != id)
            {
                work.ExecuteFirst(GroupLawSql, rider.Value, group.Value, GroupMax);
                work.OnLaw("booking_group_full", () => BookingProblems.GroupFull);
            }
            work.OnLaw("holds_one_per_vehicle", () => lost = BookingProblems.VehicleTaken);
            work.OnLaw("holds_one_per_rider", () => BookingProblems.RiderBusy);
            var (state, _) = work.StartNew(BookingStream.Type, id.Value);
            return Outcome.Created(BookingView.Of(work.Record(id, state, decision.Events), work.Now));
        }, ct);
        if (quote is not null && BookingDoor.IsAccepted(result))
            safety.Remember(rider, quote.Kind);
        // For who came too late: no transaction is open any more. A stored reply to an earlier request with this key wins over the refusal.
        return lost is null || result is not IStatusCodeHttpResult { StatusCode: StatusCodes.Status409Conflict }
            ? result
            : (await alternatives.AddToAsync(lost, quote!, wish!, ct)).ToResult();
    }

    /// <summary>Whoever wants to hold the same vehicle, or is the same rider, comes before or after.</summary>
    public static void SerializeHolds(Work work, VehicleId vehicle, AccountId rider) => work.Serialize($"booking.vehicle {vehicle}", $"booking.rider {rider}");

    private static async Task<Overlaps> FindOverlapsAsync(
        Database<BookingModule> database, VehicleId vehicle, AccountId rider, BookingId group, Wish wish, CancellationToken ct)
    {
        var row = await database.QuerySingleOrDefaultAsync<OverlapsRow>(OverlapsSql,
            new { vehicle = vehicle.Value, rider = rider.Value, group = group.Value, from = wish.From, until = wish.Until }, ct);
        return new Overlaps(row!.OfVehicle, row.OfRider);
    }

    private sealed record OverlapsRow(DateTime? OfVehicle, DateTime? OfRider);

    /// <summary>
    /// Written without the operator <c>&amp;&amp;</c>: both indexes have the period, and a plan that was made while there were no holds may look for it in the wrong
    /// one, that is, read all of it. A vehicle or a rider has few.
    /// </summary>
    internal const string OverlapsSql = """
        SELECT (SELECT min(lower(period)) FROM holds WHERE vehicle_id = @vehicle AND NOT isempty(period * tstzrange(@from, @until))) AS of_vehicle,
               (SELECT min(lower(period)) FROM holds
                WHERE rider_id = @rider AND group_id <> @group AND NOT isempty(period * tstzrange(@from, @until))) AS of_rider
        """;

    private const string GroupSql = "SELECT group_id FROM holds WHERE booking_id = @booking AND rider_id = @rider";

    private const string GroupLawSql =
        "SELECT platform.require((SELECT count(*) FROM holds WHERE rider_id = $1 AND group_id = $2) BETWEEN 1 AND $3 - 1, 'booking_group_full')";
}
