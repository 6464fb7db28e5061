using Mobility.Host.Packs;
using Mobility.Tests.Support;
using Mobility.Twin.Living;
using Mobility.Twin.Stage;
using Mobility.Twin.Trips;

namespace Mobility.Tests.Living;

public sealed class DemandModelTests
{
    private const int Riders = 2_000;
    private static readonly DateTimeOffset Monday = new(2026, 6, 7, 22, 0, 0, TimeSpan.Zero); // midnight in the demo city
    private static readonly CityOfPlaces City = new(CityPackReader.Read(Path.Combine(Repository.Root, "packs", "demo")).Pack!, 1);

    [Fact]
    public void The_same_seed_wishes_the_same_and_another_does_not()
    {
        Day(Model()).ShouldBe(Day(Model()));
        Day(Model(seed: 2)).ShouldNotBe(Day(Model()));
    }

    [Fact]
    public void What_a_day_wishes_does_not_depend_on_when_the_run_began()
    {
        var whole = Day(Model()).Select(wish => wish with { Number = 0 });
        var fromNoon = Model().From(Monday.AddHours(12)).TakeWhile(wish => wish.At < Monday.AddDays(1)).Select(wish => wish with { Number = 0 });
        whole.Where(wish => wish.At >= Monday.AddHours(12)).ShouldBe(fromNoon);
    }

    [Fact]
    public void Commuters_go_in_the_morning_and_nobody_much_goes_at_four()
    {
        var commuters = Day(Model()).Where(wish => wish.Persona.Name == "commuter").ToLookup(wish => (wish.At - Monday).Hours);
        commuters[8].Count().ShouldBeGreaterThan(5 * Math.Max(1, commuters[4].Count()));
        commuters[8].Count().ShouldBeGreaterThan(commuters[11].Count());
        commuters[17].Count().ShouldBeGreaterThan(commuters[14].Count());
    }

    [Fact]
    public void A_storm_keeps_people_at_home_and_a_stadium_sends_them_away_from_one_place()
    {
        var (ordinary, storm, stadium) = (Day(Model()), Day(Model(storm: true)), Day(Model(stadium: true)));
        InHours(storm, 15, 18).ShouldBeLessThan(InHours(ordinary, 15, 18) / 2);
        InHours(storm, 6, 15).ShouldBe(InHours(ordinary, 6, 15));
        (InHours(stadium, 22, 23) - InHours(ordinary, 22, 23)).ShouldBeInRange(Riders / 10, Riders / 5);
    }

    [Fact]
    public void Hours_that_were_learnt_are_met()
    {
        var shares = new double[LearntHours.Count];
        shares[3] = 1; // everybody on Monday at three
        var week = Model(learnt: new LearntHours { Shares = [.. shares], TripsAWeek = 1 }).From(Monday).TakeWhile(wish => wish.At < Monday.AddDays(7)).ToArray();
        week.ShouldAllBe(wish => wish.At >= Monday.AddHours(3) && wish.At < Monday.AddHours(4));
        week.Length.ShouldBeGreaterThan(Riders);
    }

    [Fact]
    public void Learnt_hours_leave_it_to_the_habits_who_goes_and_to_the_weather_how_many()
    {
        var like = LearntHours.From(Enumerable.Range(0, LearntHours.Count).Select(hour => TripAt(Monday.AddHours(hour))), City.Zone);
        var (own, learnt, storm) = (Day(Model()), Day(Model(learnt: like)), Day(Model(storm: true, learnt: like)));
        InHours(storm, 15, 18).ShouldBeLessThan(InHours(learnt, 15, 18) / 2);
        ShareOf("parent_with_van", learnt, 14).ShouldBe(ShareOf("parent_with_van", own, 14), 0.08);
        ShareOf("tourist", learnt, 14).ShouldBe(ShareOf("tourist", own, 14), 0.15);
        ShareOf("commuter", learnt, 8).ShouldBeGreaterThan(0.7);
    }

    [Fact]
    public void A_weekday_that_a_file_has_more_often_counts_no_more_for_it()
    {
        // 30 days that begin on a Monday: five Mondays and Tuesdays, four of the others, each with a trip at eight, the Sundays with two.
        var trips = Enumerable.Range(0, 30).SelectMany(day => Enumerable.Repeat(TripAt(Monday.AddDays(day).AddHours(8)), day % 7 == 6 ? 2 : 1)).ToArray();
        var learnt = LearntHours.From(trips, City.Zone);
        learnt.TripsAWeek.ShouldBe(8, 1e-9);
        learnt.Shares[8].ShouldBe(1 / 8.0, 1e-9);
        learnt.Shares[2 * 24 + 8].ShouldBe(1 / 8.0, 1e-9);
        learnt.Shares[6 * 24 + 8].ShouldBe(2 / 8.0, 1e-9);
        learnt.Shares.Sum().ShouldBe(1, 1e-9);
        learnt.Riders.ShouldBe(1); // two ways or more a week each
        LearntHours.From(trips.SelectMany(trip => Enumerable.Repeat(trip, 1_000)), City.Zone).Riders.ShouldBe((int)Math.Round(8_000 / DemandModel.WaysAWeek));
    }

    [Fact]
    public void The_shares_of_personas_add_up() => Persona.All.Sum(persona => persona.Share).ShouldBe(1, 1e-9);

    [Fact]
    public void Dice_fall_as_they_fell() // else records of earlier runs could not be compared
    {
        Dice.Of(1, "test", 2).Below(1_000_000).ShouldBe(Dice.Of(1, "test", 2).Below(1_000_000));
        Enumerable.Range(0, 4_000).Select(number => (double)Dice.Of(1, "mean", number).Poisson(3)).Average().ShouldBe(3, 0.15);
        Enumerable.Range(0, 4_000).Select(number => Dice.Of(1, "normal", number).Normal()).Average().ShouldBe(0, 0.08);
    }

    private static DemandModel Model(int seed = 1, bool storm = false, bool stadium = false, LearntHours? learnt = null) =>
        new(City, seed, Riders, new CityEvents(City, seed, storm, stadium, Riders), learnt);

    private static double ShareOf(string persona, Wish[] wishes, int hour)
    {
        var at = wishes.Where(wish => (wish.At - Monday).Hours == hour).ToArray();
        return (double)at.Count(wish => wish.Persona.Name == persona) / at.Length;
    }

    private static Trip TripAt(DateTimeOffset start) =>
        new(start, start.AddMinutes(10), "a", default, "b", default, DateOnly.FromDateTime(start.Date), "trips.csv", 1);

    private static Wish[] Day(DemandModel model) => [.. model.From(Monday).TakeWhile(wish => wish.At < Monday.AddDays(1))];

    private static int InHours(Wish[] wishes, int from, int until) => wishes.Count(wish => wish.At >= Monday.AddHours(from) && wish.At < Monday.AddHours(until));
}
