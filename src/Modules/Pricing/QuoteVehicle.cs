using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Pricing;

/// <summary>A rider asks what a vehicle costs, now or for a window; the answer holds for five minutes and is what a booking freezes (requirement BKG-8).</summary>
internal static class QuoteVehicle
{
    public static readonly TimeSpan ValidFor = TimeSpan.FromMinutes(5);

    /// <summary>Scooters and e-bikes: at most so far ahead (requirement BKG-2).</summary>
    public static readonly TimeSpan RideAheadMax = TimeSpan.FromMinutes(30);

    /// <summary>Cars and vans: a window begins at most so far ahead, and is no longer than that (requirement BKG-3).</summary>
    public static readonly TimeSpan WindowAheadMax = TimeSpan.FromDays(7);

    /// <summary>A rider who asks for "now" may have a slow clock or network.</summary>
    public static readonly TimeSpan PastMax = TimeSpan.FromMinutes(5);

    public const int ExpectedMinutesMax = 12 * 60;
    public const int ExpectedKilometersMax = 10_000;

    /// <summary>A ride is expected to be this long when the rider does not say; the hold covers at least twice as much.</summary>
    public const int RideMinutesDefault = 15;
    public const int HoldMinutesMin = 30;

    /// <summary>12 kilometers per hour of riding: what scooters and bikes make in a city.</summary>
    public const int RideMetersPerMinute = 200;

    /// <summary>A booked car stands most of its window.</summary>
    public const int WindowKilometersPerHour = 10;
    public const int WindowKilometersMax = 100;

    public sealed record Body(
        VehicleId VehicleId, DateTimeOffset? From = null, DateTimeOffset? Until = null, int? ExpectedMinutes = null, int? ExpectedKilometers = null);

    /// <param name="Lines">How the estimate comes about.</param>
    /// <param name="Explanation">The price in sentences.</param>
    public sealed record QuoteView(
        QuoteId Id, CityId City, VehicleId Vehicle, VehicleTypeId Type, VehicleKind Kind, Tariff Tariff, DateTimeOffset? From, DateTimeOffset? Until, Money Estimate,
        Money HoldAmount, IReadOnlyList<ChargeLine> Lines, IReadOnlyList<string> Explanation, DateTimeOffset ExpiresAt);

    public sealed record Question(QuoteId Id, AccountId Account, VehicleSummary Vehicle, CityPrices? Prices, Body Body, DateTimeOffset Now);

    /// <summary>The offer, or why there is none.</summary>
    public readonly record struct Offer(QuoteSnapshot? Quote, Charge? Estimate, Problem? Problem)
    {
        public static implicit operator Offer(Problem problem) => new(null, null, problem);
    }

    public static Offer Decide(Question q)
    {
        var (vehicle, body, now) = (q.Vehicle, q.Body, q.Now);
        if (q.Prices?.TariffFor(vehicle.Type) is not { } tariff)
            return Problem.Conflict("pricing.no_tariff", "There is no price for this vehicle.");
        var isWindow = vehicle.Kind is VehicleKind.Car or VehicleKind.Van;
        if ((isWindow ? WindowProblem(body, now) : RideProblem(body, now)) is { } problem)
            return problem;
        var from = body.From > now ? body.From.Value.ToUniversalTime() : now;
        if (!IsOnOffer(vehicle, isWindow && from > now))
            return Problem.Conflict("pricing.vehicle_not_rentable", "This vehicle cannot be taken then; look for another nearby.");
        if (!q.Prices.IsOpenAt(vehicle.Kind, from))
            return Problem.Conflict("pricing.closed", "Rides of this kind do not start at that time.");
        var until = isWindow ? body.Until!.Value : from + TimeSpan.FromMinutes(body.ExpectedMinutes ?? RideMinutesDefault);
        var estimate = TariffCalculator.Apply(tariff, Expected(q, isWindow, from, until));
        var hold = Math.Max(estimate.Total.Amount, tariff.NoShowFee);
        if (!isWindow)
            hold = Math.Max(hold, TariffCalculator.Apply(tariff, Expected(q, isWindow, from, from + TimeSpan.FromMinutes(HoldMinutesMin))).Total.Amount);
        return new Offer(new QuoteSnapshot(q.Id, q.Account, vehicle.City, vehicle.Id, vehicle.Type, vehicle.Kind, tariff,
            body.From is null ? null : from, body.Until?.ToUniversalTime(), estimate.Total,
            new Money(hold, tariff.Currency), vehicle.Position, now + ValidFor), estimate, null);
    }

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/quotes", Handle).WithName("QuoteVehicle")
        .RequirePermission("quotes.write").LimitPerMinute("quotes", 60)
        .Produces<QuoteView>(201).ProducesProblem(400).ProducesProblem(404).ProducesProblem(409);

    private static async Task<IResult> Handle(
        Body body, Caller caller, IAsk ask, CityPriceCache prices, RecentQuotes recent, Database<PricingModule> database, TimeProvider clock,
        CancellationToken ct)
    {
        var fields = new Fields()
            .Must(body.ExpectedMinutes is null or (>= 1 and <= ExpectedMinutesMax), "expectedMinutes", $"Send 1 to {ExpectedMinutesMax}.")
            .Must(body.ExpectedKilometers is null or (>= 0 and <= ExpectedKilometersMax), "expectedKilometers", $"Send 0 to {ExpectedKilometersMax}.");
        if (fields.Problem is { } invalid)
            return invalid.ToResult();
        if (await ask.AskAsync(new GetVehicle(body.VehicleId), ct) is not { } vehicle)
            return Problem.NotFound("pricing.no_such_vehicle", "There is no such vehicle.").ToResult();
        var id = Id.New<QuoteId>(clock);
        var offer = Decide(new Question(id, new AccountId(caller.Subject), vehicle, await prices.GetAsync(vehicle.City, ct), body, clock.GetUtcNow()));
        if (offer.Problem is { } problem)
            return problem.ToResult();
        await database.ExecuteAsync("INSERT INTO quotes (id, account, snapshot) VALUES (@Id, @Account, @Snapshot::jsonb)",
            new { Id = id.Value, Account = caller.Subject, Snapshot = Json.Of(offer.Quote).Text }, ct);
        recent.Remember(offer.Quote!);
        return TypedResults.Created($"/v1/quotes/{id}", ToView(offer.Quote!, offer.Estimate!));
    }

    private static QuoteView ToView(QuoteSnapshot quote, Charge estimate) => new(quote.Id, quote.City, quote.Vehicle, quote.Type, quote.Kind, quote.Tariff, quote.From,
        quote.Until, quote.Estimate, quote.HoldAmount, estimate.Lines, PriceInWords.Of(quote.Tariff), quote.ExpiresAt);

    private static Problem? RideProblem(Body body, DateTimeOffset now)
    {
        if (body.Until is not null)
            return Problem.Invalid("pricing.no_window", "A ride on a scooter or bike has an open end.", "until");
        return body.From < now - PastMax || body.From > now + RideAheadMax
            ? Problem.Invalid("pricing.from_out_of_range", $"A ride begins now or within {RideAheadMax.TotalMinutes} minutes.", "from")
            : null;
    }

    private static Problem? WindowProblem(Body body, DateTimeOffset now)
    {
        if (body.From is not { } from || body.Until is not { } until)
            return Problem.Invalid("pricing.window_required", "A car or van is booked from a time until a time.", body.From is null ? "from" : "until");
        if (from < now - PastMax || from > now + WindowAheadMax)
            return Problem.Invalid("pricing.from_out_of_range", $"A window begins now or within {WindowAheadMax.TotalDays} days.", "from");
        return until <= from || until <= now || until - from > WindowAheadMax
            ? Problem.Invalid("pricing.until_out_of_range", $"A window ends after it begins, and within {WindowAheadMax.TotalDays} days.", "until")
            : null;
    }

    /// <summary>A window that begins later may be booked while somebody else has the vehicle: Booking's own law knows whether the times overlap.</summary>
    private static bool IsOnOffer(VehicleSummary vehicle, bool later) =>
        vehicle.Rentable || (later && vehicle.State is VehicleState.Available or VehicleState.Reserved or VehicleState.OnTrip or VehicleState.Stopped);

    private static RideUsage Expected(Question q, bool isWindow, DateTimeOffset from, DateTimeOffset until)
    {
        var meters = q.Body.ExpectedKilometers * TariffCalculator.MetersPerKilometer ?? (isWindow
            ? Math.Min(WindowKilometersMax, Rounding.Begun((until - from).Ticks, TimeSpan.TicksPerHour) * WindowKilometersPerHour) * TariffCalculator.MetersPerKilometer
            : Rounding.BegunMinutes(until - from) * RideMetersPerMinute);
        return new RideUsage(from, from, until, [], meters, isWindow ? until : null, NoShow: false);
    }
}
