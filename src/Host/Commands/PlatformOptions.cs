using System.CommandLine;
using System.Globalization;

namespace Mobility.Host.Commands;

/// <summary>Options that several commands share, and where their defaults come from.</summary>
internal static class PlatformOptions
{
    public const string DatabaseVariable = "MOBILITY_DATABASE";
    private const string DatabaseKey = "Database:ConnectionString";

    /// <summary>The repository: what ./mobility says, else the folder with the solution file above the program, or the current folder where the program runs alone.</summary>
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

    /// <summary>A whole number within limits.</summary>
    public static Option<int> Number(string name, string description, int ordinary, int least, int most)
    {
        var option = new Option<int>(name) { HelpName = "N", Description = description, DefaultValueFactory = _ => ordinary };
        option.Validators.Add(result =>
        {
            // What is no number at all is refused by the parser itself, unless it is asked for here.
            if (result.Tokens is [var token] && int.TryParse(token.Value, CultureInfo.InvariantCulture, out var value) && (value < least || value > most))
                result.AddError($"{name} is a number from {least} to {most}.");
        });
        return option;
    }

    /// <summary>
    /// The settings of the file mobility.json in the repository by their colon-separated names, over a command's own defaults. Environment variables win over
    /// both: what they name is left out, since the application reads them itself.
    /// </summary>
    public static Dictionary<string, string?> Settings(params IReadOnlyList<(string Name, string Value)> defaults)
    {
        var settings = defaults.ToDictionary(pair => pair.Name, pair => (string?)pair.Value, StringComparer.OrdinalIgnoreCase);
        var file = new ConfigurationBuilder().AddJsonFile(Path.Combine(Root, "mobility.json"), optional: true).Build();
        foreach (var (name, value) in file.AsEnumerable().Where(setting => setting.Value is not null))
            settings[name] = value;
        foreach (var name in settings.Keys.Where(name => VariableOf(name) is not null).ToList())
            settings.Remove(name);
        return settings;
    }

    private static string? VariableOf(string setting) =>
        Environment.GetEnvironmentVariable("MOBILITY_" + setting.Replace(":", "__", StringComparison.Ordinal));

    private static string? ConfiguredDatabase() =>
        Environment.GetEnvironmentVariable(DatabaseVariable) is { Length: > 0 } variable ? variable : Settings().GetValueOrDefault(DatabaseKey);

    private static string FindRoot()
    {
        if (Environment.GetEnvironmentVariable("MOBILITY_ROOT") is { Length: > 0 } told)
            return told;
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Mobility.slnx")))
                return folder.FullName;
        }

        return Directory.GetCurrentDirectory();
    }
}
