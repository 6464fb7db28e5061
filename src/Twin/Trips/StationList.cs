using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Mobility.Geo;

namespace Mobility.Twin.Trips;

/// <summary>
/// Where the stations of an operator stand, for trip files that only name them: a table with the columns <c>station_id, name, lat, long</c>, or the
/// <c>station_information</c> of a GBFS feed. A station that moved is there several times; its place is that of the day.
/// </summary>
internal sealed class StationList
{
    private const int BytesMax = 64 * 1024 * 1024;
    private readonly Dictionary<string, List<(DateOnly Since, GeoPoint Position)>> _places = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether any place is known.</summary>
    public bool IsEmpty => _places.Count == 0;

    /// <summary>The station's place on a day, by id or else by name; null when it is not known.</summary>
    public GeoPoint? Find(string id, string name, DateOnly day)
    {
        if (!_places.TryGetValue($"#{id}", out var places) && !_places.TryGetValue(name, out places))
            return null;
        var at = places[0];
        foreach (var place in places)
            if (place.Since <= day && (place.Since >= at.Since || at.Since > day))
                at = place;
        return at.Position;
    }

    /// <summary>The lists among the files and, for who gave none, beside them (<c>station*</c>); the other files are trips.</summary>
    public static (StationList Stations, IReadOnlyList<string> TripFiles) Sort(IReadOnlyList<string> files)
    {
        var stations = new StationList();
        var trips = files.Where(file => !stations.TryAdd(file)).ToList();
        if (stations.IsEmpty)
            foreach (var file in trips.Select(file => Path.GetDirectoryName(Path.GetFullPath(file))!).Distinct().Where(Directory.Exists)
                         .SelectMany(folder => Directory.EnumerateFiles(folder, "station*").Order(StringComparer.Ordinal)).Except(trips))
                stations.TryAdd(file);
        return (stations, trips);
    }

    private bool TryAdd(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            if (file.Length is 0 or > BytesMax)
                return false;
            var first = file.ReadByte();
            file.Position = 0;
            using var plain = first == 0x1F ? new GZipStream(file, CompressionMode.Decompress) : (Stream)file;
            using var reader = new StreamReader(plain, Encoding.UTF8, detectEncodingFromByteOrderMarks: true);
            return reader.Peek() == '{' ? TryAddFeed(reader) : TryAddTable(reader);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or InvalidDataException or JsonException)
        {
            return false; // as a trip file it gets its sentence
        }
    }

    private bool TryAddTable(StreamReader reader)
    {
        var buffer = new StringBuilder();
        if (CsvLines.Read(reader, buffer) is not { } header)
            return false;
        var names = CsvLines.Split(header).Fields.Select(TripFormat.Plain).ToList();
        var (id, name, latitude, longitude) = (At("stationid"), At("name"), At("lat", "latitude"), At("long", "lon", "lng", "longitude"));
        if (id < 0 || latitude < 0 || longitude < 0)
            return false;
        var since = At("installdate");
        while (CsvLines.Read(reader, buffer) is { } line)
            if (CsvLines.Split(line) is (var fields, null) && fields.Count == names.Count && TripRules.TryReadPosition(fields[latitude], fields[longitude], out var position))
                Add(fields[id], name < 0 ? "" : fields[name], position,
                    since >= 0 && DateOnly.TryParse(fields[since], CultureInfo.InvariantCulture, out var day) ? day : DateOnly.MinValue);
        return true;

        int At(params string[] columns) => names.FindIndex(columns.Contains);
    }

    private bool TryAddFeed(StreamReader reader)
    {
        using var feed = JsonDocument.Parse(reader.ReadToEnd());
        if (!feed.RootElement.TryGetProperty("data", out var data) || data.ValueKind != JsonValueKind.Object
            || !data.TryGetProperty("stations", out var stations) || stations.ValueKind != JsonValueKind.Array)
            return false;
        foreach (var station in stations.EnumerateArray())
            if (station.TryGetProperty("station_id", out var id) && station.TryGetProperty("lat", out var latitude) && station.TryGetProperty("lon", out var longitude)
                && TripRules.TryReadPosition(latitude.ToString(), longitude.ToString(), out var position))
                Add(id.ToString(), station.TryGetProperty("name", out var name) ? NameOf(name) : "", position, DateOnly.MinValue);
        return true;
    }

    /// <summary>GBFS 3 says a name in several languages.</summary>
    private static string NameOf(JsonElement name) => name.ValueKind == JsonValueKind.Array
        ? name.EnumerateArray().Select(text => text.TryGetProperty("text", out var words) ? words.ToString() : "").FirstOrDefault("")
        : name.ToString();

    private void Add(string id, string name, GeoPoint position, DateOnly since)
    {
        foreach (var key in new[] { $"#{id.Trim()}", name.Trim() }.Where(key => key.Length > 1))
        {
            if (!_places.TryGetValue(key, out var places))
                _places[key] = places = [];
            places.Add((since, position));
        }
    }
}
