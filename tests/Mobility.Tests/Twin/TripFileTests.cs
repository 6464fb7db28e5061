using Mobility.Geo;
using Mobility.Twin.Trips;

namespace Mobility.Tests.Twin;

public sealed class TripFileTests
{
    [Fact]
    public void A_row_of_January_2021_becomes_a_trip_with_its_wall_clock_times_as_instants()
    {
        var trip = Tables.ReadOld(Tables.Old()).Trip.ShouldNotBeNull();
        trip.Start.ShouldBe(new DateTimeOffset(2021, 1, 15, 13, 0, 0, TimeSpan.Zero).AddMilliseconds(510));
        trip.End.ShouldBe(new DateTimeOffset(2021, 1, 15, 13, 10, 0, TimeSpan.Zero).AddMilliseconds(777));
        trip.StartStation.ShouldBe("3273");
        trip.StartPosition.ShouldBe(new GeoPoint(40.7216, -74.0428));
        trip.EndPosition.ShouldBe(new GeoPoint(40.7241, -74.0506));
        trip.StartDay.ShouldBe(new DateOnly(2021, 1, 15));
        trip.Line.ShouldBe(2);
    }

    [Fact]
    public void A_row_since_February_2021_is_recognized_by_its_header()
    {
        var trip = Tables.Read(Tables.Text(Tables.NewHeader, Tables.New())).ShouldHaveSingleItem().Trip.ShouldNotBeNull();
        trip.Start.ShouldBe(new DateTimeOffset(2021, 2, 4, 4, 11, 28, TimeSpan.Zero));
        trip.Duration.ShouldBe(TimeSpan.FromMinutes(7));
        trip.StartStation.ShouldBe("JC105");
    }

    [Fact]
    public void The_same_table_is_read_plain_packed_and_archived()
    {
        var table = Tables.Text(Tables.OldHeader, Tables.Old(), Tables.Old(start: "2021-01-15 08:05:00", duration: "300"));
        var plain = Tables.Read(table).Select(row => row.Trip! with { File = "" }).ToList();
        plain.Count.ShouldBe(2);
        Tables.Read(Tables.Gzip(table)).Select(row => row.Trip! with { File = "" }).ShouldBe(plain);
        Tables.Read(Tables.Zip(("JC-202101.csv", table))).Select(row => row.Trip! with { File = "" }).ShouldBe(plain);
    }

    [Fact]
    public void Litter_in_an_archive_is_passed_over_and_every_table_of_trips_is_read()
    {
        var rows = Tables.Read(Tables.Zip(
            ("__MACOSX/._b.csv", [0, 5, 22, 7]),
            ("b.csv", Tables.Text(Tables.NewHeader, Tables.New())),
            (".DS_Store", [1, 2]),
            ("notes.txt", "read me"u8.ToArray()),
            ("stations.csv", "id,name\n1,Here\n"u8.ToArray()),
            ("folder/a.csv", Tables.Text(Tables.OldHeader, Tables.Old()))));
        rows.Select(row => row.File.Split('/')[^1]).ShouldBe(["b.csv", "a.csv"]);
        rows.ShouldAllBe(row => row.Trip != null);
    }

    [Theory]
    [InlineData("starts,ends\n1,2\n")]
    [InlineData("\n")]
    [InlineData("\0\0\0\0")]
    public void A_table_with_another_header_is_refused_as_a_whole(string text) =>
        Should.Throw<TripFileException>(() => Tables.Read(System.Text.Encoding.UTF8.GetBytes(text))).Message.ShouldContain("header");

    [Fact]
    public void A_damaged_archive_an_empty_file_and_an_absent_one_are_refused_in_one_sentence()
    {
        var archive = Tables.Zip(("a.csv", Tables.Text(Tables.OldHeader, Tables.Old())));
        Should.Throw<TripFileException>(() => Tables.Read(archive[..(archive.Length / 2)])).Message.ShouldContain("damaged");
        var packed = Tables.Gzip(Tables.Text([Tables.OldHeader, .. Enumerable.Range(0, 5_000).Select(second => Tables.Old(duration: $"{600 + second % 50}"))]));
        packed.AsSpan(packed.Length / 2, 40).Fill(0xA5);
        Should.Throw<TripFileException>(() => Tables.Read(packed)).Message.ShouldContain("damaged");
        Should.Throw<TripFileException>(() => Tables.Read([])).Message.ShouldContain("empty");
        Should.Throw<TripFileException>(() => TripFile.Read("/nowhere/trips.csv", Tables.NewYork, new StationList()).Count()).Message.ShouldContain("cannot be read");
    }

    [Fact]
    public void A_quote_that_is_never_closed_spoils_one_row_only()
    {
        var rows = Tables.Read(Tables.Text(Tables.OldHeader, "600,\"2021-01-15 08:00:00,oops", Tables.Old()));
        rows[0].Fault.ShouldNotBeNull().Code.ShouldBe("unreadable");
        rows[1].Trip.ShouldNotBeNull().Line.ShouldBe(3);
    }

    [Fact]
    public void A_line_without_end_is_not_held_whole()
    {
        var rows = Tables.Read(Tables.Text(Tables.OldHeader, new string('x', 1_000_000), Tables.Old()));
        rows[0].Fault.ShouldNotBeNull().Code.ShouldBe("line_too_long");
        rows[1].Trip.ShouldNotBeNull();
    }

    [Fact]
    public void Quotes_doubled_in_a_name_and_carriage_returns_are_understood()
    {
        var row = Tables.Old(startId: "", startName: "The \"\"Hub\"\", east") + "\r";
        Tables.ReadOld(row).Trip.ShouldNotBeNull().StartStation.ShouldBe("The \"Hub\", east");
    }

    [Fact]
    public void Rows_come_one_by_one_while_the_file_is_read()
    {
        using var file = new TemporaryFile(Tables.Text([Tables.OldHeader, .. Enumerable.Repeat(Tables.Old(), 50_000)]));
        TripFile.Read(file.Path, Tables.NewYork, new StationList()).Take(3).Count().ShouldBe(3);
    }

    [PublishedFact(JanuaryFile)]
    public void The_published_month_of_Jersey_City_is_read_to_the_last_row()
    {
        var rows = TripFile.Read(PublishedFactAttribute.Find(JanuaryFile)!, Tables.NewYork, new StationList()).ToList();
        rows.Count.ShouldBe(11_624);
        rows.Count(row => row.Trip is not null).ShouldBe(11_618);
        rows.Where(row => row.Fault is not null).ShouldAllBe(row => row.Fault!.Code == "too_long");
    }

    [PublishedFact(FebruaryFile)]
    public void The_published_months_in_the_new_form_are_read_and_only_impossible_rows_are_rejected()
    {
        var rows = TripFile.Read(PublishedFactAttribute.Find(FebruaryFile)!, Tables.NewYork, new StationList());
        var faults = rows.Where(row => row.Fault is not null).GroupBy(row => row.Fault!.Code).ToDictionary(g => g.Key, g => g.Count());
        faults.ShouldBe(new Dictionary<string, int> { ["end_place_missing"] = 68, ["too_long"] = 9, ["ends_before_start"] = 3, ["too_fast"] = 4 }, ignoreOrder: true);
    }

    [Fact]
    public void Stations_that_are_only_named_stand_where_a_list_beside_the_file_says_on_that_day()
    {
        using var file = new TemporaryFile(Tables.Gzip(Tables.Text(
            "\"trip_id\",\"duration\",\"start_date\",\"start_station\",\"start_terminal\",\"end_date\",\"end_station\",\"end_terminal\",\"bike_id\",\"subscription_type\",\"zip_code\"",
            "1,420,2014-01-01 00:14:00,\"City Hall\",58,2014-01-01 00:21:00,\"7th\",65,473,\"Subscriber\",\"94612\"",
            "2,420,2014-06-01 00:14:00,\"City Hall\",58,2014-06-01 00:21:00,\"7th\",65,473,\"Subscriber\",\"94612\"",
            "3,420,2014-06-01 00:14:00,\"Nowhere\",99,2014-06-01 00:21:00,\"7th\",65,473,\"Subscriber\",\"94612\"")));
        using var spool = new TripSpool(file.Sibling("spool"));
        Should.Throw<TripFileException>(() => Take(file.Path)).Message.ShouldContain("list of stations");
        File.WriteAllText(file.Sibling("stations.csv"), "station_id,name,lat,long,install_date\n58,City Hall,37.7786,-122.4183,2013-08-01\n"
            + "58,City Hall,37.7796,-122.4183,2014-05-01\n65,7th,37.7710,-122.4027,2013-08-01\n");
        var survey = Take(file.Path);
        survey.Zone.Id.ShouldBe("America/Los_Angeles");
        survey.FirstStart.ShouldBe(new DateTimeOffset(2014, 1, 1, 8, 14, 0, TimeSpan.Zero));
        survey.Rejected.ShouldBe(new Dictionary<string, long> { ["start_station_unknown"] = 1 });
        spool.Read().Select(trip => trip.StartPosition.LatitudeDegrees).ShouldBe([37.7786, 37.7796]);
        File.WriteAllText(file.Sibling("feed.json"),
            "{\"data\":{\"stations\":[{\"station_id\":\"58\",\"name\":[{\"text\":\"City Hall\",\"language\":\"en\"}],\"lat\":37.5,\"lon\":-122.4},"
            + "{\"station_id\":\"65\",\"name\":\"7th\",\"lat\":37.51,\"lon\":-122.4}]}}");
        Take(file.Path, file.Sibling("feed.json")).Stations[0].Position.LatitudeDegrees.ShouldBe(37.5);
        Should.Throw<TripFileException>(() => Take(file.Sibling("feed.json"))).Message.ShouldContain("only list stations");

        TripSurvey Take(params string[] files) => TripSurvey.Take(files, null, null, spool, new Progress<long>(), CancellationToken.None);
    }

    [PublishedFact(BayAreaFile)]
    public void The_published_year_of_the_Bay_Area_is_read_with_the_stations_beside_it()
    {
        var (stations, files) = StationList.Sort([PublishedFactAttribute.Find(BayAreaFile)!]);
        var rows = TripFile.Read(files[0], null, stations).ToList();
        rows.Count.ShouldBe(326_339);
        rows.Where(row => row.Fault is not null).GroupBy(row => row.Fault!.Code).ToDictionary(g => g.Key, g => g.Count())
            .ShouldBe(new Dictionary<string, int> { ["too_long"] = 137, ["too_fast"] = 4 }, ignoreOrder: true);
    }

    private const string BayAreaFile = "trips-sf-bay-2014/trips.csv.gz";
    private const string JanuaryFile = "trips-jersey-city-2021/JC-202101-citibike-tripdata.csv.zip";
    private const string FebruaryFile = "trips-jersey-city-2021/JC-202102-citibike-tripdata.csv.zip";
}

/// <summary>Needs a published file, which lies beside the repository and not in it; where it is absent the test is reported as skipped.</summary>
internal sealed class PublishedFactAttribute : FactAttribute
{
    public PublishedFactAttribute(string name)
    {
        if (Find(name) is null)
            Skip = $"{name} is not in ../shared/data.";
    }

    public static string? Find(string name)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var path = Path.Combine(folder.FullName, "..", "shared", "data", name);
            if (File.Exists(Path.Combine(folder.FullName, "Mobility.slnx")) && File.Exists(path))
                return path;
        }
        return null;
    }
}
