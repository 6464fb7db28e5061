using System.Runtime.CompilerServices;
using Mobility.Host.Packs;

namespace Mobility.Tests.Packs;

/// <summary>A copy of the small pack that a test may spoil; gone afterwards.</summary>
internal sealed class PackFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mobility-pack-");

    public PackFolder()
    {
        foreach (var file in CityPackReader.Files)
            File.Copy(Path.Combine(Tiny, file), Path.Combine(FullPath, file));
    }

    public static string RepositoryRoot { get; } = Root();

    public static string Tiny => Path.Combine(RepositoryRoot, "tests", "Mobility.Tests", "Packs", "fixtures", "tiny");

    public static string Demo => Path.Combine(RepositoryRoot, "packs", "demo");

    public string FullPath => _folder.FullName;

    public string PathOf(string file) => Path.Combine(FullPath, file);

    /// <summary>Replaces the first occurrence, which must exist.</summary>
    public void Replace(string file, string old, string with)
    {
        var text = File.ReadAllText(PathOf(file));
        var at = text.IndexOf(old, StringComparison.Ordinal);
        at.ShouldBeGreaterThanOrEqualTo(0, $"{old} in {file}");
        File.WriteAllText(PathOf(file), text[..at] + with + text[(at + old.Length)..]);
    }

    public CityPackReading Read() => CityPackReader.Read(FullPath);

    public void Dispose() => _folder.Delete(recursive: true);

    private static string Root([CallerFilePath] string thisFile = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "..", "..", ".."));
}
