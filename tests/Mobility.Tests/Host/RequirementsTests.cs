using Mobility.Tests.Support;

namespace Mobility.Tests.Host;

/// <summary>The list of requirement ids, over result files that are written here and the traits of this very assembly.</summary>
public sealed class RequirementsTests : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("mobility-requirements-");

    public RequirementsTests()
    {
        var release = Directory.CreateDirectory(Path.Combine(_root.FullName, "artifacts", "bin", "Mobility.Tests"));
        Directory.CreateSymbolicLink(Path.Combine(release.FullName, "release"), AppContext.BaseDirectory.TrimEnd('/'));
        Directory.CreateDirectory(Path.Combine(_root.FullName, "docs"));
        File.WriteAllText(Path.Combine(_root.FullName, "docs", "requirements.tsv"), "OBS-7\tHealth\nNOT-1\tNobody tests this\n");
    }

    public void Dispose() => _root.Delete(recursive: true);

    [Theory]
    [InlineData("Passed", "OBS-7    proven", "1 of 2 requirement ids have passing evidence")]
    [InlineData("Failed", "OBS-7    failing", "0 of 2 requirement ids have passing evidence")]
    public async Task An_id_is_proven_by_tests_that_passed(string outcome, string line, string last)
    {
        WriteResult(outcome);
        await using var command = new HostProcess(["requirements"], new Dictionary<string, string> { ["MOBILITY_ROOT"] = _root.FullName });
        (await command.EndAsync()).ShouldBe(0, command.Errors);
        command.Output.ShouldContain(line);
        command.Output.ShouldContain("NOT-1    no test");
        command.LastLine.ShouldBe(last);
    }

    [Fact]
    public async Task Without_results_it_says_what_to_do()
    {
        await using var command = new HostProcess(["requirements"], new Dictionary<string, string> { ["MOBILITY_ROOT"] = _root.FullName });
        (await command.EndAsync()).ShouldBe(1);
        command.Errors.Trim().ShouldBe("There are no test results yet; run ./mobility test first.");
    }

    private void WriteResult(string outcome)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_root.FullName, "artifacts", "test-results"));
        var test = nameof(UpTests.It_is_ready_is_audited_while_it_runs_and_stops_cleanly_on_an_interrupt);
        File.WriteAllText(Path.Combine(folder.FullName, "Mobility.Tests.trx"), $"""
            <TestRun xmlns="http://microsoft.com/schemas/VisualStudio/TeamTest/2010">
              <Results><UnitTestResult testId="1" outcome="{outcome}" /></Results>
              <TestDefinitions><UnitTest id="1"><TestMethod className="{typeof(UpTests).FullName}" name="{test}" /></UnitTest></TestDefinitions>
            </TestRun>
            """);
    }
}
