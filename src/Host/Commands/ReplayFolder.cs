using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Mobility.Twin.Trips;

namespace Mobility.Host.Commands;

/// <summary>
/// Where a replay lives: the folder that was given, or one of its own under the user's state folder that is named by what is replayed, so that the same command
/// finds it again.
/// </summary>
internal sealed record ReplayFolder
{
    private const string StateVariable = "XDG_STATE_HOME";
    private const int KeyLength = 16;

    /// <summary>The folder.</summary>
    public required string Path { get; init; }

    /// <summary>Whether nobody named it: it is deleted when the replay has come to its end.</summary>
    public required bool IsOwn { get; init; }

    /// <summary>Names what is replayed: files, day, zone, city, and the database where that is elsewhere.</summary>
    public required string Key { get; init; }

    /// <summary>Where the page with plots goes, unless another place is asked for.</summary>
    public required string Report { get; init; }

    /// <summary>There while the replay is interrupted.</summary>
    public string StateFile => System.IO.Path.Combine(Path, "replay-state.json");

    /// <summary>The folders of the bikes.</summary>
    public string Bikes => System.IO.Path.Combine(Path, "bikes");

    /// <param name="files">As they were given; they exist.</param>
    /// <param name="day">Null for all.</param>
    /// <param name="zone">Null for what the files say.</param>
    /// <param name="city">The city's id.</param>
    /// <param name="data">The folder that was given; null for one of its own.</param>
    /// <param name="database">An external one; null for a private one.</param>
    public static ReplayFolder Of(IReadOnlyList<string> files, DayChoice? day, TimeZoneInfo? zone, string city, string? data, string? database)
    {
        var known = files.Select(file => new FileInfo(file)).Select(file => string.Create(CultureInfo.InvariantCulture, $"{file.FullName} {file.Length}"));
        var text = string.Join('\n', [.. known, $"{day}", zone?.Id ?? "", city, database ?? ""]);
        var key = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..KeyLength];
        var states = StateRoot();
        return new ReplayFolder
        {
            Path = data ?? System.IO.Path.Combine(states, "replays", key),
            IsOwn = data is null,
            Key = key,
            Report = data is not null ? System.IO.Path.Combine(data, "replay-report.html") : System.IO.Path.Combine(states, "reports", $"{city}-{key}.html"),
        };
    }

    /// <summary>A folder under the temporary one, for a run that nobody goes on with.</summary>
    public static ReplayFolder Temporary()
    {
        var folder = Directory.CreateTempSubdirectory("mobility-replay-").FullName;
        return new ReplayFolder { Path = folder, IsOwn = true, Key = "", Report = System.IO.Path.Combine(folder, "replay-report.html") };
    }

    /// <summary>Forgets what an earlier replay left beside the database; the folder's lock is held.</summary>
    public void Clear()
    {
        File.Delete(StateFile);
        if (Directory.Exists(Bikes))
            Directory.Delete(Bikes, recursive: true);
    }

    /// <summary>As the XDG base directory specification says.</summary>
    private static string StateRoot() => System.IO.Path.Combine(
        Environment.GetEnvironmentVariable(StateVariable) is { } told && System.IO.Path.IsPathFullyQualified(told)
            ? told
            : System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify), ".local", "state"),
        "mobility");
}
