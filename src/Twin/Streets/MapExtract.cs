using System.IO.Compression;
using System.Xml;
using Mobility.Geo;

namespace Mobility.Twin.Streets;

/// <summary>No streets can be taken from a file; the message is for the person who gave it.</summary>
public sealed class MapFileException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>A way of an extract.</summary>
internal sealed class MapWay
{
    /// <summary>Ids of its nodes, in order.</summary>
    public List<long> Nodes { get; } = [];

    /// <summary>What is known of it.</summary>
    public Dictionary<string, string> Tags { get; } = new(StringComparer.Ordinal);

    /// <summary>For the next way, so that a country's ways do not each need their own.</summary>
    public void Clear()
    {
        Nodes.Clear();
        Tags.Clear();
    }
}

/// <summary>
/// Reads nodes and ways of OpenStreetMap extracts as they are downloaded: PBF or XML, plain or in gzip. What a file is, is recognized by its content. Nodes and
/// ways come one by one; a file is never held whole.
/// </summary>
internal static class MapExtract
{
    private static readonly byte[] GzipMark = [0x1F, 0x8B];

    /// <param name="path">The file.</param>
    /// <param name="node">Gets the id and position of each node; null to pass them over.</param>
    /// <param name="way">Gets each way, which is good until the next; null to pass them over.</param>
    /// <param name="ct">Ends the reading.</param>
    /// <exception cref="MapFileException">The file cannot be opened, is no extract, or is damaged.</exception>
    public static void Read(string path, Action<long, GeoPoint>? node, Action<MapWay>? way, CancellationToken ct)
    {
        try
        {
            bool isPbf;
            using (var begin = Open(path))
                isPbf = PbfExtract.Recognizes(begin);
            using var content = Open(path);
            if (isPbf)
                new PbfExtract(node, way).Read(content, ct);
            else if (!XmlExtract.Read(content, node, way, ct))
                throw new MapFileException($"{path} is no OpenStreetMap extract; a .osm.pbf, a .osm or a .osm.gz file is needed.");
        }
        catch (Exception damaged) when (damaged is InvalidDataException or XmlException or EndOfStreamException or FormatException or OverflowException)
        {
            throw new MapFileException($"{path} is damaged: {damaged.Message}", damaged);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new MapFileException($"{path} cannot be read: {refused.Message}", refused);
        }
    }

    /// <summary>A position that a file gives in degrees.</summary>
    /// <exception cref="InvalidDataException">It is not on earth.</exception>
    public static GeoPoint Point(double latitudeDegrees, double longitudeDegrees) =>
        GeoPoint.TryCreate(latitudeDegrees, longitudeDegrees, out var point) ? point : throw new InvalidDataException("A node is not on earth.");

    private static Stream Open(string path)
    {
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 64 * 1024, FileOptions.SequentialScan);
        var mark = new byte[GzipMark.Length];
        var marked = file.ReadAtLeast(mark, mark.Length, throwOnEndOfStream: false);
        file.Position = 0;
        return mark.AsSpan(0, marked).SequenceEqual(GzipMark) ? new GZipStream(file, CompressionMode.Decompress) : file;
    }
}
