using Mobility.Geo;
using Mobility.Twin.Stage;

namespace Mobility.Twin.Living;

/// <summary>Somebody wants to go somewhere.</summary>
/// <param name="Number">From 1, in the order of time.</param>
/// <param name="At">When they look for a vehicle.</param>
/// <param name="Persona">Who they are.</param>
/// <param name="From">Where they stand.</param>
/// <param name="To">Where they want to go.</param>
/// <param name="FairPriceMinor">What they pay at most, see <see cref="Persona.FairPriceMinor"/>.</param>
internal sealed record Wish(long Number, DateTimeOffset At, Persona Persona, GeoPoint From, Place To, int FairPriceMinor);

/// <summary>
/// Who wants to go where, when: for each hour, persona and habit a number of wishes is drawn (Poisson) around riders × share × ways a day × the habit's share of the
/// hour × the weather, and spread over the hour. Depends on the seed, the city and the number of riders only, never on what the platform did: two policies meet
/// the same wishes. Learnt hours change how many ways an hour has; who goes, where to and in which weather is still the habits'.
/// </summary>
/// <param name="city">Where.</param>
/// <param name="seed">Of the run.</param>
/// <param name="riders">People who may want to ride.</param>
/// <param name="events">What changes an hour: storms, a stadium that empties.</param>
/// <param name="learnt">When people of a real city ride; null for the hours of the habits.</param>
internal sealed class DemandModel(CityOfPlaces city, int seed, int riders, CityEvents events, LearntHours? learnt = null)
{
    /// <summary>What the habits add up to in a week, for one rider.</summary>
    public static double WaysAWeek { get; } = Persona.All.Sum(p => p.Share * p.Habits.Sum(h => 5 * h.Weekday + 2 * h.Weekend));

    /// <summary>People look for a vehicle around the place where they are.</summary>
    private const double AroundMeters = 150;

    /// <summary>Colder than this fewer ride; at ten degrees less a third.</summary>
    private const double MildCelsius = 12;

    private const double CelsiusToAThird = 9;
    private const double StormShare = 0.1;
    private const double PriceDeviation = 0.25;

    /// <summary>All wishes from a time on, without end.</summary>
    public IEnumerable<Wish> From(DateTimeOffset start)
    {
        var number = 0L;
        var hour = new DateTimeOffset(start.UtcTicks - start.UtcTicks % TimeSpan.TicksPerHour, TimeSpan.Zero);
        for (; ; hour = hour.AddHours(1))
            foreach (var wish in OfHour(hour).Where(wish => wish.At >= start))
                yield return wish with { Number = ++number };
    }

    private double MeanOf(DateTimeOffset hour, Persona persona, Habit habit)
    {
        var local = TimeZoneInfo.ConvertTime(hour, city.Zone);
        var ways = WaysOf(local, persona, habit);
        if (learnt is not null)
            ways *= WaysAWeek * learnt.ShareAt(local) / Math.Max(Persona.All.Sum(p => p.Habits.Sum(h => WaysOf(local, p, h))), 1e-9);
        var weather = events.WeatherAt(hour, Weather.At(local.DateTime, seed));
        var mood = (weather.IsStorm ? StormShare : weather.IsWet ? persona.InRain : 1) * Math.Exp(Math.Min(0, weather.Celsius - MildCelsius) / CelsiusToAThird);
        return riders * ways * mood;
    }

    /// <summary>Of one rider, who is a bit of everybody, within an hour of mild weather.</summary>
    private static double WaysOf(DateTimeOffset local, Persona persona, Habit habit)
    {
        var isWeekend = local.DayOfWeek is DayOfWeek.Saturday or DayOfWeek.Sunday;
        return persona.Share * (isWeekend ? habit.Weekend : habit.Weekday) * ShareOfHour(local.Hour + 0.5, habit);
    }

    private static double ShareOfHour(double hour, Habit habit)
    {
        var apart = Math.Abs(hour - habit.PeakHour);
        apart = Math.Min(apart, 24 - apart);
        return Math.Exp(-apart * apart / (2 * habit.SpreadHours * habit.SpreadHours)) / (habit.SpreadHours * Math.Sqrt(2 * Math.PI));
    }

    private IEnumerable<Wish> OfHour(DateTimeOffset hour)
    {
        var wishes = new List<Wish>();
        var dice = Dice.Of(seed, "wishes", hour.UtcTicks);
        foreach (var persona in Persona.All)
            foreach (var habit in persona.Habits)
                for (var left = dice.Poisson(MeanOf(hour, persona, habit)); left > 0; left--)
                    wishes.Add(Draw(dice, persona, hour.AddSeconds(dice.Share() * 3600), city.PlaceFor(habit.From, dice), city.PlaceFor(habit.To, dice)));
        foreach (var (place, at) in events.CrowdsIn(hour, dice))
            wishes.Add(Draw(dice, dice.Pick(Persona.All, p => p.Share), at, place, city.PlaceFor(PlaceUse.Home, dice)));
        return wishes.OrderBy(wish => wish.At);
    }

    private static Wish Draw(Dice dice, Persona persona, DateTimeOffset at, Place from, Place to) => new(
        0, at, persona, from.Position.OffsetMeters(dice.Normal() * AroundMeters / 2, dice.Normal() * AroundMeters / 2), to,
        (int)(persona.FairPriceMinor * Math.Exp(PriceDeviation * dice.Normal())));
}
