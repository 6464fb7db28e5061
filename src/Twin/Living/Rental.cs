using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Twin.Client;

namespace Mobility.Twin.Living;

/// <summary>One rental as an app asks for it, step by step. What is refused is thrown with the step's name.</summary>
/// <param name="client">The platform.</param>
/// <param name="key">Unique for this rental; its requests may be repeated.</param>
internal sealed class Rental(PlatformClient client, string key)
{
    private BookingId? _booking;

    /// <summary>What it would cost.</summary>
    public async Task<QuoteReply> QuoteAsync(string token, VehicleId vehicle, (DateTimeOffset From, DateTimeOffset Until)? window, CancellationToken ct) =>
        (await client.QuoteAsync(token, vehicle, window, ct)).Require("quote");

    /// <summary>Reserves, confirms and unlocks: when this returns, the rider rides.</summary>
    /// <param name="token">The rider's.</param>
    /// <param name="quote">What was agreed.</param>
    /// <param name="seconds">Of the machine, until an unanswered step is given up.</param>
    /// <param name="ct">Gives up.</param>
    public async Task<BookingReply> TakeAsync(string token, QuoteReply quote, int seconds, CancellationToken ct)
    {
        var booking = (await client.ReserveAsync(token, quote.Id, $"{key}-reserve", ct)).Require("reserve");
        _booking = booking.Id;
        booking = (await client.ChangeBookingAsync(token, booking.Id, "confirm", $"{key}-confirm", ct)).Require("confirm");
        if (booking.Phase == "confirming")
            booking = (await client.WaitForPhaseAsync(token, booking.Id, "confirmed", ct, seconds)).Require("confirm");
        RequirePhase(booking, "confirmed", "confirm");
        (await client.ChangeBookingAsync(token, booking.Id, "unlock", $"{key}-unlock", ct)).Require("unlock");
        booking = (await client.WaitForPhaseAsync(token, booking.Id, "riding", ct, seconds)).Require("riding");
        RequirePhase(booking, "riding", "riding");
        return booking;
    }

    /// <summary>Ends the ride; returns how the money stands when it is settled.</summary>
    public async Task<PaymentReply> GiveBackAsync(string token, GeoPoint position, CancellationToken ct)
    {
        (await client.EndAsync(token, _booking!.Value, position, $"{key}-end", ct)).Require("end");
        RequirePhase((await client.WaitForPhaseAsync(token, _booking.Value, "settled", ct)).Require("settled"), "settled", "settled");
        return (await client.GetPaymentAsync(token, _booking.Value, ct)).Require("payment");
    }

    /// <summary>Whether the ride has begun by now.</summary>
    public async Task<bool> IsRidingAsync(string token, CancellationToken ct) =>
        _booking is { } booking && (await client.GetBookingAsync(token, booking, ct)).Value?.Phase == "riding";

    /// <summary>A booking that led nowhere is cancelled, unless the platform has let go already. Returns what was captured all the same, in minor units.</summary>
    public async Task<long> LetGoAsync(string token, CancellationToken ct)
    {
        if (_booking is not { } booking)
            return 0;
        await client.ChangeBookingAsync(token, booking, "cancel", $"{key}-cancel", ct);
        var payment = await client.GetPaymentAsync(token, booking, ct);
        return payment.Value?.Captured?.Amount ?? 0;
    }

    private static void RequirePhase(BookingReply booking, string phase, string step)
    {
        if (booking.Phase != phase)
            throw new RefusedException(step, $"phase.{booking.Phase}", booking.ReleaseReason is { } reason ? $"{reason} {booking.ReleaseDetail}" : null);
    }
}
