using System.Text.Json;
using System.Text.Json.Nodes;
using Mobility.Host;
using Mobility.Tests.Support;

namespace Mobility.Tests.Architecture;

/// <summary>docs/api holds the OpenAPI document of each module as it is served, so that a change of the API is seen in review.</summary>
public sealed class OpenApiTests(PlatformFixture platform) : IClassFixture<PlatformFixture>
{
    private static readonly JsonSerializerOptions Indented =
        new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly string[] Served = [.. new MobilityAppOptions { ConnectionString = "" }.AllModules.Select(m => m.Name), "operations"];

    public static TheoryData<string> Documents() => [.. Served];

    [Theory, MemberData(nameof(Documents))]
    public async Task The_served_document_is_the_one_in_the_repository(string document)
    {
        var served = JsonNode.Parse(await platform.Http.GetStringAsync($"/openapi/{document}.json"))!.AsObject();
        served.Remove("servers"); // the address of this run
        Repository.ShouldBeRecorded(Repository.PathOf("docs", "api", $"{document}.json"), served.ToJsonString(Indented) + "\n");
    }

    [Fact]
    public void Every_document_in_the_repository_is_served() =>
        Directory.GetFiles(Repository.PathOf("docs", "api"), "*.json").Select(file => Path.GetFileNameWithoutExtension(file)!)
            .Where(name => !name.EndsWith(".schema", StringComparison.Ordinal)).Except(Served).ShouldBeEmpty();
}
