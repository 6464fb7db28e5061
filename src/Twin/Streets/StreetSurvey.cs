using System.Collections.Frozen;
using System.Runtime.InteropServices;
using Mobility.Geo;

namespace Mobility.Twin.Streets;

/// <summary>Gathers the streets of an area: first all nodes, then all ways, then <see cref="Finish"/>.</summary>
/// <param name="area">Nodes outside are left out, and with them what leads there.</param>
internal sealed class StreetSurvey(GeoBox area)
{
    /// <summary>A metropolis with all its houses has a quarter of it; it bounds the memory to about a gigabyte.</summary>
    private const int NodesMax = 20_000_000;

    /// <summary>Values of <c>highway</c> (wiki.openstreetmap.org/wiki/Key:highway) that a small vehicle may use; cars have no streets of their own.</summary>
    private static readonly FrozenSet<string> Kinds = new[]
    {
        "trunk", "trunk_link", "primary", "primary_link", "secondary", "secondary_link", "tertiary", "tertiary_link",
        "unclassified", "residential", "living_street", "service", "road", "cycleway", "track",
    }.ToFrozenSet(StringComparer.Ordinal);

    private readonly List<long> _ids = [];
    private readonly List<PackedPoint> _points = [];
    private readonly List<(int From, int To)> _pieces = [];
    private bool _isSorted = true; // as nearly every extract is

    /// <summary>One node of the extract.</summary>
    /// <exception cref="MapFileException">The area has too many.</exception>
    public void AddNode(long id, GeoPoint point)
    {
        if (!area.Contains(point))
            return;
        if (_ids.Count == NodesMax)
            throw new MapFileException($"The extract has more than {NodesMax} nodes in the city's area; leave out what is no street.");
        _isSorted &= _ids.Count == 0 || _ids[^1] < id;
        _ids.Add(id);
        _points.Add(PackedPoint.Of(point));
    }

    /// <summary>One way of the extract, after all nodes.</summary>
    /// <remarks>
    /// <c>oneway</c> does not count: vehicles of all kinds have one set of streets, a bicycle often may go where a car may not, and from every bay there must be a
    /// way back.
    /// </remarks>
    public void AddWay(MapWay way)
    {
        if (!IsStreet(way.Tags))
            return;
        Sort();
        var ids = CollectionsMarshal.AsSpan(_ids);
        var before = -1;
        foreach (var id in way.Nodes)
        {
            var node = ids.BinarySearch(id);
            if (node >= 0 && before >= 0 && node != before)
                _pieces.Add((before, node));
            before = node;
        }
    }

    /// <summary>The largest connected part; null when there is no street.</summary>
    public StreetGraph? Finish()
    {
        if (_pieces.Count == 0)
            return null;
        var (nodes, parts) = LargestPart();
        var numbers = new Dictionary<int, int>(nodes.Length);
        for (var number = 0; number < nodes.Length; number++)
            numbers.Add(nodes[number], number);
        return new StreetGraph(
            [.. nodes.Select(node => _points[node])],
            [.. _pieces.Where(piece => parts.Of(piece.From) == parts.Of(nodes[0])).Select(piece => (numbers[piece.From], numbers[piece.To]))]);
    }

    private static bool IsStreet(Dictionary<string, string> tags) =>
        tags.TryGetValue("highway", out var kind)
        && (Kinds.Contains(kind) || (kind == "path" && tags.GetValueOrDefault("bicycle") is "yes" or "designated" or "permissive"))
        && tags.GetValueOrDefault("access") is not ("no" or "private")
        && tags.GetValueOrDefault("motorroad") is not "yes";

    private (int[] Nodes, Parts Parts) LargestPart()
    {
        var parts = new Parts(_ids.Count);
        foreach (var (from, to) in _pieces)
            parts.Join(from, to);
        var nodes = _pieces.SelectMany(piece => new[] { piece.From, piece.To }).Distinct()
            .GroupBy(parts.Of).OrderByDescending(part => part.Count()).ThenBy(part => part.Key).First();
        return ([.. nodes.OrderBy(node => GridCell.Of(_points[node].ToPoint()).Key).ThenBy(node => node)], parts);
    }

    private void Sort()
    {
        if (_isSorted)
            return;
        CollectionsMarshal.AsSpan(_ids).Sort(CollectionsMarshal.AsSpan(_points));
        _isSorted = true;
    }

    /// <summary>Which nodes are connected: each points to one with a lower number, the lowest to itself.</summary>
    private sealed class Parts(int count)
    {
        private readonly int[] _lower = [.. Enumerable.Range(0, count)];

        public int Of(int node)
        {
            while (_lower[node] != node)
                node = _lower[node] = _lower[_lower[node]];
            return node;
        }

        public void Join(int one, int other)
        {
            (one, other) = (Of(one), Of(other));
            _lower[Math.Max(one, other)] = Math.Min(one, other);
        }
    }
}
