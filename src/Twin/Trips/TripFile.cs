using System.IO.Compression;
using System.Text;

namespace Mobility.Twin.Trips;

/// <summary>A row of a published file: a trip, or the reason why it is none.</summary>
/// <param name="File">The file, and within an archive the entry.</param>
/// <param name="Line">Counted from 1.</param>
/// <param name="Zone">Where the clocks of the row hung.</param>
/// <param name="Trip">The trip; null when the row is rejected.</param>
/// <param name="Fault">Why it is rejected; null for a trip.</param>
internal sealed record TripRow(string File, long Line, TimeZoneInfo Zone, Trip? Trip, Fault? Fault);

/// <summary>No trip can be read from a file at all; the message is for the person who gave it.</summary>
public sealed class TripFileException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Rows that were read, all of them rejected or of other days.</summary>
    public long Rows { get; init; }

    /// <summary>Rows of these that were rejected.</summary>
    public long Rejected { get; init; }
}

/// <summary>
/// Reads trips as operators publish them: CSV plain, in gzip or in a zip with litter beside it. What a file is, is recognized by its first bytes and by its
/// header. Rows come one by one; a file is never held whole.
/// </summary>
internal static class TripFile
{
    private static readonly byte[] ZipMark = "PK"u8.ToArray();
    private static readonly byte[] GzipMark = [0x1F, 0x8B];

    /// <param name="path">The file.</param>
    /// <param name="zone">Where its clocks hung; null for what its format says.</param>
    /// <param name="stations">For formats that only name them.</param>
    /// <exception cref="TripFileException">The file cannot be opened or unpacked, its format is unknown, or it names stations and no list is there.</exception>
    public static IEnumerable<TripRow> Read(string path, TimeZoneInfo? zone, StationList stations)
    {
        using var file = Open(path);
        var mark = new byte[2];
        var marked = file.ReadAtLeast(mark, mark.Length, throwOnEndOfStream: false);
        file.Position = 0;
        var name = Path.GetFileName(path);
        var rows = marked == 0 ? throw new TripFileException($"{path} is empty.")
            : mark.AsSpan().SequenceEqual(ZipMark) ? Zipped(file, path, zone, stations)
            : mark.AsSpan().SequenceEqual(GzipMark) ? Table(new GZipStream(file, CompressionMode.Decompress), name, zone, stations) ?? throw Unknown(path)
            : Table(file, name, zone, stations) ?? throw Unknown(path);
        foreach (var row in Guarded(rows, path))
            yield return row;
    }

    private static IEnumerable<TripRow> Zipped(FileStream file, string path, TimeZoneInfo? zone, StationList stations)
    {
        using var archive = Unpack(file, path);
        var known = 0;
        foreach (var entry in archive.Entries.Where(IsTable).OrderBy(entry => entry.FullName, StringComparer.Ordinal))
        {
            using var stream = entry.Open();
            if (Table(stream, $"{Path.GetFileName(path)}/{entry.FullName}", zone, stations) is not { } rows)
                continue; // a list of stations or the like, packed with the trips
            known++;
            foreach (var row in rows)
                yield return row;
        }
        if (known == 0)
            throw Unknown(path);
    }

    /// <summary>Archives made on a Mac carry a shadow of each file; others carry pictures and notes.</summary>
    private static bool IsTable(ZipArchiveEntry entry) =>
        entry.Name.EndsWith(".csv", StringComparison.OrdinalIgnoreCase) && !entry.Name.StartsWith('.')
        && !entry.FullName.Contains("__MACOSX", StringComparison.Ordinal);

    /// <summary>The rows of a table of trips; null when its header is none of a trip file.</summary>
    private static IEnumerable<TripRow>? Table(Stream stream, string name, TimeZoneInfo? zone, StationList stations)
    {
        var reader = new StreamReader(stream, Encoding.UTF8, detectEncodingFromByteOrderMarks: true, bufferSize: 64 * 1024);
        var buffer = new StringBuilder();
        string? header;
        try
        {
            header = CsvLines.Read(reader, buffer);
        }
        catch (InvalidDataException damaged)
        {
            throw new TripFileException($"{name} cannot be unpacked: {damaged.Message}", damaged);
        }
        if (header is null || TripFormat.Recognize(CsvLines.Split(header).Fields) is not { } format)
            return null;
        if (format.StartPlace.Latitude is null && stations.IsEmpty)
            throw new TripFileException($"{name} only names stations: give the operator's list of stations too, or put it beside the file as station*.csv or station*.json.");
        return Rows(reader, buffer, format, name, zone ?? TimeZoneInfo.FindSystemTimeZoneById(format.TimeZone), stations);
    }

    private static IEnumerable<TripRow> Rows(StreamReader reader, StringBuilder buffer, TripFormat format, string name, TimeZoneInfo zone, StationList stations)
    {
        using (reader)
        {
            for (var line = 2L; CsvLines.Read(reader, buffer) is { } text; line++)
            {
                if (text.Length == 0)
                    continue; // the last line of some files
                if (text.Length > CsvLines.LengthMax)
                {
                    yield return new TripRow(name, line, zone, null, new Fault("line_too_long", $"the line is longer than {CsvLines.LengthMax} characters"));
                    continue;
                }
                var (fields, fault) = CsvLines.Split(text);
                var (trip, why) = fault is null ? TripRules.Judge(format, fields, zone, stations, name, line) : (null, new Fault("unreadable", fault));
                yield return new TripRow(name, line, zone, trip, why);
            }
        }
    }

    /// <summary>Damage may show in the middle of a file.</summary>
    private static IEnumerable<TripRow> Guarded(IEnumerable<TripRow> rows, string path)
    {
        using var each = rows.GetEnumerator();
        while (true)
        {
            try
            {
                if (!each.MoveNext())
                    yield break;
            }
            catch (InvalidDataException damaged)
            {
                throw new TripFileException($"{path} is damaged: {damaged.Message}", damaged);
            }
            yield return each.Current;
        }
    }

    private static FileStream Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 64 * 1024, FileOptions.SequentialScan);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new TripFileException($"{path} cannot be read: {refused.Message}", refused);
        }
    }

    private static ZipArchive Unpack(FileStream file, string path)
    {
        try
        {
            return new ZipArchive(file, ZipArchiveMode.Read);
        }
        catch (InvalidDataException damaged)
        {
            throw new TripFileException($"{path} is damaged: {damaged.Message}", damaged);
        }
    }

    private static TripFileException Unknown(string path) =>
        new($"{path} has no table of trips whose header is known; docs/replay.md lists the formats.");
}
