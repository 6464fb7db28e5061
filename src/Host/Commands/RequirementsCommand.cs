using System.CommandLine;
using System.Reflection;
using System.Runtime.Loader;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Mobility.Platform;

namespace Mobility.Host.Commands;

/// <summary>
/// Which requirement ids have passing evidence: tests carry the id as the trait <c>Req</c>, the last test run's result files say which tests passed. An id has
/// evidence when at least one test that names it ran and every result of its tests passed.
/// </summary>
internal static partial class RequirementsCommand
{
    private const string TraitName = "Req";
    private static readonly XNamespace Trx = "http://microsoft.com/schemas/VisualStudio/TeamTest/2010";

    private sealed record Requirement(string Id, string Text);

    public static Command Create()
    {
        var command = new Command("requirements", "List the requirement ids that have passing evidence in the last test run, and those that have none.");
        command.SetAction(_ => Run(PlatformOptions.Root));
        return command;
    }

    private static int Run(string root)
    {
        var requirements = File.ReadLines(Path.Combine(root, "docs", "requirements.tsv"))
            .Select(line => line.Split('\t', 2)).Select(fields => new Requirement(fields[0], fields[1])).ToList();
        var outcomes = ReadOutcomes(Path.Combine(root, "artifacts", "test-results"));
        var tests = ReadTraits(Path.Combine(root, "artifacts", "bin"));
        var proven = 0;
        foreach (var requirement in requirements)
        {
            var names = tests.GetValueOrDefault(requirement.Id, []);
            var results = names.Select(name => outcomes.TryGetValue(name, out var passed) ? passed : (bool?)null).ToList();
            var passing = results.Any(result => result is true) && results.All(result => result is not false);
            proven += passing ? 1 : 0;
            var state = passing ? "proven" : names.Count == 0 ? "no test" : results.Any(result => result is false) ? "failing" : "not run";
            Console.WriteLine($"{requirement.Id,-8} {state,-8} {names.Count,3} tests  {Shorten(requirement.Text)}");
        }

        foreach (var unknown in tests.Keys.Except(requirements.Select(requirement => requirement.Id)).Order(StringComparer.Ordinal))
            Console.WriteLine($"{unknown,-8} unknown  a test names this id, the list does not have it");
        Console.WriteLine($"{proven} of {requirements.Count} requirement ids have passing evidence");
        return ExitCodes.Done;
    }

    /// <summary>Class and method to whether all its results passed.</summary>
    private static Dictionary<string, bool> ReadOutcomes(string folder)
    {
        var files = Directory.Exists(folder) ? Directory.GetFiles(folder, "*.trx") : [];
        if (files.Length == 0)
            throw new PlatformStartException("There are no test results yet; run ./mobility test first.");
        var outcomes = new Dictionary<string, bool>(StringComparer.Ordinal);
        foreach (var document in files.Select(XDocument.Load))
        {
            var names = document.Descendants(Trx + "UnitTest").ToDictionary(
                test => (string)test.Attribute("id")!,
                test => test.Element(Trx + "TestMethod")!,
                StringComparer.Ordinal);
            foreach (var result in document.Descendants(Trx + "UnitTestResult"))
            {
                var outcome = (string?)result.Attribute("outcome");
                if (outcome == "NotExecuted" || !names.TryGetValue((string)result.Attribute("testId")!, out var method))
                    continue;
                var name = $"{(string?)method.Attribute("className")}.{Arguments().Replace((string?)method.Attribute("name") ?? "", "")}";
                outcomes[name] = outcomes.GetValueOrDefault(name, true) && outcome == "Passed";
            }
        }

        return outcomes;
    }

    /// <summary>Requirement id to the tests that name it. The assemblies are read, never run.</summary>
    private static Dictionary<string, HashSet<string>> ReadTraits(string artifacts)
    {
        var tests = new Dictionary<string, HashSet<string>>(StringComparer.Ordinal);
        var assemblies = Directory.EnumerateFiles(artifacts, "*.Tests.dll", SearchOption.AllDirectories)
            .Where(path => path.Contains("/release/", StringComparison.Ordinal) && Path.GetFileNameWithoutExtension(path) == path.Split('/')[^3]);
        foreach (var path in assemblies)
        {
            var resolver = new AssemblyDependencyResolver(path);
            var context = new AssemblyLoadContext(path);
            context.Resolving += (loading, name) => resolver.ResolveAssemblyToPath(name) is { } file ? loading.LoadFromAssemblyPath(file) : null;
            foreach (var type in context.LoadFromAssemblyPath(path).GetTypes().Where(type => !type.IsAbstract || type.IsSealed))
                AddTraits(type, tests);
        }

        return tests;
    }

    private static void AddTraits(Type type, Dictionary<string, HashSet<string>> tests)
    {
        var inherited = Ids(type).ToList();
        foreach (var method in type.GetMethods(BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
        {
            if (!method.GetCustomAttributesData().Any(data => data.AttributeType.Name is "FactAttribute" or "TheoryAttribute"))
                continue;
            foreach (var id in Ids(method).Concat(inherited))
            {
                if (!tests.TryGetValue(id, out var names))
                    tests[id] = names = new HashSet<string>(StringComparer.Ordinal);
                names.Add($"{type.FullName}.{method.Name}");
            }
        }
    }

    private static IEnumerable<string> Ids(MemberInfo member) => member.GetCustomAttributesData()
        .Where(data => data.AttributeType.Name == "TraitAttribute" && data.ConstructorArguments is [{ Value: TraitName }, { Value: string }])
        .Select(data => (string)data.ConstructorArguments[1].Value!);

    private static string Shorten(string text) => text.Length <= 90 ? text : string.Concat(text.AsSpan(0, 87), "...");

    [GeneratedRegex(@"\(.*$", RegexOptions.Singleline)]
    private static partial Regex Arguments();
}
