using System.Collections.Immutable;
using FsCheck;
using FsCheck.Fluent;
using Mobility.Contracts;
using Mobility.Pricing;

namespace Mobility.Tests.Pricing;

/// <summary>What holds for every tariff and every ride. A failure prints its seed.</summary>
public sealed class TariffCalculatorProperties
{
    private static readonly DateTimeOffset Start = new(2026, 6, 1, 8, 0, 0, TimeSpan.Zero);

    [Fact, Trait("Req", "PAY-1")]
    public void The_lines_add_up_and_the_total_is_never_negative() => Check((tariff, usage) =>
    {
        var charge = TariffCalculator.Apply(tariff, usage);
        return charge.Lines.Sum(line => line.Amount.Amount) == charge.Total.Amount && charge.Total.Amount >= 0;
    });

    [Fact]
    public void Net_and_VAT_add_up_to_the_total() => Check((tariff, usage) =>
    {
        var charge = TariffCalculator.Apply(tariff, usage);
        // The exact tax is total × rate / (10000 + rate); ours is off by half a unit at most.
        var twiceOff = Int128.Abs(2 * ((Int128)charge.Vat.Amount * (10_000 + tariff.VatBasisPoints) - (Int128)charge.Total.Amount * tariff.VatBasisPoints));
        return charge.Net + charge.Vat == charge.Total && charge.Vat.Amount >= 0 && charge.Net.Amount >= 0 && twiceOff <= 10_000 + tariff.VatBasisPoints;
    });

    [Fact, Trait("Req", "PAY-1")]
    public void A_longer_ride_is_never_cheaper() => Check((tariff, usage) =>
        TariffCalculator.Apply(tariff, usage).Total <= TariffCalculator.Apply(tariff, usage with { EndedAt = usage.EndedAt + TimeSpan.FromSeconds(usage.DistanceMeters) }).Total);

    [Fact]
    public void A_farther_ride_is_never_cheaper() => Check((tariff, usage) =>
        TariffCalculator.Apply(tariff, usage).Total <= TariffCalculator.Apply(tariff, usage with { DistanceMeters = usage.DistanceMeters + 1_234 }).Total);

    [Fact]
    public void Minimum_and_maximum_are_kept() => Check((tariff, usage) =>
    {
        var total = TariffCalculator.Apply(tariff, usage).Total.Amount;
        return total >= tariff.MinimumCharge && (tariff.MaximumCharge is not { } max || total <= max);
    });

    [Fact]
    public void The_time_of_each_begun_day_costs_at_most_the_day_price() => Check((tariff, usage) =>
    {
        var timeOnly = tariff with
        {
            UnlockFee = 0,
            PerKilometer = [],
            ReservationFeePerMinute = 0,
            OvertimeRatePerMinute = 0,
            MinimumCharge = 0,
            MaximumCharge = null,
            DayPrice = tariff.DayPrice ?? 2_500,
        };
        var days = Rounding.Begun((usage.EndedAt - usage.StartedAt)!.Value.Ticks, TimeSpan.TicksPerDay);
        return TariffCalculator.Apply(timeOnly, usage).Total.Amount <= days * timeOnly.DayPrice;
    });

    [Fact]
    public void A_ride_of_no_length_costs_the_unlock_or_the_minimum() => Check((tariff, usage) =>
    {
        var nothing = new RideUsage(Start, Start, Start, [], 0, null, NoShow: false);
        var expected = Math.Max(tariff.UnlockFee, tariff.MinimumCharge);
        return TariffCalculator.Apply(tariff, nothing).Total.Amount == Math.Min(expected, tariff.MaximumCharge ?? long.MaxValue);
    });

    [Fact]
    public void A_pause_at_the_riding_rate_changes_a_flat_price_by_one_begun_minute_at_most() => Check((tariff, usage) =>
    {
        var flat = tariff with { PerMinute = [new PriceStep(0, 20, 1, null)], PauseRatePerMinute = 20, DayPrice = null, MaximumCharge = null };
        var with = TariffCalculator.Apply(flat, usage).Total.Amount;
        var without = TariffCalculator.Apply(flat, usage with { Pauses = [] }).Total.Amount;
        return with - without is >= -20 and <= 20; // the minimum may hide it
    });

    private static void Check(Func<Tariff, RideUsage, bool> holds) =>
        Prop.ForAll(Arb.From(Tariffs().Zip(Usages())), pair => holds(pair.Item1, pair.Item2)).Check(Config.QuickThrowOnFailure.WithMaxTest(500));

    private static Gen<ImmutableArray<PriceStep>> Steps() =>
        (from start in Gen.Choose(0, 90)
         from rate in Gen.Choose(0, 500)
         from interval in Gen.Choose(0, 30)
         from length in Gen.Choose(0, 120)
         select new PriceStep(start, rate, interval, length == 0 ? null : start + length))
        .ListOf().Where(list => list.Count <= 4).Select(list => list.ToImmutableArray());

    private static Gen<Tariff> Tariffs() =>
        from unlock in Gen.Choose(0, 500)
        from minutes in Steps()
        from kilometers in Steps()
        from pause in Gen.Choose(0, 50)
        from reservation in Gen.Choose(0, 20)
        from overtime in Gen.Choose(0, 100)
        from day in Gen.Choose(-1, 9_000)
        from minimum in Gen.Choose(0, 300)
        from maximum in Gen.Choose(-1, 50_000)
        from vat in Gen.Choose(0, 2_700)
        select TariffCalculatorTests.Scooter with
        {
            UnlockFee = unlock,
            PerMinute = minutes,
            PerKilometer = kilometers,
            PauseRatePerMinute = pause,
            ReservationFeePerMinute = reservation,
            OvertimeRatePerMinute = overtime,
            DayPrice = day < 0 ? null : day,
            MinimumCharge = minimum,
            MaximumCharge = maximum < minimum ? null : maximum,
            VatBasisPoints = vat,
        };

    private static Gen<RideUsage> Usages() =>
        from waited in Gen.Choose(0, 3_600)
        from seconds in Gen.Choose(0, 3 * 86_400)
        from pausedFrom in Gen.Choose(0, seconds)
        from pausedFor in Gen.Choose(0, seconds - pausedFrom)
        from meters in Gen.Choose(0, 200_000)
        from window in Gen.Choose(-1, 86_400)
        select new RideUsage(Start.AddSeconds(-waited), Start, Start.AddSeconds(seconds),
            [new RidePause(Start.AddSeconds(pausedFrom), Start.AddSeconds(pausedFrom + pausedFor))], meters, window < 0 ? null : Start.AddSeconds(window), NoShow: false);
}
