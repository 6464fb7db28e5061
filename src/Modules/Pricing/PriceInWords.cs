using Mobility.Contracts;
using Mobility.Platform;

namespace Mobility.Pricing;

/// <summary>A tariff in short sentences for the rider.</summary>
internal static class PriceInWords
{
    public static IReadOnlyList<string> Of(Tariff tariff)
    {
        var words = new List<string>();
        void Say(long? amount, Func<Money, string> sentence)
        {
            if (amount is > 0)
                words.Add(sentence(new Money(amount.Value, tariff.Currency)));
        }

        Say(tariff.UnlockFee, price => $"{price} to unlock");
        foreach (var step in tariff.PerMinute)
            Say(step.Rate, price => Segment(step, price, "minute"));
        foreach (var step in tariff.PerKilometer)
            Say(step.Rate, price => Segment(step, price, "kilometer"));
        Say(tariff.PauseRatePerMinute, price => $"{price} per begun minute of a pause");
        Say(tariff.ReservationFeePerMinute, price => $"{price} per begun minute of reservation");
        Say(tariff.DayPrice, price => $"at most {price} for the time of 24 hours");
        Say(tariff.MinimumCharge, price => $"at least {price}");
        Say(tariff.MaximumCharge, price => $"at most {price} altogether");
        Say(tariff.OvertimeRatePerMinute, price => $"{price} more per begun minute after the end of the booked time");
        Say(tariff.NoShowFee, price => $"{price} if nobody comes");
        words.Add(FormattableString.Invariant($"{tariff.VatBasisPoints / 100m:0.##} % VAT included"));
        return words;
    }

    private static string Segment(PriceStep step, Money price, string unit)
    {
        var every = step.Interval switch
        {
            0 => $"{price} once",
            1 => $"{price} per begun {unit}",
            _ => $"{price} per begun {step.Interval} {unit}s",
        };
        return (step.Start, step.End) switch
        {
            (0, null) => every,
            (0, { } end) => $"{every} until {unit} {end}",
            (var start, null) => $"{every} from {unit} {start} on",
            var (start, end) => $"{every} from {unit} {start} until {end}",
        };
    }
}
