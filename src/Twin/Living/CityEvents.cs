using Mobility.Twin.Stage;

namespace Mobility.Twin.Living;

/// <summary>What is out of the ordinary in a city: a storm in the afternoon, a stadium that empties in the evening.</summary>
internal sealed class CityEvents(CityOfPlaces city, int seed, bool hasStorm, bool hasStadium, int riders)
{
    private const int StormFromHour = 15;
    private const int StormUntilHour = 18;
    private const int StadiumEmptiesAtHour = 22;

    /// <summary>Of all riders, those who were at the game; they leave within twenty minutes.</summary>
    private const double StadiumShare = 0.15;

    private const int StadiumMinutes = 20;

    /// <summary>The weather with the storm.</summary>
    public Weather WeatherAt(DateTimeOffset hour, Weather ordinary) =>
        hasStorm && TimeZoneInfo.ConvertTime(hour, city.Zone).Hour is >= StormFromHour and < StormUntilHour ? ordinary with { IsWet = true, IsStorm = true } : ordinary;

    /// <summary>Who leaves a crowd within an hour, from where and when.</summary>
    public IEnumerable<(Place From, DateTimeOffset At)> CrowdsIn(DateTimeOffset hour, Dice dice)
    {
        if (!hasStadium || TimeZoneInfo.ConvertTime(hour, city.Zone).Hour != StadiumEmptiesAtHour)
            yield break;
        var stadium = city.Places[Dice.Of(seed, "stadium").Below(city.Places.Count)];
        for (var left = dice.Poisson(riders * StadiumShare); left > 0; left--)
            yield return (stadium, hour.AddMinutes(dice.Share() * StadiumMinutes));
    }
}
