using System.Buffers.Binary;
using System.Numerics;
using Microsoft.Win32.SafeHandles;

namespace Mobility.Edge.Offline;

/// <summary>What a record of the journal says.</summary>
internal enum RecordKind : byte
{
    /// <summary>A report that waits: sequence, time, payload.</summary>
    Report = 1,
    /// <summary>An event that waits: sequence, time, payload.</summary>
    Event = 2,
    /// <summary>The report of this sequence was acknowledged or given up.</summary>
    ReportSettled = 3,
    /// <summary>The event of this sequence was acknowledged or given up.</summary>
    EventSettled = 4,
    /// <summary>Report sequences below this number may have been used; the second number is the next event's sequence.</summary>
    Reserved = 5,
    /// <summary>A name (nonce, command) that counts as seen until the time.</summary>
    Seen = 6,
}

/// <summary>One record as read back.</summary>
/// <param name="Kind">What it says.</param>
/// <param name="Sequence">Its first number.</param>
/// <param name="Second">A time in UTC ticks, or another number.</param>
/// <param name="PayloadOffset">Where its payload is in the file.</param>
/// <param name="Payload">Points into what was read.</param>
internal readonly record struct JournalRecord(RecordKind Kind, long Sequence, long Second, long PayloadOffset, ReadOnlyMemory<byte> Payload);

/// <summary>
/// One file of the journal: records one after the other, each with its length and checksum, only ever written at the end. What a crash tore at the end is found
/// by the checksum and ends the file; everything before it stands.
/// </summary>
internal sealed class JournalSegment : IDisposable
{
    /// <summary>Longest payload; the door takes no longer report.</summary>
    public const int PayloadBytesMax = 16 * 1024;

    private const int HeadBytes = 8; // length of the body, checksum of the body
    private const int BodyHeadBytes = 17; // kind, two numbers
    private readonly string _path;
    private SafeFileHandle? _handle;

    private JournalSegment(string path, long number) => (_path, Number) = (path, number);

    /// <summary>Files are read in the order of their numbers.</summary>
    public long Number { get; }

    /// <summary>Bytes written.</summary>
    public long Length { get; private set; }

    /// <summary>Messages in it that still wait.</summary>
    public int Live { get; set; }

    /// <summary>The file is deleted: what waited in it is lost, and was counted.</summary>
    public bool IsGone { get; private set; }

    /// <exception cref="IOException">The file exists, or cannot be made.</exception>
    public static JournalSegment Create(string folder, long number)
    {
        var segment = new JournalSegment(Path.Combine(folder, $"journal-{number:D10}.log"), number);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.Read, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite; // tokens and positions are nobody else's business
        new FileStream(segment._path, options).Dispose();
        return segment;
    }

    /// <summary>The files of a folder, oldest first.</summary>
    public static IReadOnlyList<JournalSegment> Find(string folder) =>
        [.. Directory.GetFiles(folder, "journal-*.log")
            .Select(path => (path, text: Path.GetFileNameWithoutExtension(path)["journal-".Length..]))
            .Where(file => file.text.All(char.IsAsciiDigit) && file.text.Length is > 0 and <= 18)
            .Select(file => new JournalSegment(file.path, long.Parse(file.text, System.Globalization.CultureInfo.InvariantCulture)))
            .OrderBy(segment => segment.Number)];

    /// <summary>All whole records; ends before the first that is torn.</summary>
    public IEnumerable<JournalRecord> Scan()
    {
        var bytes = File.ReadAllBytes(_path);
        Length = bytes.Length;
        for (var at = 0; at + HeadBytes + BodyHeadBytes <= bytes.Length;)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at));
            if (length is < BodyHeadBytes or > BodyHeadBytes + PayloadBytesMax || at + HeadBytes + length > bytes.Length)
                yield break;
            var body = bytes.AsMemory(at + HeadBytes, length);
            if (Checksum(body.Span) != BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 4)))
                yield break;
            var (first, second) = (BinaryPrimitives.ReadInt64LittleEndian(body.Span[1..]), BinaryPrimitives.ReadInt64LittleEndian(body.Span[9..]));
            yield return new JournalRecord((RecordKind)body.Span[0], first, second, at + HeadBytes + BodyHeadBytes, body[BodyHeadBytes..]);
            at += HeadBytes + length;
        }
    }

    /// <summary>
    /// Writes a record; it survives the end of the process, and after <see cref="FlushToDisk"/> that of the machine. Gives the place of its payload.
    /// </summary>
    /// <exception cref="IOException">The disk refuses; the record is not there.</exception>
    public long Append(RecordKind kind, long sequence, long second, ReadOnlySpan<byte> payload)
    {
        if (payload.Length > PayloadBytesMax)
            throw new ArgumentOutOfRangeException(nameof(payload), $"A record has at most {PayloadBytesMax} bytes.");
        var size = HeadBytes + BodyHeadBytes + payload.Length;
        var record = size <= 1_024 ? stackalloc byte[size] : new byte[size];
        var body = record[HeadBytes..];
        body[0] = (byte)kind;
        BinaryPrimitives.WriteInt64LittleEndian(body[1..], sequence);
        BinaryPrimitives.WriteInt64LittleEndian(body[9..], second);
        payload.CopyTo(body[BodyHeadBytes..]);
        BinaryPrimitives.WriteInt32LittleEndian(record, body.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record[4..], Checksum(body));
        RandomAccess.Write(Handle(), record, Length); // in one piece; where it failed before, it is written over
        Length += size;
        return Length - payload.Length;
    }

    public void FlushToDisk() => RandomAccess.FlushToDisk(Handle());

    /// <summary>Reads a payload back.</summary>
    /// <exception cref="IOException">It is not there.</exception>
    public byte[] Read(long offset, int length)
    {
        var payload = new byte[length];
        for (var read = 0; read < length;)
        {
            var more = RandomAccess.Read(Handle(), payload.AsSpan(read), offset + read);
            if (more == 0)
                throw new EndOfStreamException("The journal is shorter than it was.");
            read += more;
        }
        return payload;
    }

    public void Delete()
    {
        IsGone = true;
        Dispose();
        File.Delete(_path);
    }

    public void Dispose()
    {
        _handle?.Dispose();
        _handle = null;
    }

    private SafeFileHandle Handle() => _handle ??= File.OpenHandle(_path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read);

    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var sum = uint.MaxValue;
        for (; bytes.Length >= 8; bytes = bytes[8..])
            sum = BitOperations.Crc32C(sum, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (var b in bytes)
            sum = BitOperations.Crc32C(sum, b);
        return ~sum;
    }
}
