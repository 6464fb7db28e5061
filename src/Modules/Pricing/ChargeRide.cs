using Mobility.Contracts;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;

namespace Mobility.Pricing;

/// <summary>A ride that ended, or a booking that nobody came for, gets its price: its own tariff snapshot applied to its own facts, once.</summary>
internal static class ChargeRide
{
    public static Task HandleEnded(RideEndedV1 e, Reaction reaction, CancellationToken ct) =>
        ChargeAsync(reaction.Work, e.Booking, e.Rider, e.City, e.Tariff, e.Usage, ct);

    public static Task HandleForfeited(BookingForfeitedV1 e, Reaction reaction, CancellationToken ct) =>
        ChargeAsync(reaction.Work, e.Booking, e.Rider, e.City, e.Tariff, e.Usage, ct);

    public static Task<Charge> Answer(ApplyTariff question, IServiceProvider services, CancellationToken ct)
    {
        _ = services;
        ct.ThrowIfCancellationRequested();
        return Task.FromResult(TariffCalculator.Apply(question.Tariff, question.Usage));
    }

    private static Task ChargeAsync(Work work, BookingId booking, AccountId rider, CityId city, Tariff tariff, RideUsage usage, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        var charge = TariffCalculator.Apply(tariff, usage);
        // No ON CONFLICT: a second charge of a booking is a broken law; the message is parked where people see it, and no money moves.
        work.Execute("""
            INSERT INTO charges (booking, rider, city, total, currency, tariff, usage, charge, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            """, booking.Value, rider.Value, city.Value, charge.Total.Amount, charge.Total.Currency.Code, Json.Of(tariff), Json.Of(usage), Json.Of(charge), work.Now);
        work.Publish(booking.Value, new RideChargedV1(booking, rider, city, charge, work.Now));
        return Task.CompletedTask;
    }
}
