using Mobility.Contracts;
using Mobility.Platform;

namespace Mobility.Pricing;

/// <summary>
/// What a tariff makes of a ride. Pure, integer arithmetic only, all rounding in <see cref="Rounding"/>.
/// 1. Nobody came: the no-show fee and nothing else.
/// 2. Time: GBFS 3 segments over the riding time (pauses left out), and the pause rate; of every 24 hours since the start at most the day price.
/// 3. Distance: GBFS 3 segments over the kilometers.
/// 4. Unlock fee, reservation fee, overtime.
/// 5. At least the minimum charge, at most the maximum charge, as lines of their own, so that the lines add up to the total.
/// 6. VAT is contained in the total.
/// </summary>
internal static class TariffCalculator
{
    public const long MetersPerKilometer = 1_000;
    private static readonly TimeSpan Day = TimeSpan.FromHours(24);

    public static Charge Apply(Tariff tariff, RideUsage usage)
    {
        var lines = new List<ChargeLine>();
        void Add(string code, string description, long quantity, string unit, long amount)
        {
            if (amount != 0)
                lines.Add(new ChargeLine(code, description, quantity, unit, new Money(amount, tariff.Currency)));
        }

        if (usage.NoShow)
            Add("no_show", "Reserved but not used", 1, "piece", tariff.NoShowFee);
        else if (usage.StartedAt is { } started)
        {
            var ended = usage.EndedAt > started ? usage.EndedAt.Value : started; // a running ride has used no time yet; two clocks never make it negative
            var time = TimePrice.Of(tariff, started, ended, usage.Pauses);
            Add("unlock", "Unlocking", 1, "piece", tariff.UnlockFee);
            Add("reservation", "Reservation", Rounding.BegunMinutes(started - usage.ReservedAt), "minute",
                checked(Rounding.BegunMinutes(started - usage.ReservedAt) * tariff.ReservationFeePerMinute));
            Add("time", "Riding time", time.RidingMinutes, "minute", time.Riding);
            Add("pause", "Paused time", time.PauseMinutes, "minute", time.Pause);
            Add("cap", "Day price reached", 1, "piece", -time.AboveDayPrice);
            Add("distance", "Distance", Rounding.BegunKilometers(usage.DistanceMeters), "kilometer",
                Segments(tariff.PerKilometer, Math.Max(0, usage.DistanceMeters), MetersPerKilometer));
            if (usage.WindowEnd is { } windowEnd)
            {
                var overtime = Rounding.BegunMinutes(ended - (windowEnd > started ? windowEnd : started));
                Add("overtime", "Returned late", overtime, "minute", checked(overtime * tariff.OvertimeRatePerMinute));
            }
            var sum = Sum(lines);
            if (sum < tariff.MinimumCharge)
                Add("minimum", "Minimum charge", 1, "piece", tariff.MinimumCharge - sum);
            else if (sum > tariff.MaximumCharge)
                Add("cap", "Maximum charge reached", 1, "piece", tariff.MaximumCharge.Value - sum);
        }
        var total = Sum(lines);
        var vat = Rounding.VatWithin(total, tariff.VatBasisPoints);
        return new Charge(lines, new Money(total, tariff.Currency), new Money(total - vat, tariff.Currency), new Money(vat, tariff.Currency), tariff.VatBasisPoints);
    }

    /// <summary>
    /// GBFS 3 segments (system_pricing_plans.json, per_min_pricing and per_km_pricing): from start (inclusive) to end (exclusive) the rate is due for every
    /// interval that has begun; an interval of 0 is due once; segments that overlap add up.
    /// </summary>
    /// <param name="segments">The segments.</param>
    /// <param name="used">Ticks or meters, 0 or more.</param>
    /// <param name="unit">Ticks of a minute or meters of a kilometer.</param>
    public static long Segments(IReadOnlyList<PriceStep> segments, long used, long unit)
    {
        long sum = 0;
        foreach (var segment in segments)
        {
            var until = segment.End is { } end ? Math.Min(used, checked(end * unit)) : used;
            var within = until - checked(segment.Start * unit);
            var times = segment.Interval == 0 ? Math.Min(1, Rounding.Begun(within, unit)) : Rounding.Begun(within, checked(segment.Interval * unit));
            sum = checked(sum + times * segment.Rate);
        }
        return sum;
    }

    private static long Sum(List<ChargeLine> lines) => lines.Sum(line => line.Amount.Amount);

    /// <summary>The price of the time between two instants: riding and pauses, and what of it lies above the day price.</summary>
    private readonly record struct TimePrice(long RidingMinutes, long Riding, long PauseMinutes, long Pause, long AboveDayPrice)
    {
        public static TimePrice Of(Tariff tariff, DateTimeOffset started, DateTimeOffset ended, IReadOnlyList<RidePause> pauses)
        {
            long above = 0;
            if (tariff.DayPrice is { } dayPrice)
            {
                long before = 0;
                for (var from = started; from < ended;)
                {
                    var until = ended - from > Day ? from + Day : ended;
                    var (_, riding, _, pause) = Until(tariff, started, until, pauses);
                    above = checked(above + Math.Max(0, riding + pause - before - dayPrice));
                    (before, from) = (riding + pause, until);
                }
            }
            var (ridingMinutes, allRiding, pauseMinutes, allPause) = Until(tariff, started, ended, pauses);
            return new TimePrice(ridingMinutes, allRiding, pauseMinutes, allPause, above);
        }

        private static (long RidingMinutes, long Riding, long PauseMinutes, long Pause) Until(
            Tariff tariff, DateTimeOffset started, DateTimeOffset until, IReadOnlyList<RidePause> pauses)
        {
            var paused = TimeSpan.Zero;
            foreach (var pause in pauses)
            {
                var from = pause.From > started ? pause.From : started;
                var to = pause.Until < until ? pause.Until : until;
                if (to > from)
                    paused += to - from;
            }
            var riding = until - started - paused;
            var pauseMinutes = Rounding.BegunMinutes(paused);
            return (Rounding.BegunMinutes(riding), Segments(tariff.PerMinute, Math.Max(0, riding.Ticks), TimeSpan.TicksPerMinute), pauseMinutes,
                checked(pauseMinutes * tariff.PauseRatePerMinute));
        }
    }
}
