namespace Mobility.Tests.Support;

/// <summary>Published files that are not part of this repository: they lie in a folder <c>shared/data</c> beside it, or nowhere.</summary>
internal static class SharedData
{
    /// <summary>The folder, or null where it is not there.</summary>
    public static string? Folder { get; } = Find();

    /// <summary>The path of a file; only in tests with <see cref="SharedDataFactAttribute"/>.</summary>
    public static string PathOf(string file) => Path.Combine(Folder!, file);

    private static string? Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (Directory.Exists(Path.Combine(folder.FullName, "shared", "data")))
                return Path.Combine(folder.FullName, "shared", "data");
        for (var folder = new DirectoryInfo(Environment.CurrentDirectory); folder is not null; folder = folder.Parent)
            if (Directory.Exists(Path.Combine(folder.FullName, "shared", "data")))
                return Path.Combine(folder.FullName, "shared", "data");
        return null;
    }
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
