using Mobility.Twin.Replaying;

namespace Mobility.Tests.Twin;

public sealed class HourBookTests
{
    [Fact]
    public void A_ride_spends_its_time_in_each_hour_that_it_touches_on_the_city_s_clock()
    {
        var book = new HourBook(Tables.NewYork, []);
        book.Ride(Tables.At("08:50:00"), Tables.At("10:15:00"));
        book.ToList().Select(hour => (hour.Hour.Hour, hour.RiddenSeconds)).ShouldBe([(8, 600), (9, 3_600), (10, 900)]);
    }

    [Fact]
    public void Hours_in_which_nothing_happened_are_there_too()
    {
        var book = new HourBook(Tables.NewYork, []);
        book.Change(Tables.At("22:10:00"), hour => hour with { Trips = hour.Trips + 1 });
        book.Change(Tables.At("22:20:00"), hour => hour with { Trips = hour.Trips + 1 });
        book.Change(Tables.At("22:20:00").AddHours(3), hour => hour with { Failed = 1 });
        book.ToList().Select(hour => (hour.Hour, hour.Trips, hour.Failed)).ShouldBe(
        [
            (new DateTime(2021, 1, 15, 22, 0, 0), 2, 0), (new DateTime(2021, 1, 15, 23, 0, 0), 0, 0), (new DateTime(2021, 1, 16, 0, 0, 0), 0, 0),
            (new DateTime(2021, 1, 16, 1, 0, 0), 0, 1),
        ]);
    }

    [Fact]
    public void Utilization_is_ridden_time_of_the_time_that_all_bikes_had_in_that_hour_of_all_days()
    {
        var book = new HourBook(Tables.NewYork, []);
        book.Ride(Tables.At("08:00:00"), Tables.At("09:00:00"));
        book.Ride(Tables.At("08:30:00").AddDays(1), Tables.At("09:00:00").AddDays(1));
        var use = HourBook.Utilization(book.ToList(), bikes: 4);
        use[8].ShouldNotBeNull().ShouldBe(1.5 / (2 * 4), 1e-9); // two days, four bikes
        use[7].ShouldBe(0.0);
        HourBook.Utilization([new HourCount { Hour = new DateTime(2021, 1, 15, 8, 0, 0) }], bikes: 4)[9].ShouldBeNull();
    }

    [Fact]
    public void Nights_in_which_the_clocks_change_lose_no_time()
    {
        var book = new HourBook(Tables.NewYork, []);
        var spring = new DateTimeOffset(2021, 3, 14, 1, 30, 0, TimeSpan.FromHours(-5));
        var autumn = new DateTimeOffset(2021, 11, 7, 0, 30, 0, TimeSpan.FromHours(-4));
        book.Ride(spring, spring.AddHours(2));
        book.Ride(autumn, autumn.AddHours(3));
        book.ToList().Sum(hour => hour.RiddenSeconds).ShouldBe(5 * 3_600);
    }
}
