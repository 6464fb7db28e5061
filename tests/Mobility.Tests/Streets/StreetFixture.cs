using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Mobility.Geo;

namespace Mobility.Tests.Streets;

/// <summary>A small map that is drawn in meters, and written in the forms in which extracts are downloaded.</summary>
internal sealed class StreetFixture(GeoPoint home)
{
    private readonly List<(long Id, GeoPoint Point)> _nodes = [];
    private readonly List<(string[] Tags, long[] Nodes)> _ways = [];

    public GeoPoint this[long id] => _nodes.Single(node => node.Id == id).Point;

    public StreetFixture Node(long id, double north, double east) => Node(id, home.OffsetMeters(north, east));

    public StreetFixture Node(long id, GeoPoint point)
    {
        _nodes.Add((id, new GeoPoint(Math.Round(point.LatitudeDegrees, 7), Math.Round(point.LongitudeDegrees, 7))));
        return this;
    }

    /// <param name="tags">Like <c>highway=residential access=private</c>.</param>
    /// <param name="nodes">Their ids.</param>
    public StreetFixture Way(string tags, params long[] nodes)
    {
        _ways.Add((tags.Split(' '), nodes));
        return this;
    }

    public byte[] Xml(bool areWaysFirst = false)
    {
        var nodes = string.Concat(_nodes.Select(node => FormattableString.Invariant(
            $"""<node id="{node.Id}" lat="{node.Point.LatitudeDegrees}" lon="{node.Point.LongitudeDegrees}"><tag k="note" v="&lt;"/></node>{'\n'}""")));
        var ways = string.Concat(_ways.Select((way, index) => FormattableString.Invariant(
            $"""<way id="{index}">{string.Concat(way.Nodes.Select(node => $"<nd ref='{node}'/>"))}{string.Concat(way.Tags.Select(XmlTag))}</way>{'\n'}""")));
        return Encoding.UTF8.GetBytes($"""
            <?xml version="1.0" encoding="UTF-8"?>
            <!-- by hand -->
            <osm version="0.6"><note>A map.</note><bounds minlat="1" minlon="1" maxlat="2" maxlon="2"/>
            {(areWaysFirst ? ways + nodes : nodes + ways)}<relation id="1"><member type="way" ref="1" role=""/></relation></osm>
            """);
    }

    /// <summary>One blob with dense nodes and another with the ways, as osmium and Osmosis write them.</summary>
    public byte[] Pbf(bool isPacked = true)
    {
        var strings = _ways.SelectMany(way => way.Tags).SelectMany(tag => tag.Split('=')).Distinct().Prepend("").ToList();
        var table = Message(1, [.. strings.SelectMany(text => Message(1, Encoding.UTF8.GetBytes(text)))]);
        var dense = Message(1, Steps(_nodes.Select(node => node.Id)))
            .Concat(Message(8, Steps(_nodes.Select(node => Units(node.Point.LatitudeDegrees - 1)))))
            .Concat(Message(9, Steps(_nodes.Select(node => Units(node.Point.LongitudeDegrees))))).ToArray();
        // An offset of one degree of latitude, and a tenth of the usual granularity.
        var nodes = table.Concat(Message(2, Message(2, dense))).Concat(Number(17, 10)).Concat(Number(19, 1_000_000_000)).ToArray();
        var ways = _ways.SelectMany((way, index) => Message(3, [.. Number(1, (ulong)index),
            .. Message(2, Packed(way.Tags.Select(tag => (ulong)strings.IndexOf(tag.Split('=')[0])))),
            .. Message(3, Packed(way.Tags.Select(tag => (ulong)strings.IndexOf(tag.Split('=')[1])))),
            .. Message(8, Steps(way.Nodes))]));
        return
        [
            .. Blob("OSMHeader", [.. Message(4, "OsmSchema-V0.6"u8.ToArray()), .. Message(4, "DenseNodes"u8.ToArray())], isPacked),
            .. Blob("OSMData", nodes, isPacked),
            .. Blob("OSMData", [.. table, .. Message(2, [.. ways])], isPacked),
        ];
    }

    public static byte[] Gzip(byte[] content)
    {
        using var packed = new MemoryStream();
        using (var stream = new GZipStream(packed, CompressionMode.Compress))
            stream.Write(content);
        return packed.ToArray();
    }

    private static string XmlTag(string tag) => tag.Split('=') is [var key, var value] ? $"""<tag k="{key}" v="{value}"/>""" : throw new FormatException(tag);

    private static long Units(double degrees) => (long)Math.Round(degrees * 1e7) * 10;

    private static byte[] Blob(string type, byte[] block, bool isPacked)
    {
        using var packed = new MemoryStream();
        using (var stream = new ZLibStream(packed, CompressionMode.Compress, leaveOpen: true))
            stream.Write(block);
        byte[] blob = isPacked ? [.. Number(2, (ulong)block.Length), .. Message(3, packed.ToArray())] : Message(1, block);
        byte[] header = [.. Message(1, Encoding.UTF8.GetBytes(type)), .. Number(3, (ulong)blob.Length)];
        var length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, header.Length);
        return [.. length, .. header, .. blob];
    }

    private static byte[] Message(ulong number, byte[] content) => [.. Varint((number << 3) | 2), .. Varint((ulong)content.Length), .. content];

    private static byte[] Number(ulong number, ulong value) => [.. Varint(number << 3), .. Varint(value)];

    private static byte[] Packed(IEnumerable<ulong> numbers) => [.. numbers.SelectMany(Varint)];

    private static byte[] Steps(IEnumerable<long> numbers)
    {
        var before = 0L;
        return Packed(numbers.Select(number =>
        {
            var step = number - before;
            before = number;
            return unchecked((ulong)((step << 1) ^ (step >> 63)));
        }).ToArray());
    }

    private static byte[] Varint(ulong value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)((value & 0x7F) | 0x80));
        bytes.Add((byte)value);
        return [.. bytes];
    }
}
