using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Host.Commands;
using Mobility.Tests.Twin;
using Mobility.Twin.Living;

namespace Mobility.Tests.Living;

public sealed class CityRecordTests
{
    [Fact]
    public void Two_runs_stand_side_by_side_with_what_differs()
    {
        using var file = new TemporaryFile([]);
        var folder = file.Sibling("runs");
        Record("one", "30", 100).Save(folder);
        Record("two", "50", 110).Save(folder);
        using var output = new StringWriter();
        CityRecord.Compare(CityRecord.Load(folder, "one"), CityRecord.Load(folder, "two"), output);
        var lines = output.ToString().Split('\n').Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries))).ToArray();
        lines.ShouldContain("swap-below 30 50 differs");
        lines.ShouldContain("rides 100 110 +10.0 %");
        lines.ShouldNotContain(line => line.StartsWith("seed", StringComparison.Ordinal));
    }

    [Fact]
    public void A_run_names_all_that_it_was_made_of_also_what_nobody_said()
    {
        var (moves, stays) = (Parameters(new CityRunSettings()), Parameters(new CityRunSettings { Crew = new CrewPolicy { Brings = false } }));
        (moves["seed"], moves["riders"], moves["vehicles"], moves["day"]).ShouldBe(("1", "1000", "all", "2026-06-08"));
        moves.Where(parameter => stays[parameter.Key] != parameter.Value).Select(parameter => parameter.Key).ShouldBe(["no-moves"]);

        static SortedDictionary<string, string> Parameters(CityRunSettings settings) =>
            TwinCommand.Parameters("demo", new DateOnly(2026, 6, 8), 24, settings, [], null);
    }

    [Fact]
    public void Who_walked_away_is_a_line_each_and_a_run_that_breaks_off_leaves_the_file_of_the_one_before()
    {
        using var folder = new TemporaryFile([]);
        var path = folder.Sibling("run.unmet.csv");
        var wish = new UnmetWish(new DateTimeOffset(2026, 6, 8, 8, 0, 0, TimeSpan.FromHours(2)), "family", VehicleKind.EBike, new GeoPoint(48.1, 11.5), new GeoPoint(48.2, 11.6), "too_dear");
        using (var whole = new UnmetFile(path))
        {
            whole.Add(wish);
            whole.Complete();
        }
        using (var broken = new UnmetFile(path))
            broken.Add(wish with { Reason = "none_nearby" });
        File.ReadAllLines(path).ShouldBe(
            ["at,persona,kind,from_lat,from_lon,to_lat,to_lon,reason", "2026-06-08T06:00:00Z,family,e_bike,48.100000,11.500000,48.200000,11.600000,too_dear"]);
        Directory.GetFiles(Path.GetDirectoryName(path)!, "run.unmet.csv*").ShouldHaveSingleItem();
    }

    [Fact]
    public void What_is_no_record_is_said_in_one_sentence()
    {
        using var file = new TemporaryFile("{"u8.ToArray());
        Should.Throw<InvalidDataException>(() => CityRecord.Load(".", file.Path)).Message.ShouldContain("is no record of a run");
        Should.Throw<InvalidDataException>(() => CityRecord.Load(".", "never")).Message.ShouldContain("There is no run never");
    }

    private static CityRecord Record(string name, string swapBelow, double rides) => new()
    {
        Name = name,
        Version = "1",
        Parameters = new(StringComparer.Ordinal) { ["seed"] = "1", ["swap-below"] = swapBelow },
        Measures = new(StringComparer.Ordinal) { ["rides"] = rides },
    };
}
