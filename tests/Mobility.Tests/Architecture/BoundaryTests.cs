using System.Reflection;
using System.Text.RegularExpressions;
using Mobility.Host;
using Mobility.Platform.Modules;
using Mobility.Tests.Support;

namespace Mobility.Tests.Architecture;

/// <summary>The rules between the rooms of the house, read from the built assemblies and the files themselves; a rule that finds nothing to look at fails.</summary>
public sealed partial class BoundaryTests
{
    private const int SliceLinesMax = 300;
    private const int ReadmeLinesMax = 30;
    private static readonly string[] SharedRooms = ["Mobility.Platform", "Mobility.Contracts", "Mobility.Geo"];
    private static readonly IReadOnlyList<IModule> Modules = new MobilityAppOptions { ConnectionString = "" }.AllModules;

    public static TheoryData<string> Names() => [.. Modules.Select(m => m.Name)];

    [Theory, MemberData(nameof(Names))]
    public void A_module_sees_platform_contracts_and_geo_and_no_other_module(string name)
    {
        var references = AssemblyOf(name).GetReferencedAssemblies().Select(a => a.Name!).Where(a => a.StartsWith("Mobility.", StringComparison.Ordinal)).ToList();
        references.ShouldContain("Mobility.Platform");
        references.ShouldBeSubsetOf(SharedRooms);
    }

    [Fact]
    public void The_project_of_a_module_references_no_other_module()
    {
        var projects = Directory.GetFiles(Repository.PathOf("src", "Modules"), "*.csproj", SearchOption.AllDirectories).Where(IsSource).ToList();
        projects.Count.ShouldBeGreaterThanOrEqualTo(Modules.Count);
        projects.Where(file => ProjectReference().Matches(File.ReadAllText(file)).Any(m => !SharedRooms.Contains(Path.GetFileNameWithoutExtension(m.Groups[1].Value))))
            .ShouldBeEmpty();
    }

    [Fact]
    public void The_shared_rooms_know_no_module() => new[] { typeof(IModule), typeof(Mobility.Contracts.CityPack), typeof(Mobility.Geo.GeoPoint) }
        .SelectMany(type => type.Assembly.GetReferencedAssemblies()).Select(a => a.Name!).Where(a => a.StartsWith("Mobility.", StringComparison.Ordinal))
        .ShouldBeSubsetOf(SharedRooms);

    [Theory, MemberData(nameof(Names))]
    public void The_module_class_is_all_that_a_module_shows(string name) =>
        AssemblyOf(name).GetExportedTypes().ShouldBe([Modules.Single(m => m.Name == name).GetType()]);

    [Fact]
    public void A_use_case_fits_its_file()
    {
        var files = Sources("src/Modules");
        files.Count.ShouldBeGreaterThan(100);
        files.Where(file => File.ReadAllText(file).Contains(" Handle(", StringComparison.Ordinal) && File.ReadLines(file).Count() > SliceLinesMax).Select(Shown).ShouldBeEmpty($"more than {SliceLinesMax} lines: split the use case");
    }

    [Fact]
    public void Nothing_is_left_for_later()
    {
        string[] banned = ["TO" + "DO", "FIX" + "ME", "HA" + "CK", "XX" + "X"];
        Sources("src", "tests", "bench").Concat(Directory.GetFiles(Repository.PathOf("docs"), "*.md", SearchOption.AllDirectories))
            .SelectMany(file => File.ReadLines(file).Select((line, i) => (line, at: $"{Shown(file)}:{i + 1}")))
            .Where(l => banned.Any(word => Regex.IsMatch(l.line, $@"\b{word}\b"))).Select(l => l.at).ShouldBeEmpty();
    }

    [Theory, MemberData(nameof(Names))]
    public void Every_module_introduces_itself_on_one_page(string name)
    {
        var folder = AssemblyOf(name).GetName().Name!["Mobility.".Length..];
        var readme = Repository.PathOf("src", "Modules", folder, "README.md");
        File.Exists(readme).ShouldBeTrue();
        File.ReadLines(readme).Count().ShouldBeLessThanOrEqualTo(ReadmeLinesMax);
        File.ReadAllText(Repository.PathOf("README.md")).ShouldContain($"src/Modules/{folder}/README.md");
    }

    [Fact]
    public void Links_in_documents_lead_somewhere()
    {
        var documents = Directory.GetFiles(Repository.PathOf("docs"), "*.md", SearchOption.AllDirectories)
            .Concat(Directory.GetFiles(Repository.PathOf("src"), "README.md", SearchOption.AllDirectories).Where(IsSource))
            .Concat([Repository.PathOf("README.md"), Repository.PathOf("ARCHITECTURE.md")]).ToList();
        documents.Count.ShouldBeGreaterThan(10);
        var broken =
            from document in documents
            from Match link in Link().Matches(File.ReadAllText(document))
            let target = Path.Combine(Path.GetDirectoryName(document)!, link.Groups[1].Value)
            where !File.Exists(target) && !Directory.Exists(target)
            select $"{Shown(document)}: {link.Groups[1].Value}";
        broken.ShouldBeEmpty();
    }

    private static Assembly AssemblyOf(string name) => Modules.Single(m => m.Name == name).GetType().Assembly;

    private static IReadOnlyList<string> Sources(params string[] folders) =>
        [.. folders.SelectMany(folder => Directory.GetFiles(Repository.PathOf(folder), "*.cs", SearchOption.AllDirectories)).Where(IsSource)];

    private static bool IsSource(string file) => !Regex.IsMatch(file, @"[\\/](obj|bin|artifacts|node_modules)[\\/]");

    private static string Shown(string file) => Path.GetRelativePath(Repository.Root, file);

    [GeneratedRegex("<ProjectReference Include=\"([^\"]+)\"")]
    private static partial Regex ProjectReference();

    [GeneratedRegex("\\]\\(((?!https?:|mailto:|#)[^)#\\s]+)(#[^)]*)?\\)")]
    private static partial Regex Link();
}
