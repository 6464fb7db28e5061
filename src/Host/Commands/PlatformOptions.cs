using System.CommandLine;

namespace Mobility.Host.Commands;

/// <summary>Options that several commands share, and where their defaults come from.</summary>
internal static class PlatformOptions
{
    public const string DatabaseVariable = "MOBILITY_DATABASE";
    private const string DatabaseKey = "Database:ConnectionString";

    /// <summary>The repository (marked by its solution file) above the program, or the current folder where the program runs alone.</summary>
    public static string Root { get; } = FindRoot();

    public static Option<string> Data() => new("--data")
    {
        HelpName = "DIR",
        Description = "The data folder",
        DefaultValueFactory = _ => Path.Combine(Root, ".mobility", "data"),
    };

    public static Option<string?> Database() => new("--database")
    {
        HelpName = "CONNECTION",
        Description = $"An external PostgreSQL instead of the private one (also {DatabaseVariable}, or {DatabaseKey} in mobility.json)",
        DefaultValueFactory = _ => ConfiguredDatabase(),
    };

    public static Option<bool> Json() => new("--json") { Description = "End with one line of JSON" };

    /// <summary>The settings of the file mobility.json in the repository, by their colon-separated names; none when there is no such file.</summary>
    public static Dictionary<string, string?> FileSettings() => new ConfigurationBuilder()
        .AddJsonFile(Path.Combine(Root, "mobility.json"), optional: true)
        .Build()
        .AsEnumerable()
        .Where(setting => setting.Value is not null)
        .ToDictionary(StringComparer.OrdinalIgnoreCase);

    private static string? ConfiguredDatabase() =>
        Environment.GetEnvironmentVariable(DatabaseVariable) is { Length: > 0 } variable ? variable : FileSettings().GetValueOrDefault(DatabaseKey);

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Mobility.slnx")))
                return folder.FullName;
        }

        return Directory.GetCurrentDirectory();
    }
}
