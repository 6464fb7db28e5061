using System.Text.RegularExpressions;

namespace Mobility.Host;

/// <summary>A setting that the handbook names.</summary>
/// <param name="Name">Colon-separated; parts in braces stand for any one name.</param>
/// <param name="Default">In force when nothing else is set; null when there is none.</param>
/// <param name="IsSecret">Its meaning ends in the word "Secret.".</param>
internal sealed record KnownSetting(string Name, string? Default, bool IsSecret);

/// <summary>A setting as it is in force.</summary>
internal sealed record SettingInForce(string Name, string? Value, string? Default, bool Overridden);

/// <summary>
/// The settings in force, secrets hidden. Only what docs/configuration.md names is shown (the file is part of the program), because the process also sees the
/// whole environment, which is nobody's business.
/// </summary>
internal static partial class EffectiveSettings
{
    public const string Hidden = "***";

    public static IReadOnlyList<KnownSetting> Known { get; } = Parse(ReadHandbook());

    public static IReadOnlyList<SettingInForce> Read(IConfiguration configuration)
    {
        var set = configuration.AsEnumerable().Where(s => s.Value is not null).ToDictionary(StringComparer.OrdinalIgnoreCase);
        var settings = new List<SettingInForce>();
        foreach (var known in Known)
        {
            if (!known.Name.Contains('{', StringComparison.Ordinal))
            {
                settings.Add(InForce(known.Name, set.GetValueOrDefault(known.Name), known));
                continue;
            }
            var pattern = new Regex($"^{AnyName().Replace(Regex.Escape(known.Name), ".+")}$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);
            settings.AddRange(set.Where(s => pattern.IsMatch(s.Key)).OrderBy(s => s.Key, StringComparer.OrdinalIgnoreCase)
                .Select(s => InForce(s.Key, s.Value, known)));
        }
        return [.. settings.DistinctBy(s => s.Name, StringComparer.OrdinalIgnoreCase)];
    }

    /// <summary>The rows of the handbook's tables.</summary>
    internal static IReadOnlyList<KnownSetting> Parse(string handbook) =>
        [.. Row().Matches(handbook).Select(row => new KnownSetting(row.Groups["name"].Value, row.Groups["value"] is { Success: true } value ? value.Value : null,
            row.Groups["meaning"].Value.EndsWith("Secret.", StringComparison.Ordinal)))];

    private static SettingInForce InForce(string name, string? value, KnownSetting known)
    {
        var overridden = value is not null && !string.Equals(value, known.Default, StringComparison.OrdinalIgnoreCase);
        var isHidden = value is not null && (known.IsSecret || LooksSecret().IsMatch(name));
        return new SettingInForce(name, isHidden ? Hidden : WithoutPassword(value ?? known.Default), known.Default, overridden);
    }

    private static string? WithoutPassword(string? value) => value is null ? null : UserInfo().Replace(value, $"://{Hidden}@");

    private static string ReadHandbook()
    {
        using var stream = typeof(EffectiveSettings).Assembly.GetManifestResourceStream("configuration.md")
            ?? throw new InvalidOperationException("configuration.md is not embedded.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    [GeneratedRegex(@"^\| `(?<name>[A-Za-z_][\w:{}.-]*)` \| (?:`(?<value>[^`|]*)`|[^|`]*) \| (?<meaning>.*) \|\r?$", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Row();

    [GeneratedRegex(@"\\\{[^}]*\}")]
    private static partial Regex AnyName();

    /// <summary>For a row whose author forgot the word.</summary>
    [GeneratedRegex("password|secret|connectionstring|credential|headers|keyprotection|apikey|privatekey", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex LooksSecret();

    [GeneratedRegex(@"://[^/@\s]+@")]
    private static partial Regex UserInfo();
}
