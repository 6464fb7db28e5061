using Mobility.Geo;

namespace Mobility.Twin.Streets;

/// <summary>
/// Surveyed streets: from a place straight to the nearest node of the graph, along the shortest streets, and straight to the other place. Where no street is
/// within <see cref="StreetGraph.ReachMeters"/> of either, the way is that of other streets.
/// </summary>
/// <param name="graph">The streets.</param>
/// <param name="elsewhere">Where the graph does not reach.</param>
internal sealed class StreetMap(StreetGraph graph, IStreets elsewhere) : IStreets
{
    /// <inheritdoc/>
    public StreetWay Between(GeoPoint from, GeoPoint to, bool isFirstAlong) =>
        graph.NearestTo(from) is { } begin && graph.NearestTo(to) is { } end
            ? StreetWay.Through([from, .. graph.Path(begin, end).Select(graph.PointOf), to])
            : elsewhere.Between(from, to, isFirstAlong);
}
