using System.Diagnostics;
using Mobility.Geo;

namespace Mobility.Twin.Streets;

/// <summary>
/// The streets of a city from an OpenStreetMap extract: nodes and the straight pieces between them, of the largest connected part only, so that there is a way
/// between any two nodes. Nodes are numbered by the cell of <see cref="GridCell"/> in which they lie: those of a cell are neighbors in the arrays.
/// </summary>
public sealed class StreetGraph
{
    /// <summary>How far a place may be from a street to be on it.</summary>
    public const double ReachMeters = 500;

    /// <summary>People come from and go a little beyond where the bays are.</summary>
    private const double MarginMeters = 2_000;

    private readonly PackedPoint[] _points;
    private readonly int[] _firstPiece;
    private readonly int[] _ends;
    private readonly double[] _pieceMeters;
    private readonly Dictionary<long, (int First, int Count)> _cells = [];

    /// <param name="points">Of each node; sorted by cell.</param>
    /// <param name="pieces">Pairs of different nodes, which may be repeated; all nodes are connected.</param>
    internal StreetGraph(PackedPoint[] points, IReadOnlyList<(int From, int To)> pieces)
    {
        _points = points;
        _firstPiece = new int[points.Length + 1];
        _ends = new int[pieces.Count * 2];
        _pieceMeters = new double[_ends.Length];
        foreach (var (from, to) in pieces)
        {
            _firstPiece[from]++;
            _firstPiece[to]++;
        }
        for (var (node, sum) = (0, 0); node < _firstPiece.Length; node++)
            _firstPiece[node] = sum += _firstPiece[node]; // where its pieces end; each that is laid moves it to where they begin
        foreach (var (from, to) in pieces)
        {
            var meters = PointOf(from).DistanceMetersTo(PointOf(to));
            Lay(from, to, meters);
            Lay(to, from, meters);
            Meters += meters;
        }
        for (var node = 0; node < points.Length; node++)
        {
            var cell = GridCell.Of(PointOf(node)).Key;
            _cells[cell] = _cells.TryGetValue(cell, out var known) ? (known.First, known.Count + 1) : (node, 1);
        }
    }

    /// <summary>How many nodes there are.</summary>
    public int Nodes => _points.Length;

    /// <summary>Length of all streets.</summary>
    public double Meters { get; }

    /// <summary>Takes the streets around a city's places out of an extract, which is read twice and never held whole.</summary>
    /// <param name="path">A file in one of the forms of <see cref="MapExtract"/>.</param>
    /// <param name="places">Where the city's bays are; one at least.</param>
    /// <param name="ct">Ends the reading.</param>
    /// <exception cref="MapFileException">The file cannot be read, is no extract, or has no street there.</exception>
    public static StreetGraph Read(string path, IEnumerable<GeoPoint> places, CancellationToken ct)
    {
        var box = GeoBox.Around([.. places]);
        var southWest = new GeoPoint(box.SouthDegrees, box.WestDegrees).OffsetMeters(-MarginMeters, -MarginMeters);
        var northEast = new GeoPoint(box.NorthDegrees, box.EastDegrees).OffsetMeters(MarginMeters, MarginMeters);
        var survey = new StreetSurvey(GeoBox.Around([southWest, northEast]));
        // Not every extract has its nodes before its ways.
        MapExtract.Read(path, survey.AddNode, null, ct);
        MapExtract.Read(path, null, survey.AddWay, ct);
        return survey.Finish() ?? throw new MapFileException(
            FormattableString.Invariant($"{path} has no street around the city's bays, which are between {southWest} and {northEast} (latitude, longitude)."));
    }

    /// <summary>Whether a place is no farther than <see cref="ReachMeters"/> from a node.</summary>
    public bool Reaches(GeoPoint place) => NearestTo(place) is not null;

    internal GeoPoint PointOf(int node) => _points[node].ToPoint();

    /// <summary>The nearest node; null when it is farther than <see cref="ReachMeters"/>.</summary>
    internal int? NearestTo(GeoPoint place)
    {
        var (nearest, nearestMeters) = ((int?)null, ReachMeters);
        foreach (var key in GridCell.KeysAround(place, ReachMeters))
        {
            var (first, count) = _cells.GetValueOrDefault(key);
            for (var node = first; node < first + count; node++)
                if (PointOf(node).DistanceMetersTo(place) is var meters && meters < nearestMeters)
                    (nearest, nearestMeters) = (node, meters);
        }
        return nearest;
    }

    /// <summary>
    /// The nodes of the shortest way, both ends included, by A* with the straight distance (P. E. Hart, N. J. Nilsson, B. Raphael, "A Formal Basis for the
    /// Heuristic Determination of Minimum Cost Paths", IEEE Transactions on Systems Science and Cybernetics 4, 1968).
    /// </summary>
    internal IReadOnlyList<int> Path(int from, int to)
    {
        var goal = PointOf(to);
        var reached = new Dictionary<int, (double Meters, int Before)> { [from] = (0, from) };
        var left = new HashSet<int>();
        var next = new PriorityQueue<int, double>();
        next.Enqueue(from, 0);
        while (next.TryDequeue(out var node, out _))
        {
            if (node == to)
                return Back(reached, from, to);
            if (!left.Add(node))
                continue;
            var soFar = reached[node].Meters;
            for (var piece = _firstPiece[node]; piece < _firstPiece[node + 1]; piece++)
            {
                var (end, meters) = (_ends[piece], soFar + _pieceMeters[piece]);
                if (reached.TryGetValue(end, out var known) && known.Meters <= meters)
                    continue;
                reached[end] = (meters, node);
                next.Enqueue(end, meters + PointOf(end).DistanceMetersTo(goal));
            }
        }
        throw new UnreachableException($"There is no way from node {from} to {to}, though all are connected.");
    }

    private static List<int> Back(Dictionary<int, (double Meters, int Before)> reached, int from, int to)
    {
        var path = new List<int> { to };
        while (path[^1] != from)
            path.Add(reached[path[^1]].Before);
        path.Reverse();
        return path;
    }

    private void Lay(int from, int to, double meters)
    {
        var piece = --_firstPiece[from];
        (_ends[piece], _pieceMeters[piece]) = (to, meters);
    }
}
