using System.Text.RegularExpressions;
using System.Xml.Linq;
using Mobility.Twin.Client;
using Mobility.Twin.Replaying;
using Mobility.Twin.Reporting;
using Mobility.Twin.Trips;

namespace Mobility.Tests.Twin;

public sealed partial class ReplayPageTests
{
    [Fact]
    public void The_page_shows_every_plot_and_table_and_loads_nothing()
    {
        var page = ReplayPage.ToHtml(Report(hours: 30));
        foreach (var title in new[]
                 {
                     "Trips per hour", "Utilization by hour of the day", "Revenue per hour", "Failed trips", "Relocations", "Battery swaps", "Time of requests", "Rejected rows",
                     "Why trips failed", "Problems",
                 })
            page.ShouldContain($"<h2>{title}</h2>");
        page.ShouldContain("prefers-color-scheme: dark");
        page.ShouldContain("Fri 15 Jan 08:00: 8 trips");
        page.ShouldContain("1,234.50 USD");
        page.ShouldNotContain("{{");
        page.ShouldNotContain("<script");
        page.ShouldNotContain("src=");
        page.ShouldNotContain("href=");
        page.ShouldNotContain("://");
    }

    [Fact]
    public void What_is_drawn_stays_inside_its_picture()
    {
        var pictures = Pictures().Matches(ReplayPage.ToHtml(Report(hours: 30))).Select(match => XElement.Parse(match.Value)).ToList();
        pictures.Count.ShouldBe(6 + 2); // plots, and a bar for each step
        foreach (var picture in pictures)
        {
            var size = picture.Attribute("viewBox")!.Value.Split(' ').Select(double.Parse).ToList();
            foreach (var bar in picture.Descendants("rect"))
            {
                ((double)bar.Attribute("x")!).ShouldBeGreaterThanOrEqualTo(0);
                ((double)bar.Attribute("x")! + (double)bar.Attribute("width")!).ShouldBeLessThanOrEqualTo(size[2] + 0.1);
                ((double)bar.Attribute("y")!).ShouldBeGreaterThanOrEqualTo(0);
                ((double)bar.Attribute("y")! + (double)bar.Attribute("height")!).ShouldBeLessThanOrEqualTo(size[3]);
            }
        }
    }

    [Fact]
    public void The_highest_bar_is_the_greatest_value_and_nothing_is_no_bar()
    {
        var svg = XElement.Parse(Plot.Bars([new(1, "one", null), new(4, "four", null), new(0, "none", null), new(null, "unknown", null)], "test", "trips", 960, 240, 1, value => $"{value}"));
        var bars = svg.Descendants("rect").Where(bar => (string)bar.Attribute("class")! == "trips").Select(bar => (double)bar.Attribute("height")!).ToList();
        bars.Count.ShouldBe(2);
        bars[1].ShouldBe(4 * bars[0], 0.1);
        svg.Descendants("title").Select(title => title.Value).ShouldBe(["one", "four", "none"]);
    }

    [Fact]
    public void Text_of_files_is_text() => ReplayPage.ToHtml(Report(hours: 1, file: "<script>alert(1)</script>.csv")).ShouldNotContain("<script");

    [Fact]
    public void A_long_run_is_drawn_by_days()
    {
        var page = ReplayPage.ToHtml(Report(hours: ReplayPage.HoursMax + 24));
        page.ShouldContain("<h2>Trips per day</h2>");
        page.ShouldContain("Sat 16 Jan 2021: 276 trips"); // 0 to 23
    }

    [Fact]
    public void The_text_report_has_searches_problems_and_utilization()
    {
        using var text = new StringWriter();
        Report(hours: 24).Write(text);
        var lines = text.ToString().Split('\n');
        lines.ShouldContain("searches      61");
        lines.ShouldContain("problems      3 requests were refused; most of these end no trip");
        lines.ShouldContain("         3  sign_in: invalid_grant");
        lines.Single(line => line.StartsWith("      06", StringComparison.Ordinal)).ShouldContain("08  25.0 %");
    }

    private static ReplayReport Report(int hours, string file = "trips.csv")
    {
        using var table = new TemporaryFile(Tables.Text(Tables.OldHeader, Tables.Old(), Tables.Old(start: "never")), file.Replace("/", "", StringComparison.Ordinal));
        using var spool = new TripSpool(table.Sibling("spool"));
        var survey = TripSurvey.Take([table.Path], null, Tables.NewYork, spool, new Progress<long>(), CancellationToken.None);
        var trip = spool.Read().Single();
        var result = new ReplayResult
        {
            IsOver = true,
            Completed = 60,
            Failed = 1,
            FailedBy = new Dictionary<string, long> { ["reserve: booking.vehicle_taken"] = 1 },
            Listed = [new FailedTrip(trip, "reserve", "booking.vehicle_taken", "reserve: booking.vehicle_taken")],
            Searches = 61,
            Hours = [.. Enumerable.Range(0, hours).Select(hour => new HourCount
            {
                Hour = new DateTime(2021, 1, 15).AddHours(hour),
                Trips = hour % 24,
                RiddenSeconds = hour % 24 == 8 ? 3_600 : 0,
                CapturedMinor = 100 * hour,
            })],
            Problems = new Dictionary<string, long> { ["sign_in: invalid_grant"] = 3 },
            Relocations = 2,
            Bought = 1,
            Swaps = 3,
            TelemetryMessages = 4_321,
            EndedByPlatform = 0,
            CapturedMinor = 123_450,
            Currency = "USD",
            Riders = 5,
            Bikes = 4,
            Simulated = TimeSpan.FromHours(hours),
            FinishedBefore = 0,
            Latencies = [new StepLatency("reserve", 61, 4.2, 9.9, 31), new StepLatency("search", 61, 1.2, 2.9, 3.1)],
        };
        return new ReplayReport(survey, result, 0, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(20)) { Files = [table.Path] };
    }

    [GeneratedRegex("<svg.*?</svg>", RegexOptions.Singleline)]
    private static partial Regex Pictures();
}
