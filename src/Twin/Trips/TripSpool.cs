using Mobility.Geo;

namespace Mobility.Twin.Trips;

/// <summary>
/// Puts trips into the order of their begin without holding them in memory: one file per day on disk, of which one at a time is read and sorted. Published
/// files since February 2021 are in no order at all.
/// </summary>
public sealed class TripSpool : IDisposable
{
    /// <summary>Day files that are open while writing.</summary>
    private const int OpenMax = 64;

    private readonly string _folder;
    private readonly Dictionary<DateOnly, BinaryWriter> _open = [];
    private readonly SortedSet<DateOnly> _days = [];
    private readonly List<string> _files = [];

    /// <summary>Makes the folder, which belongs to the spool until it is disposed.</summary>
    public TripSpool(string folder) => _folder = Directory.CreateDirectory(folder).FullName;

    /// <summary>Keeps a trip.</summary>
    public void Add(Trip trip)
    {
        var file = _files.Count > 0 && _files[^1] == trip.File ? _files.Count - 1 : _files.IndexOf(trip.File);
        if (file < 0)
        {
            file = _files.Count;
            _files.Add(trip.File);
        }
        var writer = WriterOf(trip.StartDay);
        writer.Write(trip.Start.UtcTicks);
        writer.Write(trip.End.UtcTicks);
        writer.Write(trip.StartStation);
        writer.Write(trip.StartPosition.LatitudeDegrees);
        writer.Write(trip.StartPosition.LongitudeDegrees);
        writer.Write(trip.EndStation);
        writer.Write(trip.EndPosition.LatitudeDegrees);
        writer.Write(trip.EndPosition.LongitudeDegrees);
        writer.Write(file);
        writer.Write(trip.Line);
    }

    /// <summary>Ends the writing.</summary>
    public void Complete()
    {
        foreach (var writer in _open.Values)
            writer.Dispose();
        _open.Clear();
    }

    /// <summary>All trips in the order of their begin; of those that begin together, in the order of the files.</summary>
    public IEnumerable<Trip> Read() =>
        _days.SelectMany(day => ReadDay(day).OrderBy(trip => trip.Start).ThenBy(trip => _files.IndexOf(trip.File)).ThenBy(trip => trip.Line));

    /// <inheritdoc/>
    public void Dispose()
    {
        Complete();
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    private IEnumerable<Trip> ReadDay(DateOnly day)
    {
        using var reader = new BinaryReader(File.OpenRead(PathOf(day)));
        while (reader.BaseStream.Position < reader.BaseStream.Length)
        {
            var (start, end) = (reader.ReadInt64(), reader.ReadInt64());
            var (startStation, startPosition) = (reader.ReadString(), new GeoPoint(reader.ReadDouble(), reader.ReadDouble()));
            var (endStation, endPosition) = (reader.ReadString(), new GeoPoint(reader.ReadDouble(), reader.ReadDouble()));
            yield return new Trip(new DateTimeOffset(start, TimeSpan.Zero), new DateTimeOffset(end, TimeSpan.Zero), startStation, startPosition, endStation,
                endPosition, day, _files[reader.ReadInt32()], reader.ReadInt64());
        }
    }

    private BinaryWriter WriterOf(DateOnly day)
    {
        if (_open.TryGetValue(day, out var writer))
            return writer;
        if (_open.Count == OpenMax)
            Complete();
        _days.Add(day);
        return _open[day] = new BinaryWriter(new FileStream(PathOf(day), FileMode.Append, FileAccess.Write));
    }

    private string PathOf(DateOnly day) => Path.Combine(_folder, day.ToString("yyyy-MM-dd") + ".trips");
}
