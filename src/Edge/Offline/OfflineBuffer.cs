using System.Text;

namespace Mobility.Edge.Offline;

/// <summary>A message that waits for its acknowledgement.</summary>
internal sealed class Buffered
{
    public required bool IsEvent { get; init; }

    public required long Sequence { get; init; }

    public required DateTimeOffset At { get; init; }

    public required JournalSegment Segment { get; init; }

    public required long Offset { get; init; }

    public required int Length { get; init; }
}

/// <summary>What the buffer holds and what it lost.</summary>
/// <param name="ReportsWaiting">Not sent.</param>
/// <param name="EventsWaiting">Not sent.</param>
/// <param name="DroppedFull">Given up because there were too many.</param>
/// <param name="DroppedOld">Given up because the door takes nothing older than a day.</param>
/// <param name="DroppedByDisk">The disk refused to take them, or to give them back.</param>
public sealed record BufferCounts(int ReportsWaiting, int EventsWaiting, long DroppedFull, long DroppedOld, long DroppedByDisk);

/// <summary>
/// What a vehicle has to say and nobody has acknowledged, on disk (FLT-5). Events are flushed to the disk before anything else happens, reports are not: they
/// survive the process, not always the machine. Sequences are reserved in blocks, so that they never go back even when the tail of the file is lost. Used under
/// its owner's lock.
/// </summary>
internal sealed class OfflineBuffer : IDisposable
{
    /// <summary>The door refuses what is older.</summary>
    public static readonly TimeSpan AgeMax = TimeSpan.FromHours(24);

    /// <summary>A day at the normal rate, and some hours of trips; about 80 MB. The oldest goes first.</summary>
    public const int ReportsMax = 200_000;

    public const int EventsMax = 10_000;

    /// <summary>Names that are remembered at once; each for minutes only.</summary>
    public const int SeenMax = 1_000;

    public const int SegmentBytesMax = 4 * 1024 * 1024;
    public const int SegmentsMax = 64;

    /// <summary>Report sequences that are reserved with one flush to the disk.</summary>
    public const int ReservedAtOnce = 1_000;

    private readonly string _folder;
    private readonly TimeProvider _clock;
    private readonly int _reportsMax;
    private readonly FileStream _owner;
    private readonly List<JournalSegment> _segments = [];
    private readonly PriorityQueue<Buffered, (DateTimeOffset At, long Sequence)> _reports = new();
    private readonly PriorityQueue<Buffered, (DateTimeOffset At, long Sequence)> _events = new();
    private readonly Dictionary<string, DateTimeOffset> _seen = new(StringComparer.Ordinal);
    private long _nextReport;
    private long _nextEvent;
    private long _reserved;
    private long _droppedFull;
    private long _droppedOld;
    private long _droppedByDisk;

    private OfflineBuffer(string folder, TimeProvider clock, int reportsMax, FileStream owner) =>
        (_folder, _clock, _reportsMax, _owner) = (folder, clock, reportsMax, owner);

    public BufferCounts Counts => new(_reports.Count, _events.Count, _droppedFull, _droppedOld, _droppedByDisk);

    /// <summary>When the oldest message that waits happened.</summary>
    public DateTimeOffset? OldestAt => _reports.TryPeek(out var report, out _) ? report.At : null;

    private JournalSegment Current => _segments[^1];

    /// <summary>Opens or begins the buffer in a folder and takes up what waits there.</summary>
    /// <exception cref="IOException">Another process has it, or the folder cannot be written.</exception>
    public static OfflineBuffer Open(string folder, TimeProvider clock, int reportsMax = ReportsMax)
    {
        Directory.CreateDirectory(folder);
        var owner = new FileStream(Path.Combine(folder, "owner"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        var buffer = new OfflineBuffer(folder, clock, reportsMax, owner);
        try
        {
            buffer.Recover();
            return buffer;
        }
        catch
        {
            buffer.Dispose();
            throw;
        }
    }

    /// <summary>Keeps a report; false when the disk does not take it.</summary>
    /// <param name="at">When it was measured.</param>
    /// <param name="write">Makes the payload for the sequence that it gets.</param>
    public bool AddReport(DateTimeOffset at, Func<long, byte[]> write)
    {
        try
        {
            if (_nextReport >= _reserved)
                Reserve();
            while (_reports.Count >= _reportsMax)
                Drop(_reports.Dequeue(), ref _droppedFull);
            Add(RecordKind.Report, _nextReport, at, write(_nextReport), _reports);
            _nextReport++;
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _droppedByDisk++;
            return false;
        }
    }

    /// <summary>Keeps an event and does not return before it is on the disk; false when the disk does not take it.</summary>
    public bool AddEvent(DateTimeOffset at, Func<long, byte[]> write)
    {
        try
        {
            while (_events.Count >= EventsMax)
                Drop(_events.Dequeue(), ref _droppedFull);
            Add(RecordKind.Event, _nextEvent, at, write(_nextEvent), _events);
            _nextEvent++;
            Current.FlushToDisk();
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _droppedByDisk++;
            return false;
        }
    }

    /// <summary>
    /// The next message to send, in event-time order; events come before reports, for a ride waits for them and the door counts them apart. Null when nothing
    /// waits. It is the caller's until <see cref="Settle"/> or <see cref="PutBack"/>.
    /// </summary>
    public (Buffered Message, byte[] Payload)? Take()
    {
        var oldest = _clock.GetUtcNow() - AgeMax;
        while (_events.TryDequeue(out var message, out _) || _reports.TryDequeue(out message, out _))
        {
            if (message.Segment.IsGone)
                continue; // counted when the file went
            if (message.At < oldest)
            {
                Drop(message, ref _droppedOld);
                continue;
            }
            try
            {
                return (message, message.Segment.Read(message.Offset, message.Length));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Drop(message, ref _droppedByDisk);
            }
        }
        return null;
    }

    /// <summary>The door has acknowledged it.</summary>
    public void Settle(Buffered message)
    {
        if (message.Segment.IsGone)
            return;
        message.Segment.Live--;
        try
        {
            Current.Append(message.IsEvent ? RecordKind.EventSettled : RecordKind.ReportSettled, message.Sequence, 0, default);
            DeleteEmpty();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // After a restart it is sent once more, and the door knows it.
        }
    }

    /// <summary>It was not acknowledged and waits again, in its place.</summary>
    public void PutBack(Buffered message) => (message.IsEvent ? _events : _reports).Enqueue(message, (message.At, message.Sequence));

    public bool IsSeen(string name) => _seen.TryGetValue(name, out var until) && until > _clock.GetUtcNow();

    /// <summary>
    /// Remembers a name on the disk until a time. False when it is remembered already, when there are too many, or when the disk does not take it.
    /// </summary>
    public bool TryRemember(string name, DateTimeOffset until)
    {
        var now = _clock.GetUtcNow();
        if (IsSeen(name))
            return false;
        if (_seen.Count >= SeenMax)
            foreach (var (old, _) in _seen.Where(seen => seen.Value <= now).ToList())
                _seen.Remove(old);
        if (_seen.Count >= SeenMax)
            return false;
        try
        {
            Write(RecordKind.Seen, 0, until.UtcTicks, Encoding.UTF8.GetBytes(name));
            Current.FlushToDisk();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
        _seen[name] = until;
        return true;
    }

    public void Dispose()
    {
        foreach (var segment in _segments)
            segment.Dispose();
        _owner.Dispose();
    }

    private void Add(RecordKind kind, long sequence, DateTimeOffset at, byte[] payload, PriorityQueue<Buffered, (DateTimeOffset, long)> queue)
    {
        var offset = Write(kind, sequence, at.UtcTicks, payload);
        Current.Live++;
        queue.Enqueue(new Buffered
        {
            IsEvent = kind == RecordKind.Event,
            Sequence = sequence,
            At = at,
            Segment = Current,
            Offset = offset,
            Length = payload.Length,
        }, (at, sequence));
    }

    private long Write(RecordKind kind, long sequence, long second, ReadOnlySpan<byte> payload)
    {
        if (Current.Length >= SegmentBytesMax)
            Begin(Current.Number + 1);
        return Current.Append(kind, sequence, second, payload);
    }

    private void Reserve()
    {
        var reserved = _nextReport + ReservedAtOnce;
        Write(RecordKind.Reserved, reserved, _nextEvent, default);
        Current.FlushToDisk();
        _reserved = reserved;
    }

    private void Drop(Buffered message, ref long count)
    {
        if (message.Segment.IsGone)
            return;
        count++;
        EdgeMetrics.Dropped.Add(1);
        Settle(message);
    }

    /// <summary>
    /// A new file begins with everything of the older ones that must outlive them: the sequences and what was seen. So an older file may go as soon as nothing
    /// in it waits; they go oldest first, because what settles a message may be in a later file than the message.
    /// </summary>
    private void Begin(long number)
    {
        var segment = JournalSegment.Create(_folder, number);
        try
        {
            segment.Append(RecordKind.Reserved, Math.Max(_reserved, _nextReport), _nextEvent, default);
            var now = _clock.GetUtcNow();
            foreach (var (name, until) in _seen.Where(seen => seen.Value > now))
                segment.Append(RecordKind.Seen, 0, until.UtcTicks, Encoding.UTF8.GetBytes(name));
            segment.FlushToDisk();
        }
        catch
        {
            segment.Delete();
            throw;
        }
        _segments.Add(segment);
        DeleteEmpty();
        if (_segments.Count > SegmentsMax)
        {
            _droppedFull += _segments[0].Live;
            EdgeMetrics.Dropped.Add(_segments[0].Live);
            _segments[0].Delete();
            _segments.RemoveAt(0);
        }
    }

    private void DeleteEmpty()
    {
        while (_segments.Count > 1 && _segments[0].Live == 0)
        {
            _segments[0].Delete();
            _segments.RemoveAt(0);
        }
    }

    private void Recover()
    {
        // (1) Read every file. (2) Continue the sequences behind everything that may have been used. (3) Begin a new file: never write behind a torn tail.
        var waiting = new Dictionary<(bool IsEvent, long Sequence), Buffered>();
        var isFresh = true;
        _segments.AddRange(JournalSegment.Find(_folder));
        foreach (var segment in _segments)
            foreach (var record in segment.Scan())
            {
                isFresh = false;
                Recover(segment, record, waiting);
            }
        if (isFresh)
            _nextReport = _nextEvent = _clock.GetUtcNow().ToUnixTimeMilliseconds(); // as docs/api/mqtt.md wants it of a device that lost its counter
        _nextReport = Math.Max(_nextReport, _reserved);
        _reserved = _nextReport;
        foreach (var message in waiting.Values)
        {
            message.Segment.Live++;
            PutBack(message);
        }
        Begin((_segments.Count > 0 ? Current.Number : 0) + 1);
    }

    private void Recover(JournalSegment segment, JournalRecord record, Dictionary<(bool, long), Buffered> waiting)
    {
        var isEvent = record.Kind is RecordKind.Event or RecordKind.EventSettled;
        ref var next = ref isEvent ? ref _nextEvent : ref _nextReport;
        switch (record.Kind)
        {
            case RecordKind.Report or RecordKind.Event:
                next = Math.Max(next, record.Sequence + 1);
                waiting[(isEvent, record.Sequence)] = new Buffered
                {
                    IsEvent = isEvent,
                    Sequence = record.Sequence,
                    At = new DateTimeOffset(record.Second, TimeSpan.Zero),
                    Segment = segment,
                    Offset = record.PayloadOffset,
                    Length = record.Payload.Length,
                };
                break;
            case RecordKind.ReportSettled or RecordKind.EventSettled:
                next = Math.Max(next, record.Sequence + 1);
                waiting.Remove((isEvent, record.Sequence));
                break;
            case RecordKind.Reserved:
                _reserved = Math.Max(_reserved, record.Sequence);
                _nextEvent = Math.Max(_nextEvent, record.Second);
                break;
            case RecordKind.Seen:
                var until = new DateTimeOffset(record.Second, TimeSpan.Zero);
                if (until > _clock.GetUtcNow())
                    _seen[Encoding.UTF8.GetString(record.Payload.Span)] = until;
                break;
        }
    }
}
