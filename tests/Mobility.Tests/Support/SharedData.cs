using System.Runtime.CompilerServices;

namespace Mobility.Tests.Support;

/// <summary>Published files that are not part of this repository: they lie in a folder <c>shared/data</c> beside it, or nowhere.</summary>
internal static class SharedData
{
    /// <summary>The folder, or null where it is not there.</summary>
    public static string? Folder { get; } = Find();

    /// <summary>The path of a file; only in tests with <see cref="SharedDataFactAttribute"/>.</summary>
    public static string PathOf(string file) => Path.Combine(Folder!, file);

    private static string? Find() => Above(AppContext.BaseDirectory) ?? Above(Path.GetDirectoryName(ThisFile())!);

    private static string? Above(string start)
    {
        for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            if (Directory.Exists(Path.Combine(folder.FullName, "shared", "data")))
                return Path.Combine(folder.FullName, "shared", "data");
        return null;
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;
}

/// <summary>A test that reads a published file; skipped, visibly, where the file is absent. Another test covers the rule with rows of our own.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SharedDataFactAttribute : FactAttribute
{
    public SharedDataFactAttribute(string file)
    {
        if (SharedData.Folder is null || !File.Exists(SharedData.PathOf(file)))
            Skip = $"shared/data/{file} is not here.";
    }
}
