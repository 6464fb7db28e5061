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

/// <summary>A booking with everything that its rider sees live: phase, times, cost so far, what to do next (BKG-6). Can wait for a phase.</summary>
internal static class GetBooking
{
    public const int SecondsMax = 10;

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/bookings/{id}", Handle).WithName("GetBooking")
        .WithSummary("One booking. waitFor=<phase>&seconds=1..10 answers as soon as it has that phase or is over, at the latest when the time is up.")
        .RequireSignedIn().Produces<BookingView>().ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<IResult> Handle(
        BookingId id, string? waitFor, int? seconds, Caller caller, Database<BookingModule> database, Signals signals, IAsk ask, TimeProvider clock,
        CancellationToken ct)
    {
        Phase? awaited = null;
        foreach (var phase in waitFor is null ? [] : Enum.GetValues<Phase>())
            if (BookingsView.Word(phase) == waitFor)
                awaited = phase;
        var fields = new Fields()
            .Must(waitFor is null || awaited is not null, "waitFor", "Name a phase, for example riding.")
            .Must(seconds is null or (>= 1 and <= SecondsMax), "seconds", $"Wait 1 to {SecondsMax} seconds.");
        if (fields.Problem is { } problem)
            return problem.ToResult();
        var wait = awaited is null ? TimeSpan.Zero : TimeSpan.FromSeconds(seconds ?? SecondsMax);
        var state = await EventStreams.WaitUntilAsync(database, signals, BookingStream.Type, id.Value, wait,
            now => !BookingDoor.IsFor(caller, now, BookingDoor.Read) || awaited is not { } target || IsThere(now, target), ct);
        if (!BookingDoor.IsFor(caller, state, BookingDoor.Read))
            return BookingProblems.NotFound.ToResult();
        var view = BookingView.Of(state, clock.GetUtcNow());
        if (state.Start is not null && state.Usage is null)
        {
            // Until the end is asked for the meter runs; then it has stopped, whenever the vehicle answers.
            var until = BookingState.Max(state.LastMove, BookingState.Min(state.EndAskedAt ?? clock.GetUtcNow(), state.MustEndBy));
            view = view with { CostSoFar = await ask.AskAsync(new ApplyTariff(state.Facts.Tariff, state.UsageUntil(until, state.OdometerMeters)), ct) };
        }
        return TypedResults.Ok(view);
    }

    private static bool IsThere(BookingState state, Phase awaited) => state.Phase == awaited || state.Phase is Phase.Settled or Phase.Released;
}
