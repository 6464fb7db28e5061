using Mobility.Contracts;
using Mobility.Twin.Replaying;
using Mobility.Twin.Trips;

namespace Mobility.Tests.Twin;

public sealed class TripSurveyTests
{
    [Fact]
    public void Rows_are_counted_rejected_ones_by_reason_and_listed_up_to_a_limit()
    {
        var bad = Enumerable.Range(0, 1_050).Select(_ => Tables.Old(start: "never"));
        var (survey, _) = Take(null, [Tables.OldHeader, Tables.Old(), .. bad, Tables.Old(stop: "2021-01-15 07:00:00")]);
        survey.Rows.ShouldBe(1_052);
        survey.Trips.ShouldBe(1);
        survey.Rejected.ShouldBe(new Dictionary<string, long> { ["start_unreadable"] = 1_050, ["ends_before_start"] = 1 }, ignoreOrder: true);
        survey.Listed.Count.ShouldBe(TripSurvey.ListedMax);
        survey.Listed[0].Line.ShouldBe(3);
        survey.Listed[0].Reason.ShouldContain("never");
    }

    [Fact]
    public void Trips_come_back_in_the_order_of_their_begin_whatever_the_order_of_the_file()
    {
        var rows = new[] { "2021-02-03 10:00:00", "2021-02-01 09:00:00", "2021-02-03 08:00:00", "2021-02-02 23:59:59", "2021-02-03 08:00:00" }
            .Select(start => Tables.New(start, start[..10] == "2021-02-02" ? "2021-02-03 00:05:00" : start[..11] + "11:00:00"));
        var (_, trips) = Take(null, [Tables.NewHeader, .. rows]);
        trips.Select(trip => trip.Line).ShouldBe([3, 5, 4, 6, 2]);
        trips.Select(trip => trip.Start).ShouldBeInOrder();
    }

    [Theory]
    [InlineData("2021-01-16", 2)]
    [InlineData("16", 2)]
    [InlineData("15", 1)]
    public void One_day_is_chosen_by_its_date_or_by_its_number_on_the_city_s_calendar(string day, int expected)
    {
        var (survey, trips) = Take(DayChoice.Parse(day), [Tables.OldHeader,
            Tables.Old("2021-01-15 23:30:00", "2021-01-16 00:10:00", "2400"),
            Tables.Old("2021-01-16 00:30:00", "2021-01-16 00:40:00"),
            Tables.Old("2021-01-16 23:59:00", "2021-01-17 00:09:00"),
            Tables.Old("2021-02-16 12:00:00", "2021-02-16 12:10:00")]);
        survey.Rows.ShouldBe(4);
        survey.Trips.ShouldBe(expected);
        trips.Count.ShouldBe(expected);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("32")]
    [InlineData("2021-1-5")]
    [InlineData("tomorrow")]
    [InlineData("")]
    public void Another_word_is_no_day(string text) => DayChoice.Parse(text).ShouldBeNull();

    [Fact]
    public void Files_without_a_trip_are_an_error_that_tells_why()
    {
        var refusal = Should.Throw<TripFileException>(() => Take(null, [Tables.OldHeader, Tables.Old(start: "never"), Tables.Old(start: "later")]));
        refusal.Message.ShouldContain("2 rows, all rejected");
        refusal.Message.ShouldContain("line 2");
        (refusal.Rows, refusal.Rejected).ShouldBe((2, 2));
        Should.Throw<TripFileException>(() => Take(DayChoice.Parse("17"), [Tables.OldHeader, Tables.Old()])).Message.ShouldContain("17");
    }

    [Theory]
    [InlineData("")]
    [InlineData("never")]
    public void A_file_without_a_trip_is_an_error_beside_a_good_one_too(string start)
    {
        using var good = new TemporaryFile(Tables.Text(Tables.OldHeader, Tables.Old()));
        using var bad = new TemporaryFile(Tables.Text(start == "" ? [Tables.OldHeader] : [Tables.OldHeader, Tables.Old(start: start)]));
        using var spool = new TripSpool(good.Sibling("spool"));
        Should.Throw<TripFileException>(() => TripSurvey.Take([good.Path, bad.Path], null, Tables.NewYork, spool, new Progress<long>(), CancellationToken.None))
            .Message.ShouldStartWith(bad.Path);
    }

    [Fact]
    public void The_busiest_minute_and_the_departures_of_each_station_are_known()
    {
        var (survey, _) = Take(null, [Tables.OldHeader,
            Tables.Old("2021-01-15 08:00:00", "2021-01-15 08:10:00"),
            Tables.Old("2021-01-15 08:05:00", "2021-01-15 08:15:00"),
            Tables.Old("2021-01-15 08:10:30", "2021-01-15 08:20:30"),
            Tables.Old("2021-01-15 09:00:00", "2021-01-15 09:10:00")]);
        survey.PeakUnderWay.ShouldBe(3); // the first rider arrives in the minute in which the third begins
        survey.Stations.Select(station => (station.Name, station.Departures)).ShouldBe([("3209", 0), ("3273", 4)]);
        survey.FirstStart.ShouldBe(new DateTimeOffset(2021, 1, 15, 13, 0, 0, TimeSpan.Zero));
    }

    [Fact]
    public void The_city_of_a_file_has_its_stations_inside_the_operating_area_and_bikes_where_trips_begin()
    {
        var (survey, _) = Take(null, [Tables.OldHeader, Tables.Old(), Tables.Old("2021-01-15 08:01:00", "2021-01-15 08:11:00")]);
        var city = ReplayCity.Build(survey, "secret-of-the-crew");
        city.Bays.Length.ShouldBe(2);
        city.Bays.ShouldAllBe(bay => city.Zones[0].Area.Contains(bay.Position) && TextId.IsValid(bay.Id.Value));
        city.Fleet.Length.ShouldBe((int)(2 * ReplayCity.BikesPerPeakRider));
        city.Fleet.ShouldAllBe(bike => bike.Position == survey.Stations[1].Position && TextId.IsValid(bike.Label));
        city.Fleet.Select(bike => bike.Label).ShouldBeUnique();
        city.OpeningRules.ShouldHaveSingleItem().IsOpenAt(new DateTime(2021, 1, 16, 3, 0, 0)).ShouldBeTrue();
    }

    private static (TripSurvey Survey, IReadOnlyList<Trip> Trips) Take(DayChoice? day, string[] lines)
    {
        using var file = new TemporaryFile(Tables.Text(lines));
        using var spool = new TripSpool(file.Sibling("spool"));
        var survey = TripSurvey.Take([file.Path], day, Tables.NewYork, spool, new Progress<long>(), CancellationToken.None);
        return (survey, [.. spool.Read()]);
    }
}
