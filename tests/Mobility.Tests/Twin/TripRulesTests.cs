namespace Mobility.Tests.Twin;

public sealed class TripRulesTests
{
    [Theory]
    [InlineData("start_unreadable", "soon", "2021-01-15 08:10:00", "600")]
    [InlineData("start_unreadable", "", "2021-01-15 08:10:00", "600")]
    [InlineData("start_unreadable", "2021-02-30 08:00:00", "2021-01-15 08:10:00", "600")]
    [InlineData("end_unreadable", "2021-01-15 08:00:00", "25:99", "600")]
    [InlineData("ends_before_start", "2021-01-15 08:00:00", "2021-01-15 07:59:59", "600")]
    [InlineData("no_time_passes", "2021-01-15 08:00:00", "2021-01-15 08:00:00", "0")]
    [InlineData("too_long", "2021-01-15 08:00:00", "2021-01-16 08:00:01", "86401")]
    [InlineData("duration_unreadable", "2021-01-15 08:00:00", "2021-01-15 08:10:00", "ten")]
    [InlineData("duration_unreadable", "2021-01-15 08:00:00", "2021-01-15 08:10:00", "NaN")]
    [InlineData("duration_unreadable", "2021-01-15 08:00:00", "2021-01-15 08:10:00", "1e300")]
    [InlineData("duration_disagrees", "2021-01-15 08:00:00", "2021-01-15 08:10:00", "700")]
    [InlineData("duration_disagrees", "2021-01-15 08:00:00", "2021-01-15 08:10:00", "-600")]
    [InlineData("too_fast", "2021-01-15 08:00:00", "2021-01-15 08:00:10", "10")]
    [InlineData("time_skipped", "2021-03-14 02:30:00", "2021-03-14 03:30:00", "3600")]
    public void Times_that_cannot_be_are_rejected_with_the_reason(string code, string start, string stop, string duration) =>
        Tables.ReadOld(Tables.Old(start, stop, duration)).Fault.ShouldNotBeNull().Code.ShouldBe(code);

    [Theory]
    [InlineData("start_place_missing", "", "-74.0428", "40.7241")]
    [InlineData("start_place_missing", "north", "-74.0428", "40.7241")]
    [InlineData("start_place_missing", "90.1", "-74.0428", "40.7241")]
    [InlineData("start_place_missing", "0", "0", "40.7241")]
    [InlineData("start_place_missing", "NaN", "-74.0428", "40.7241")]
    [InlineData("end_place_missing", "40.7216", "-74.0428", "")]
    public void Places_that_are_nowhere_are_rejected(string code, string startLatitude, string startLongitude, string endLatitude) =>
        Tables.ReadOld(Tables.Old(startLatitude: startLatitude, startLongitude: startLongitude, endLatitude: endLatitude))
            .Fault.ShouldNotBeNull().Code.ShouldBe(code);

    [Fact]
    public void A_row_of_another_width_is_rejected()
    {
        var fault = Tables.ReadOld(Tables.Old() + ",more").Fault.ShouldNotBeNull();
        fault.Code.ShouldBe("width");
        fault.Detail.ShouldBe("the row has 16 fields, the header 15");
    }

    [Theory]
    [InlineData("2021-01-15 08:00:00", "2021-01-16 08:00:00", "86400")]
    [InlineData("2021-01-15 08:00:00.5", "2021-01-15 08:10:00.1", "599")]
    [InlineData("2021-01-31 23:50:00", "2021-02-01 00:10:00", "1200")]
    [InlineData("1/15/2021 8:00", "1/15/2021 8:10", "600")]
    public void Unusual_but_possible_trips_are_trips(string start, string stop, string duration) =>
        Tables.ReadOld(Tables.Old(start, stop, duration)).Trip.ShouldNotBeNull();

    [Fact]
    public void A_trip_over_the_night_when_clocks_go_forward_lasts_as_long_as_it_lasted() =>
        Tables.ReadOld(Tables.Old("2021-03-14 01:50:00", "2021-03-14 03:10:00", "1200")).Trip.ShouldNotBeNull().Duration.ShouldBe(TimeSpan.FromMinutes(20));

    [Theory]
    [InlineData("2021-11-07 01:50:00", "2021-11-07 01:10:00", "1200", 20)] // from summer time into winter time: the wall clock goes back meanwhile
    [InlineData("2021-11-07 01:10:00", "2021-11-07 01:30:00", "1200", 20)]
    [InlineData("2021-11-07 01:10:00", "2021-11-07 01:30:00", "4800", 80)]
    public void In_the_night_when_an_hour_comes_twice_the_published_duration_decides(string start, string stop, string duration, int minutes) =>
        Tables.ReadOld(Tables.Old(start, stop, duration)).Trip.ShouldNotBeNull().Duration.ShouldBe(TimeSpan.FromMinutes(minutes));

    [Fact]
    public void In_the_night_when_an_hour_comes_twice_a_trip_without_duration_does_not_end_before_it_starts() =>
        Tables.Read(Tables.Text(Tables.NewHeader, Tables.New("2021-11-07 01:50:00", "2021-11-07 01:10:00"))).ShouldHaveSingleItem()
            .Trip.ShouldNotBeNull().Duration.ShouldBe(TimeSpan.FromMinutes(20));

    [Fact]
    public void A_place_without_id_goes_by_its_name_and_one_without_both_by_where_it_is()
    {
        StationOf(Tables.New(startId: "")).ShouldBe("Hoboken Ave at Monmouth St");
        StationOf(Tables.New(startId: "", startName: "")).ShouldBe("40.735,-74.047");
    }

    private static string StationOf(string row) => Tables.Read(Tables.Text(Tables.NewHeader, row)).ShouldHaveSingleItem().Trip.ShouldNotBeNull().StartStation;
}
