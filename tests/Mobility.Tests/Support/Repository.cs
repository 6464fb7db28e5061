namespace Mobility.Tests.Support;

/// <summary>The files of this repository, for tests about them.</summary>
internal static class Repository
{
    /// <summary>The folder that holds everything.</summary>
    public static string Root { get; } = Find();

    /// <summary>A path inside it.</summary>
    public static string PathOf(params string[] parts) => Path.Combine([Root, .. parts]);

    /// <summary>Whether files that record how things are shall be written anew: MOBILITY_ACCEPT=1.</summary>
    public static bool Accepts => Environment.GetEnvironmentVariable("MOBILITY_ACCEPT") == "1";

    /// <summary>Compares a text with the file that records it, or writes the file when told to.</summary>
    public static void ShouldBeRecorded(string file, string text)
    {
        if (Accepts)
            File.WriteAllText(file, text);
        File.Exists(file).ShouldBeTrue($"{file} is missing; MOBILITY_ACCEPT=1 writes it");
        File.ReadAllText(file).ShouldBe(text, $"{file} says otherwise; look at the difference, then MOBILITY_ACCEPT=1 writes it anew");
    }

    private static string Find()
    {
        var root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "ARCHITECTURE.md")))
            root = Path.GetDirectoryName(root) ?? throw new FileNotFoundException("ARCHITECTURE.md");
        return root;
    }
}
