using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Mobility.Geo;

namespace Mobility.Twin.Streets;

/// <summary>
/// OpenStreetMap's PBF (wiki.openstreetmap.org/wiki/PBF_Format; the numbers of fields are those of fileformat.proto and osmformat.proto): blobs, each a block of
/// some thousand nodes or ways with its own table of strings.
/// </summary>
/// <param name="node">Gets each node; null to pass them over.</param>
/// <param name="way">Gets each way; null to pass them over.</param>
internal sealed class PbfExtract(Action<long, GeoPoint>? node, Action<MapWay>? way)
{
    // The format's own limits.
    private const int HeaderBytesMax = 64 * 1024;
    private const int BlobBytesMax = 32 * 1024 * 1024;

    private const int LengthBytes = 4;
    private const long DefaultGranularity = 100;
    private const double NanodegreesADegree = 1e9;
    private static readonly string[] KnownFeatures = ["OsmSchema-V0.6", "DenseNodes"];
    private readonly MapWay _way = new();
    private readonly List<ulong> _first = [];
    private readonly List<ulong> _second = [];
    private readonly List<ulong> _third = [];

    private readonly ref struct Block(ReadOnlySpan<byte> strings, long granularity, long latitudeOffset, long longitudeOffset)
    {
        public ReadOnlySpan<byte> Strings { get; } = strings;

        public GeoPoint PointOf(long latitude, long longitude) => MapExtract.Point(
            (latitudeOffset + granularity * latitude) / NanodegreesADegree, (longitudeOffset + granularity * longitude) / NanodegreesADegree);
    }

    /// <summary>Whether a file begins with the length of a header that has the type OSMHeader.</summary>
    public static bool Recognizes(Stream begin)
    {
        var type = "\n\tOSMHeader"u8; // field 1, nine bytes long
        var head = new byte[LengthBytes + type.Length];
        return begin.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) == head.Length && head.AsSpan(LengthBytes).SequenceEqual(type);
    }

    /// <summary>Reads all.</summary>
    /// <exception cref="InvalidDataException">It is damaged, or needs what is not known.</exception>
    /// <exception cref="EndOfStreamException">It breaks off.</exception>
    /// <exception cref="OverflowException">It has numbers that no extract has.</exception>
    public void Read(Stream content, CancellationToken ct)
    {
        var length = new byte[LengthBytes];
        while (content.ReadAtLeast(length, LengthBytes, throwOnEndOfStream: false) is > 0 and var read)
        {
            ct.ThrowIfCancellationRequested();
            if (read < LengthBytes)
                throw new InvalidDataException("It breaks off between two blobs.");
            var header = Take(content, BinaryPrimitives.ReadInt32BigEndian(length), HeaderBytesMax);
            var (type, size) = ("", 0L);
            for (var fields = new PbfFields(header); fields.Next();)
                if (fields.Number == 1)
                    type = Encoding.UTF8.GetString(fields.Bytes);
                else if (fields.Number == 3)
                    size = (long)fields.Value;
            var blob = Take(content, size, BlobBytesMax);
            if (type == "OSMHeader")
                Require(Unpack(blob));
            else if (type == "OSMData")
                ReadBlock(Unpack(blob));
        }
    }

    private static byte[] Take(Stream content, long size, long max)
    {
        if (size < 0 || size > max)
            throw new InvalidDataException($"A blob has {size} bytes, and {max} at most are allowed.");
        var taken = new byte[size];
        content.ReadExactly(taken);
        return taken;
    }

    private static byte[] Unpack(ReadOnlySpan<byte> blob)
    {
        var (size, isPlain) = (0L, false);
        ReadOnlySpan<byte> packed = default;
        for (var fields = new PbfFields(blob); fields.Next();)
            switch (fields.Number)
            {
                case 1: packed = fields.Bytes; isPlain = true; break;
                case 2: size = (long)fields.Value; break;
                case 3: packed = fields.Bytes; break;
                default: throw new InvalidDataException("It is packed otherwise than with zlib.");
            }
        if (isPlain)
            return packed.ToArray();
        using var unpacked = new ZLibStream(new MemoryStream(packed.ToArray()), CompressionMode.Decompress);
        return Take(unpacked, size, BlobBytesMax);
    }

    private static void Require(ReadOnlySpan<byte> header)
    {
        for (var fields = new PbfFields(header); fields.Next();)
            if (fields.Number == 4 && Encoding.UTF8.GetString(fields.Bytes) is var feature && !KnownFeatures.Contains(feature))
                throw new InvalidDataException($"It needs {feature}, which is not known here.");
    }

    private void ReadBlock(ReadOnlySpan<byte> content)
    {
        ReadOnlySpan<byte> strings = default;
        var (granularity, latitudeOffset, longitudeOffset) = (DefaultGranularity, 0L, 0L);
        for (var fields = new PbfFields(content); fields.Next();)
            switch (fields.Number)
            {
                case 1: strings = fields.Bytes; break;
                case 17: granularity = (long)fields.Value; break;
                case 19: latitudeOffset = unchecked((long)fields.Value); break;
                case 20: longitudeOffset = unchecked((long)fields.Value); break;
            }
        // What positions are counted in stands behind them.
        var block = new Block(strings, granularity, latitudeOffset, longitudeOffset);
        string[]? table = null;
        for (var fields = new PbfFields(content); fields.Next();)
            if (fields.Number == 2)
                for (var group = new PbfFields(fields.Bytes); group.Next();)
                    if (group.Number == 1 && node is not null)
                        ReadNode(group.Bytes, block, node);
                    else if (group.Number == 2 && node is not null)
                        ReadDense(group.Bytes, block, node);
                    else if (group.Number == 3 && way is not null)
                        ReadWay(group.Bytes, table ??= Table(block.Strings), way);
    }

    private static string[] Table(ReadOnlySpan<byte> strings)
    {
        var table = new List<string>();
        for (var fields = new PbfFields(strings); fields.Next();)
            if (fields.Number == 1)
                table.Add(Encoding.UTF8.GetString(fields.Bytes));
        return [.. table];
    }

    private static void ReadNode(ReadOnlySpan<byte> content, Block block, Action<long, GeoPoint> node)
    {
        var (id, latitude, longitude) = (0L, 0L, 0L);
        for (var fields = new PbfFields(content); fields.Next();)
            switch (fields.Number)
            {
                case 1: id = PbfFields.Signed(fields.Value); break;
                case 8: latitude = PbfFields.Signed(fields.Value); break;
                case 9: longitude = PbfFields.Signed(fields.Value); break;
            }
        node(id, block.PointOf(latitude, longitude));
    }

    /// <summary>Columns of ids, latitudes and longitudes, each number the difference to the one before.</summary>
    private void ReadDense(ReadOnlySpan<byte> content, Block block, Action<long, GeoPoint> tell)
    {
        ReadColumns(content, 1, 8, 9);
        if (_second.Count != _first.Count || _third.Count != _first.Count)
            throw new InvalidDataException("Nodes have no position.");
        var (id, latitude, longitude) = (0L, 0L, 0L);
        for (var row = 0; row < _first.Count; row++)
        {
            id += PbfFields.Signed(_first[row]);
            latitude += PbfFields.Signed(_second[row]);
            longitude += PbfFields.Signed(_third[row]);
            tell(id, block.PointOf(latitude, longitude));
        }
    }

    private void ReadWay(ReadOnlySpan<byte> content, string[] table, Action<MapWay> tell)
    {
        ReadColumns(content, 2, 3, 8);
        if (_second.Count != _first.Count)
            throw new InvalidDataException("A way has tags without a value.");
        _way.Clear();
        for (var tag = 0; tag < _first.Count; tag++)
            _way.Tags[StringAt(table, _first[tag])] = StringAt(table, _second[tag]);
        var id = 0L;
        foreach (var step in _third)
            _way.Nodes.Add(id += PbfFields.Signed(step));
        tell(_way);
    }

    private void ReadColumns(ReadOnlySpan<byte> content, ulong first, ulong second, ulong third)
    {
        _first.Clear();
        _second.Clear();
        _third.Clear();
        for (var fields = new PbfFields(content); fields.Next();)
            if (fields.Number == first)
                fields.AppendTo(_first);
            else if (fields.Number == second)
                fields.AppendTo(_second);
            else if (fields.Number == third)
                fields.AppendTo(_third);
    }

    private static string StringAt(string[] table, ulong number) =>
        number < (ulong)table.Length ? table[number] : throw new InvalidDataException("A tag is not in the table of strings.");
}
