using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using Mobility.Host;
using Mobility.Platform.Observability;

namespace Mobility.Tests.Observability;

/// <summary>docs/configuration.md and docs/api/problems.md name everything that the code knows, and the log's allow-list everything that the code logs.</summary>
public sealed partial class HandbookTests
{
    private static readonly string Root = FindRoot();

    [Fact]
    public void Every_setting_that_the_code_reads_is_in_the_handbook()
    {
        var read = Sources().SelectMany(source => SettingRead().Matches(source.Text).Select(m => m.Groups["key"].Value))
            .Concat(OptionsSettings())
            .Where(key => key is not ("Identity:Services")) // a section; its members are read below it
            .SelectMany(key => key is "Identity" or "Fleet" or "Telemetry" ? [$"{key}:KeyProtection", $"{key}:KeyFile"] : new[] { key }) // what protects keys reads two
            .Select(key => Hole().Replace(key, "{}")).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var known = EffectiveSettings.Known.Select(k => Hole().Replace(k.Name, "{}")).ToHashSet(StringComparer.OrdinalIgnoreCase);

        read.ShouldNotBeEmpty();
        read.Where(key => !known.Contains(key) && !known.Contains(OpenLast(key))).ShouldBeEmpty("add these rows to docs/configuration.md");
    }

    [Fact]
    public void The_handbook_names_each_setting_once() =>
        EffectiveSettings.Known.GroupBy(k => k.Name, StringComparer.OrdinalIgnoreCase).Where(g => g.Count() > 1).Select(g => g.Key).ShouldBeEmpty();

    [Fact]
    public void Settings_in_force_are_the_handbooks_and_secrets_are_hidden()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Database:PoolSize"] = "16",
            ["Otlp:Endpoint"] = "http://jo:secret@collector:4317",
            ["Otlp:Headers"] = "x-key=secret",
            ["Logging:LogLevel:Npgsql"] = "Debug",
            ["PATH"] = "/usr/bin",
        }).Build();
        var settings = EffectiveSettings.Read(configuration).ToDictionary(s => s.Name);

        settings["Database:PoolSize"].ShouldBe(new SettingInForce("Database:PoolSize", "16", "16", false));
        settings["Otlp:Endpoint"].Value.ShouldBe("http://***@collector:4317");
        settings["Otlp:Headers"].Value.ShouldBe("***");
        settings["Logging:LogLevel:Npgsql"].Overridden.ShouldBeTrue();
        settings.ShouldNotContainKey("PATH");
    }

    [Fact]
    public void Every_problem_code_is_in_the_handbook_with_its_status()
    {
        var handbook = File.ReadAllText(Path.Combine(Root, "docs", "api", "problems.md"));
        var documented = Documented().Matches(handbook).Select(m => m.Groups["code"].Value).ToArray();
        var used = ProblemCodes().ToHashSet(StringComparer.Ordinal);

        used.ShouldNotBeEmpty();
        used.Except(documented).Order().ShouldBeEmpty("add these rows to docs/api/problems.md");
        documented.Except(used).Order().ShouldBeEmpty("no code gives these any more; take them out of docs/api/problems.md");
        documented.GroupBy(c => c).Where(g => g.Count() > 1).Select(g => g.Key).ShouldBeEmpty();
    }

    [Fact, Trait("Req", "OBS-1")]
    public void Every_text_that_our_log_lines_hold_is_allowed_by_name()
    {
        var unknown = Sources().SelectMany(source => LogMethod().Matches(source.Text).SelectMany(method => Parameter().Matches(method.Groups["parameters"].Value)
                .Where(p => p.Groups["type"].Value is "string" or "string?" or "double" or "double?" or "decimal")
                .Select(p => p.Groups["name"].Value)
                .Where(name => !LogScrubber.Names.Contains(name, StringComparer.OrdinalIgnoreCase))
                .Select(name => $"{source.Path}: {name}")))
            .Distinct().ToArray();

        unknown.ShouldBeEmpty("they are logged as ***: add the placeholder to LogScrubber.Names if no value of it can ever be personal data");
    }

    /// <summary>Members of the modules' options classes, which are bound by section.</summary>
    private static IEnumerable<string> OptionsSettings() =>
        from source in Sources()
        let name = OptionsClass().Match(source.Text)
        where name.Success && source.Path.Contains("/Modules/", StringComparison.Ordinal)
        from property in OptionsProperty().Matches(source.Text)
        select $"{name.Groups["section"].Value}:{property.Groups["name"].Value}";

    private static IEnumerable<string> ProblemCodes()
    {
        var areas = Directory.GetDirectories(Path.Combine(Root, "src", "Modules")).Select(d => Path.GetFileName(d).ToLowerInvariant())
            .Concat(["request", "auth", "platform", "ops"]).ToHashSet(StringComparer.Ordinal);
        return from source in Sources()
               where !source.Path.EndsWith("/Roles.cs", StringComparison.Ordinal) && !source.Path.Contains("/Packs/", StringComparison.Ordinal)
               from match in CodeLike().Matches(source.Text)
               where areas.Contains(match.Groups["area"].Value) && !Permission().IsMatch(match.Value)
               where !NotACode().IsMatch(source.Text[Math.Max(0, match.Index - 40)..match.Index])
               select match.Groups["code"].Value;
    }

    private static IEnumerable<(string Path, string Text)> Sources() =>
        from path in Directory.EnumerateFiles(Path.Combine(Root, "src"), "*.cs", SearchOption.AllDirectories)
        where !path.Contains("/obj/", StringComparison.Ordinal) && !path.Contains("/bin/", StringComparison.Ordinal)
        select (path[Root.Length..], File.ReadAllText(path));

    private static string OpenLast(string key) => key.LastIndexOf(':') is >= 0 and var colon ? $"{key[..colon]}:{{}}" : key;

    private static string FindRoot([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", ".."));

    [GeneratedRegex(@"[cC]onfiguration(?:\[|\.GetValue(?:<[^>]+>)?\(\s*|\.GetSection\()\$?""(?<key>[^""]+)""")]
    private static partial Regex SettingRead();

    [GeneratedRegex(@"\{[^}]*\}")]
    private static partial Regex Hole();

    [GeneratedRegex(@"sealed class (?<section>[A-Z]\w+)Options\b")]
    private static partial Regex OptionsClass();

    [GeneratedRegex(@"public [\w?<>\[\], ]+ (?<name>\w+) \{ get; (?:set|init); \}")]
    private static partial Regex OptionsProperty();

    [GeneratedRegex(@"""(?<code>(?<area>[a-z]+)\.[a-z][a-z0-9_]+)""")]
    private static partial Regex CodeLike();

    [GeneratedRegex("""\.(?:read|write|manage|self|ask|report|pack|key)"$""")]
    private static partial Regex Permission();

    /// <summary>Schema names in SQL text, span tags, names of metrics and of HTTP clients.</summary>
    [GeneratedRegex(@"(?:RequirePermission\(|May\(|SetTag\(|to_regclass\(|Subscribe<\w+>\(|\.Sql\()$")]
    private static partial Regex NotACode();

    [GeneratedRegex(@"^\| `(?<code>[a-z]+\.[a-z0-9_]+)` \| \d{3}", RegexOptions.Multiline)]
    private static partial Regex Documented();

    [GeneratedRegex(@"\[LoggerMessage\([^\]]*\)\]\s*(?:private|internal|public) static partial void \w+\((?<parameters>[^)]*)\)", RegexOptions.Singleline)]
    private static partial Regex LogMethod();

    [GeneratedRegex(@"(?<type>[\w?<>.]+) (?<name>\w+)\s*(?:,|$)")]
    private static partial Regex Parameter();
}
