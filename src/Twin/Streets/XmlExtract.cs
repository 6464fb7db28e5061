using System.Globalization;
using System.Xml;
using Mobility.Geo;

namespace Mobility.Twin.Streets;

/// <summary>OpenStreetMap's XML (wiki.openstreetmap.org/wiki/OSM_XML).</summary>
internal static class XmlExtract
{
    private static readonly XmlReaderSettings Settings = new() { DtdProcessing = DtdProcessing.Prohibit, IgnoreComments = true, IgnoreWhitespace = true };

    /// <summary>Reads all; false when it is not such XML.</summary>
    /// <exception cref="XmlException">It breaks off or is not well formed.</exception>
    /// <exception cref="InvalidDataException">Something that each node or way has is missing.</exception>
    public static bool Read(Stream content, Action<long, GeoPoint>? node, Action<MapWay>? way, CancellationToken ct)
    {
        using var reader = XmlReader.Create(content, Settings);
        if (!IsMap(reader))
            return false;
        var one = new MapWay();
        reader.ReadStartElement();
        while (reader.MoveToContent() == XmlNodeType.Element)
        {
            ct.ThrowIfCancellationRequested();
            if (node is not null && reader.LocalName == "node")
                node(Id(reader, "id"), MapExtract.Point(Degrees(reader, "lat"), Degrees(reader, "lon")));
            if (way is null || reader.LocalName != "way")
            {
                reader.Skip();
                continue;
            }
            Fill(one, reader);
            way(one);
        }
        return true;
    }

    private static bool IsMap(XmlReader reader)
    {
        try
        {
            return reader.MoveToContent() == XmlNodeType.Element && reader.LocalName == "osm";
        }
        catch (XmlException)
        {
            return false;
        }
    }

    private static void Fill(MapWay way, XmlReader reader)
    {
        way.Clear();
        var isEmpty = reader.IsEmptyElement;
        reader.Read();
        if (isEmpty)
            return;
        for (; reader.MoveToContent() == XmlNodeType.Element; reader.Skip())
            if (reader.LocalName == "nd")
                way.Nodes.Add(Id(reader, "ref"));
            else if (reader.LocalName == "tag")
                way.Tags[Text(reader, "k")] = Text(reader, "v");
        reader.ReadEndElement();
    }

    private static long Id(XmlReader reader, string name) => long.Parse(Text(reader, name), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);

    private static double Degrees(XmlReader reader, string name) => double.Parse(Text(reader, name), NumberStyles.Float, CultureInfo.InvariantCulture);

    private static string Text(XmlReader reader, string name) =>
        reader.GetAttribute(name) ?? throw new InvalidDataException($"A {reader.LocalName} has no {name}.");
}
