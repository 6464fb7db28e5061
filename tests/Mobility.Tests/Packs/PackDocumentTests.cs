using System.Text.RegularExpressions;
using Mobility.Host.Packs;

namespace Mobility.Tests.Packs;

/// <summary>The document describes the format that is read.</summary>
public sealed partial class PackDocumentTests
{
    private static readonly string Document = File.ReadAllText(Path.Combine(PackFolder.RepositoryRoot, "docs", "city-packs.md")).ReplaceLineEndings("\n");

    [Fact]
    public void The_example_in_the_document_is_the_small_pack()
    {
        foreach (var file in CityPackReader.Files)
            Document.ShouldContain($"```{Language(file)}\n{File.ReadAllText(Path.Combine(PackFolder.Tiny, file))}```", Case.Sensitive, file);
    }

    [Fact]
    public void Every_error_code_of_the_reader_is_explained()
    {
        var sources = Directory.GetFiles(Path.Combine(PackFolder.RepositoryRoot, "src", "Host", "Packs"), "*.cs").Select(File.ReadAllText);
        var used = sources.SelectMany(text => Code().Matches(text)).Select(match => match.Groups[1].Value).Distinct().Order().ToList();
        used.ShouldNotBeEmpty();
        used.Where(code => !Document.Contains($"| `{code}` |", StringComparison.Ordinal)).ShouldBeEmpty();
        Row().Matches(Document).Select(match => match.Groups[1].Value).Order().ShouldBe(used);
    }

    private static string Language(string file) => Path.GetExtension(file) == ".csv" ? "csv" : "json";

    [GeneratedRegex("\"(pack\\.[a-z_]+)\"")]
    private static partial Regex Code();

    [GeneratedRegex("^\\| `(pack\\.[a-z_]+)` \\|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
