using Mobility.Twin.Stage;

namespace Mobility.Twin.Living;

/// <summary>One hour's weather.</summary>
/// <param name="Celsius">Air temperature.</param>
/// <param name="IsWet">Rain or snow.</param>
/// <param name="IsStorm">Nobody rides who need not.</param>
public readonly record struct Weather(double Celsius, bool IsWet, bool IsStorm)
{
    private const double YearMeanCelsius = 10;
    private const double SeasonSwingCelsius = 10;
    private const double DaySwingCelsius = 4;
    private const double DayNoiseCelsius = 3;
    private const double WetDayShare = 0.35;
    private const double WetHourShare = 0.5;
    private const int ColdestDay = 20; // of the year
    private const int WarmestHour = 15;

    /// <summary>
    /// The weather of an hour, the same for the same seed: a season, warm afternoons, days that are warmer or colder, and rain in half the hours of every third day.
    /// </summary>
    /// <param name="local">The hour on the city's clock.</param>
    /// <param name="seed">Of the run.</param>
    public static Weather At(DateTime local, int seed)
    {
        var day = Dice.Of(seed, "weather", local.Date.Ticks);
        var (noise, isWetDay) = (day.Normal() * DayNoiseCelsius, day.Chance(WetDayShare));
        var season = -SeasonSwingCelsius * Math.Cos(2 * Math.PI * (local.DayOfYear - ColdestDay) / 365.0);
        var hour = DaySwingCelsius * Math.Cos(2 * Math.PI * (local.Hour - WarmestHour) / 24.0);
        return new Weather(YearMeanCelsius + season + hour + noise, isWetDay && Dice.Of(seed, "rain", local.Date.AddHours(local.Hour).Ticks).Chance(WetHourShare), false);
    }
}
