using Mobility.Platform;
using Mobility.Platform.Postgres;

namespace Mobility.Tests.Host;

/// <summary>Finding PostgreSQL among folders as machines really have them.</summary>
public sealed class PostgresBinariesTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mobility-binaries-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Folders_without_a_server_are_passed_over_and_links_are_followed()
    {
        var installed = await PostgresBinaries.FindAsync(null, CancellationToken.None);
        var empty = _folder.CreateSubdirectory("empty").FullName;
        var absent = Path.Combine(_folder.FullName, "absent");
        var dangling = Links("dangling", Path.Combine(_folder.FullName, "gone"));
        var linked = Links("linked", installed.Directory);

        var found = await PostgresBinaries.FindAmongAsync([empty, absent, dangling, linked], null, CancellationToken.None);
        found.ShouldBe(installed);
    }

    [Fact]
    public async Task No_server_at_all_is_one_sentence()
    {
        var failure = await Should.ThrowAsync<PlatformStartException>(
            () => PostgresBinaries.FindAmongAsync([_folder.FullName], null, CancellationToken.None));
        failure.Message.ShouldStartWith("PostgreSQL 15 or newer is needed and none is installed");
    }

    [Fact]
    public async Task Data_of_another_version_names_both_versions()
    {
        var installed = await PostgresBinaries.FindAsync(null, CancellationToken.None);
        var failure = await Should.ThrowAsync<PlatformStartException>(
            () => PostgresBinaries.FindAmongAsync([installed.Directory], installed.MajorVersion + 1, CancellationToken.None));
        failure.Message.ShouldStartWith(
            $"The data folder was written by PostgreSQL {installed.MajorVersion + 1} and only {installed.MajorVersion} in {installed.Directory} is here");
    }

    private string Links(string name, string target)
    {
        var folder = _folder.CreateSubdirectory(name).FullName;
        foreach (var program in (string[])["postgres", "initdb", "pg_ctl"])
            File.CreateSymbolicLink(Path.Combine(folder, program), Path.Combine(target, program));
        return folder;
    }
}
