using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Booking;

/// <summary>What all commands on an existing booking share: it is the caller's own or does not exist; load, decide, record, reply with its view.</summary>
internal static class BookingDoor
{
    public const string Manage = "bookings.manage";
    public const string Read = "bookings.read";
    public const string Write = "bookings.write";

    /// <summary>Runs a command whose repetition does no harm beyond its own decision.</summary>
    public static Task<IResult> ChangeAsync(
        HttpContext http, Caller caller, BookingId id, object? body, Func<BookingState, Work, Decision<BookingEvent>> decide, CancellationToken ct) =>
        ChangeAsync(http, caller, id, body, (state, work, _) => Task.FromResult(decide(state, work)), ct);

    /// <summary>The same for a decision that needs an answer of another module.</summary>
    public static Task<IResult> ChangeAsync(
        HttpContext http, Caller caller, BookingId id, object? body, Func<BookingState, Work, CancellationToken, Task<Decision<BookingEvent>>> decide,
        CancellationToken ct) =>
        http.RequestServices.GetRequiredService<CommandRunner<BookingModule>>().RunIdempotentAsync(http, caller, body, async (work, token) =>
        {
            var (state, _) = await work.LoadAsync(BookingStream.Type, id.Value, token);
            if (!IsFor(caller, state, Manage))
                return BookingProblems.NotFound;
            var decision = await decide(state, work, token);
            if (decision.Problem is { } problem)
                return problem;
            return Outcome.Accepted(BookingView.Of(work.Record(id, state, decision.Events), work.Now));
        }, ct);

    /// <summary>Whether a caller may know this booking: its rider, or staff with a permission.</summary>
    public static bool IsFor(Caller caller, BookingState state, string permission) =>
        state.Phase != Phase.None && (state.Facts.Rider.Value == caller.Subject || caller.May(permission));

    /// <summary>Whether the runner accepted the command: only its refusals show their status.</summary>
    public static bool IsAccepted(IResult result) => result is not IStatusCodeHttpResult;
}
