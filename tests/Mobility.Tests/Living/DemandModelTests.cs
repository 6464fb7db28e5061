using Mobility.Host.Packs;
using Mobility.Tests.Support;
using Mobility.Twin.Living;

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
        var learnt = new double[LearntHours.Count];
        learnt[3] = 1; // everybody on Monday at three
        var week = Model(learnt: learnt).From(Monday).TakeWhile(wish => wish.At < Monday.AddDays(7)).ToArray();
        week.ShouldAllBe(wish => wish.At >= Monday.AddHours(3) && wish.At < Monday.AddHours(4));
        week.Length.ShouldBeGreaterThan(Riders);
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

    private static DemandModel Model(int seed = 1, bool storm = false, bool stadium = false, IReadOnlyList<double>? learnt = null) =>
        new(City, seed, Riders, new CityEvents(City, seed, storm, stadium, Riders), learnt);

    private static Wish[] Day(DemandModel model) => [.. model.From(Monday).TakeWhile(wish => wish.At < Monday.AddDays(1))];

    private static int InHours(Wish[] wishes, int from, int until) => wishes.Count(wish => wish.At >= Monday.AddHours(from) && wish.At < Monday.AddHours(until));
}
