using Mobility.Contracts;
using Mobility.Geo;

namespace Mobility.Twin.Client;

/// <summary>One rental as an app asks for it, step by step. What is refused is thrown with the step's name.</summary>
/// <param name="client">The platform.</param>
/// <param name="key">Unique for this rental; its requests may be repeated.</param>
/// <param name="booking">Of a rental that was begun before; null for a new one.</param>
internal sealed class Rental(PlatformClient client, string key, BookingId? booking = null)
{
    private const int PatienceSeconds = 10;

    /// <summary>Known as soon as a vehicle is reserved.</summary>
    public BookingId? Booking { get; private set; } = booking;

    /// <summary>What it would cost.</summary>
    public async Task<QuoteReply> QuoteAsync(string token, VehicleId vehicle, (DateTimeOffset From, DateTimeOffset Until)? window, CancellationToken ct) =>
        (await client.QuoteAsync(token, vehicle, window, ct)).Require("quote");

    /// <summary>Reserves, confirms and unlocks: when this returns, the rider rides.</summary>
    /// <param name="token">The rider's.</param>
    /// <param name="quote">What was agreed.</param>
    /// <param name="ct">Gives up.</param>
    /// <param name="seconds">Of the machine, until an unanswered step is given up.</param>
    public async Task<BookingReply> TakeAsync(string token, QuoteReply quote, CancellationToken ct, int seconds = PatienceSeconds)
    {
        await AskAsync(token, quote, ct, seconds);
        return await RidingAsync(token, ct, seconds);
    }

    /// <summary>Reserves, confirms and asks to unlock: the time of the begin stands when this returns.</summary>
    /// <param name="token">The rider's.</param>
    /// <param name="quote">What was agreed.</param>
    /// <param name="ct">Gives up.</param>
    /// <param name="seconds">Of the machine, until an unanswered step is given up.</param>
    public async Task AskAsync(string token, QuoteReply quote, CancellationToken ct, int seconds = PatienceSeconds)
    {
        var booking = (await client.ReserveAsync(token, quote.Id, $"{key}-reserve", ct)).Require("reserve");
        Booking = booking.Id;
        booking = (await client.ChangeBookingAsync(token, booking.Id, "confirm", $"{key}-confirm", ct)).Require("confirm");
        if (booking.Phase == "confirming")
            booking = (await client.WaitForPhaseAsync(token, booking.Id, "confirmed", ct, seconds)).Require("confirm");
        RequirePhase(booking, "confirmed", "confirm");
        (await client.ChangeBookingAsync(token, booking.Id, "unlock", $"{key}-unlock", ct)).Require("unlock");
    }

    /// <summary>Waits until the vehicle has opened.</summary>
    public async Task<BookingReply> RidingAsync(string token, CancellationToken ct, int seconds = PatienceSeconds)
    {
        var booking = (await client.WaitForPhaseAsync(token, Booking!.Value, "riding", ct, seconds)).Require("riding");
        RequirePhase(booking, "riding", "riding");
        return booking;
    }

    /// <summary>Ends the ride: when this returns, the vehicle is locked.</summary>
    public async Task EndAsync(string token, GeoPoint position, CancellationToken ct)
    {
        (await AskEndAsync(token, position, ct)).Require("end");
        await EndedAsync(token, ct);
    }

    /// <summary>Asks to end the ride where the vehicle is.</summary>
    public Task<Answer<BookingReply>> AskEndAsync(string token, GeoPoint position, CancellationToken ct) =>
        client.EndAsync(token, Booking!.Value, position, $"{key}-end", ct);

    /// <summary>The rental as it is; after the end was asked for it costs no more.</summary>
    public async Task<BookingReply> ReadAsync(string token, CancellationToken ct) => (await client.GetBookingAsync(token, Booking!.Value, ct)).Require("booking");

    /// <summary>Waits until the ride has ended.</summary>
    public async Task EndedAsync(string token, CancellationToken ct)
    {
        var booking = (await client.WaitForPhaseAsync(token, Booking!.Value, "ended", ct)).Require("ended");
        if (booking.Phase != "settled")
            RequirePhase(booking, "ended", "ended");
    }

    /// <summary>How the money of an ended ride stands when it is settled.</summary>
    public async Task<PaymentReply> SettledAsync(string token, CancellationToken ct)
    {
        RequirePhase((await client.WaitForPhaseAsync(token, Booking!.Value, "settled", ct)).Require("settled"), "settled", "settled");
        return (await client.GetPaymentAsync(token, Booking.Value, ct)).Require("payment");
    }

    /// <summary>Whether the ride has begun by now.</summary>
    public async Task<bool> IsRidingAsync(string token, CancellationToken ct) =>
        Booking is { } booking && (await client.GetBookingAsync(token, booking, ct)).Value?.Phase == "riding";

    /// <summary>A booking that led nowhere is cancelled, unless the platform has let go already.</summary>
    public async Task LetGoAsync(string token, CancellationToken ct)
    {
        if (Booking is { } booking)
            await client.ChangeBookingAsync(token, booking, "cancel", $"{key}-cancel", ct);
    }

    /// <summary>What was captured in minor units when the money has come to rest, however that was; null while it has not.</summary>
    /// <param name="token">The rider's.</param>
    /// <param name="ct">Gives up.</param>
    /// <param name="seconds">Of the machine, in which a rental that is not over is waited for.</param>
    public async Task<long?> CapturedAsync(string token, CancellationToken ct, int seconds = PatienceSeconds)
    {
        if (Booking is not { } booking)
            return 0;
        await client.WaitForPhaseAsync(token, booking, "settled", ct, seconds);
        return await client.GetPaymentAsync(token, booking, ct) switch
        {
            { Code: "payments.no_such_payment" } => 0,
            { Value: { Status: "settled" or "voided" or "declined" or "outstanding" } rests } => rests.Captured?.Amount ?? 0,
            _ => null,
        };
    }

    private static void RequirePhase(BookingReply booking, string phase, string step)
    {
        if (booking.Phase != phase)
            throw new RefusedException(step, $"phase.{booking.Phase}", booking.ReleaseReason is { } reason ? $"{reason} {booking.ReleaseDetail}" : null);
    }
}
