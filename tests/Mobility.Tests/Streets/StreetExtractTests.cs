using System.Text;
using Mobility.Geo;
using Mobility.Host.Commands;
using Mobility.Platform;
using Mobility.Tests.Twin;
using Mobility.Twin.Streets;

namespace Mobility.Tests.Streets;

/// <summary>What is no extract, or none of the city, is said in one sentence.</summary>
public sealed class StreetExtractTests
{
    private static readonly GeoPoint Home = new(48.2, 11.5);
    private static readonly StreetFixture Map = new StreetFixture(Home).Node(1, 0, 0).Node(2, 400, 0).Node(3, 400, 400).Way("highway=residential", 1, 2, 3);

    [Theory]
    [InlineData("")]
    [InlineData("PK")]
    [InlineData("id,start,end\n1,2,3\n")]
    [InlineData("<!DOCTYPE html><html><body>Not found</body></html>")]
    [InlineData("<gpx version=\"1.1\"></gpx>")]
    public void Another_file_is_no_extract(string content)
    {
        Refused(Encoding.UTF8.GetBytes(content)).ShouldContain("is no OpenStreetMap extract");
        Refused(StreetFixture.Gzip(Encoding.UTF8.GetBytes(content))).ShouldContain("is no OpenStreetMap extract");
    }

    [Theory]
    [InlineData("<osm><node id=\"1\" lat=\"48\"/></osm>")]
    [InlineData("<osm><node id=\"one\" lat=\"48\" lon=\"11\"/></osm>")]
    [InlineData("<osm><node id=\"1\" lat=\"148\" lon=\"11\"/></osm>")]
    [InlineData("<osm><node id=\"99999999999999999999\" lat=\"48\" lon=\"11\"/></osm>")]
    [InlineData("<osm><way id=\"1\"><nd ref=\"1\"/>")]
    public void A_damaged_one_is_said_to_be_damaged(string content) => Refused(Encoding.UTF8.GetBytes(content)).ShouldContain(" is damaged: ");

    [Fact]
    public void One_that_breaks_off_or_has_other_bytes_is_read_or_refused_and_never_a_surprise()
    {
        var random = new Random(1);
        foreach (var whole in new[] { Map.Pbf(), Map.Pbf(isPacked: false), Map.Xml(), StreetFixture.Gzip(Map.Xml()) })
        {
            for (var length = 0; length < whole.Length - 4; length += 3)
                TryRead(whole[..length]);
            for (var round = 0; round < 300; round++)
            {
                var damaged = whole.ToArray();
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
                TryRead(damaged);
            }
        }
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(-48, 100)]
    public void One_of_elsewhere_has_no_street_in_the_city(double latitude, double longitude) =>
        Refused(new StreetFixture(new GeoPoint(latitude, longitude)).Node(1, 0, 0).Node(2, 400, 0).Way("highway=residential", 1, 2).Pbf())
            .ShouldContain("has no street around the city's bays");

    [Fact]
    public void One_without_streets_has_no_street_in_the_city() =>
        Refused(new StreetFixture(Home).Node(1, 0, 0).Node(2, 400, 0).Way("highway=footway", 1, 2).Way("highway=residential", 1, 1, 77).Xml())
            .ShouldContain("has no street around the city's bays");

    [Fact]
    public async Task The_command_says_which_file_is_missing_before_anything_is_started()
    {
        var refused = await Should.ThrowAsync<PlatformStartException>(() => TwinCommand.Create().Parse(["--streets", "/nowhere/city.osm.pbf"])
            .InvokeAsync(new() { EnableDefaultExceptionHandler = false }));
        refused.Message.ShouldStartWith("/nowhere/city.osm.pbf cannot be read: ");
    }

    private static string Refused(byte[] content)
    {
        using var file = new TemporaryFile(content);
        var message = Should.Throw<MapFileException>(() => StreetGraph.Read(file.Path, [Home], CancellationToken.None)).Message;
        message.ShouldStartWith(file.Path);
        return message;
    }

    private static void TryRead(byte[] content)
    {
        using var file = new TemporaryFile(content);
        try
        {
            StreetGraph.Read(file.Path, [Home], CancellationToken.None).Nodes.ShouldBeInRange(2, 3);
        }
        catch (MapFileException refused)
        {
            refused.Message.ShouldStartWith(file.Path);
        }
    }
}
