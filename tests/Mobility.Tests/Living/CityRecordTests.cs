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
