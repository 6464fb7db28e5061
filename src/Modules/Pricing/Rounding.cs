namespace Mobility.Pricing;

/// <summary>
/// The one place where money and quantities are rounded; integers only.
/// <list type="bullet">
/// <item>Time and distance: up, to begun units ("every begun minute"). Instants are compared to the full tick (100 ns) of the vehicle's clock.</item>
/// <item>VAT contained in an amount: half away from zero, to the minor unit (commercial rounding); the net amount is what is left, so both add up.</item>
/// </list>
/// </summary>
internal static class Rounding
{
    /// <summary>Units of <paramref name="unit"/> that have begun in <paramref name="amount"/>; none for zero or less.</summary>
    public static long Begun(long amount, long unit) => amount <= 0 ? 0 : (amount - 1) / unit + 1;

    /// <summary>Minutes that have begun.</summary>
    public static long BegunMinutes(TimeSpan time) => Begun(time.Ticks, TimeSpan.TicksPerMinute);

    /// <summary>Kilometers that have begun.</summary>
    public static long BegunKilometers(long meters) => Begun(meters, TariffCalculator.MetersPerKilometer);

    /// <summary>The VAT inside an amount of zero or more: total × rate / (1 + rate), half away from zero.</summary>
    public static long VatWithin(long total, int vatBasisPoints)
    {
        Int128 divisor = 10_000 + vatBasisPoints;
        return (long)((2 * (Int128)total * vatBasisPoints + divisor) / (2 * divisor));
    }
}
