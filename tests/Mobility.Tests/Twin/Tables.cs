using System.IO.Compression;
using System.Text;
using Mobility.Twin.Trips;

namespace Mobility.Tests.Twin;

/// <summary>Trip files as operators publish them, made by the test that needs one.</summary>
internal static class Tables
{
    public const string OldHeader =
        "\"tripduration\",\"starttime\",\"stoptime\",\"start station id\",\"start station name\",\"start station latitude\",\"start station longitude\","
        + "\"end station id\",\"end station name\",\"end station latitude\",\"end station longitude\",\"bikeid\",\"usertype\",\"birth year\",\"gender\"";

    public const string NewHeader =
        "ride_id,rideable_type,started_at,ended_at,start_station_name,start_station_id,end_station_name,end_station_id,start_lat,start_lng,end_lat,end_lng,"
        + "member_casual";

    public static readonly TimeZoneInfo NewYork = TimeZoneInfo.FindSystemTimeZoneById("America/New_York");

    public static string Old(
        string start = "2021-01-15 08:00:00.5100", string stop = "2021-01-15 08:10:00.7770", string duration = "600", string startLatitude = "40.7216",
        string startLongitude = "-74.0428", string endLatitude = "40.7241", string endLongitude = "-74.0506", string startId = "3273",
        string startName = "Manila & 1st") =>
        $"{duration},\"{start}\",\"{stop}\",{startId},\"{startName}\",{startLatitude},{startLongitude},3209,\"Brunswick St\",{endLatitude},{endLongitude},"
        + "42494,\"Subscriber\",1988,1";

    public static string New(
        string start = "2021-02-03 23:11:28", string end = "2021-02-03 23:18:28", string startId = "JC105", string startName = "Hoboken Ave at Monmouth St",
        string endLatitude = "40.734786") =>
        $"121DD7DD23CB1335,docked_bike,{start},{end},{startName},{startId},Christ Hospital,JC034,40.735208,-74.046964,{endLatitude},-74.050444,member";

    /// <summary>A time of the day of most rows.</summary>
    public static DateTimeOffset At(string time) => new DateTimeOffset(DateTime.Parse($"2021-01-15 {time}", System.Globalization.CultureInfo.InvariantCulture), TimeSpan.Zero).AddHours(5);

    public static byte[] Text(params string[] lines) => Encoding.UTF8.GetBytes(string.Join('\n', lines) + "\n");

    public static byte[] Gzip(byte[] content)
    {
        using var target = new MemoryStream();
        using (var gzip = new GZipStream(target, CompressionLevel.Fastest))
            gzip.Write(content);
        return target.ToArray();
    }

    public static byte[] Zip(params (string Name, byte[] Content)[] entries)
    {
        using var target = new MemoryStream();
        using (var archive = new ZipArchive(target, ZipArchiveMode.Create))
        {
            foreach (var (name, content) in entries)
            {
                using var entry = archive.CreateEntry(name).Open();
                entry.Write(content);
            }
        }
        return target.ToArray();
    }

    public static IReadOnlyList<TripRow> Read(byte[] content)
    {
        using var file = new TemporaryFile(content);
        return [.. TripFile.Read(file.Path, NewYork, new StationList())];
    }

    /// <summary>The only row of a table in the old form.</summary>
    public static TripRow ReadOld(string row) => Read(Text(OldHeader, row)).ShouldHaveSingleItem();
}

internal sealed class TemporaryFile : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mobility-test-");

    public TemporaryFile(byte[] content, string name = "trips")
    {
        Path = System.IO.Path.Combine(_folder.FullName, name);
        File.WriteAllBytes(Path, content);
    }

    public string Path { get; }

    public string Sibling(string name) => System.IO.Path.Combine(_folder.FullName, name);

    public void Dispose() => _folder.Delete(recursive: true);
}
