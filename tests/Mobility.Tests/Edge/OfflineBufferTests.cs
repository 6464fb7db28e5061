using System.Text;
using Mobility.Edge.Offline;
using Mobility.Tests.Support;

namespace Mobility.Tests.Edge;

/// <summary>What is on the disk, whatever the crash.</summary>
public sealed class OfflineBufferTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mobility-buffer-").FullName;
    private readonly TestClock _clock = new();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact, Trait("Req", "FLT-5")]
    public void What_waits_is_there_again_in_event_time_order_with_events_first()
    {
        using (var buffer = Open())
        {
            Report(buffer, 3);
            Report(buffer, 1);
            buffer.AddEvent(At(4), _ => "late event"u8.ToArray()).ShouldBeTrue();
            buffer.AddEvent(At(2), _ => "early event"u8.ToArray()).ShouldBeTrue();
            Report(buffer, 2);
        }
        using var again = Open();
        Drain(again).Select(taken => taken.Text).ShouldBe(["early event", "late event", "1", "2", "3"]);
    }

    [Fact, Trait("Req", "FLT-5")]
    public void What_was_acknowledged_does_not_come_again_and_sequences_go_on()
    {
        long last;
        using (var buffer = Open())
        {
            for (var i = 0; i < 10; i++)
                Report(buffer, i);
            var taken = Enumerable.Range(0, 7).Select(_ => buffer.Take()!.Value.Message).ToList();
            foreach (var message in taken.Take(6))
                buffer.Settle(message);
            last = taken.Max(message => message.Sequence) + 3;
        }
        using var again = Open();
        var rest = Drain(again);
        rest.Select(taken => taken.Text).ShouldBe(["6", "7", "8", "9"]);
        Report(again, 11);
        again.Take()!.Value.Message.Sequence.ShouldBeGreaterThan(last);
    }

    [Fact, Trait("Req", "FLT-5")]
    public void Sequences_never_go_back_though_the_end_of_the_file_is_lost()
    {
        var used = new List<long>();
        for (var crash = 0; crash < 5; crash++)
        {
            using (var buffer = Open())
            {
                for (var i = 0; i < OfflineBuffer.ReservedAtOnce + 50; i++)
                    buffer.AddReport(At(i), sequence =>
                    {
                        used.Add(sequence);
                        return "{}"u8.ToArray();
                    });
                foreach (var (message, _) in Drain(buffer))
                    buffer.Settle(message);
            }
            // The machine lost its power: of what was not flushed nothing is left. The reservation was flushed before a sequence was used.
            using var file = new FileStream(Directory.GetFiles(_folder, "journal-*.log").Order(StringComparer.Ordinal).Last(), FileMode.Open);
            file.SetLength(LastReservationEnd(file.Name));
        }
        used.Count.ShouldBe(5 * (OfflineBuffer.ReservedAtOnce + 50));
        used.ShouldBeUnique();
        used.ShouldBeInOrder();
    }

    [Fact, Trait("Req", "FLT-5")]
    public void A_file_that_ends_anywhere_gives_back_every_whole_record_before()
    {
        long ends;
        using (var buffer = Open())
            for (var i = 0; i < 5; i++)
                Report(buffer, i);
        var whole = Directory.GetFiles(_folder, "journal-*.log").Single();
        var bytes = File.ReadAllBytes(whole);
        ends = bytes.Length;
        var counts = new List<int>();
        for (var length = 0; length <= ends; length++)
        {
            var folder = Directory.CreateTempSubdirectory("mobility-torn-").FullName;
            File.WriteAllBytes(Path.Combine(folder, Path.GetFileName(whole)), bytes[..length]);
            using (var torn = OfflineBuffer.Open(folder, _clock))
            {
                counts.Add(Drain(torn).Count);
                Report(torn, 99); // and it can be written on
                Drain(torn).Count.ShouldBe(1);
            }
            Directory.Delete(folder, recursive: true);
        }
        counts.ShouldBeInOrder();
        counts.Distinct().ShouldBe([0, 1, 2, 3, 4, 5]);
    }

    [Fact]
    public void A_changed_byte_ends_the_file_there()
    {
        using (var buffer = Open())
            for (var i = 0; i < 5; i++)
                Report(buffer, i);
        var file = Directory.GetFiles(_folder, "journal-*.log").Single();
        var bytes = File.ReadAllBytes(file);
        bytes[^1] ^= 1; // in the payload of the last report
        File.WriteAllBytes(file, bytes);
        using var again = Open();
        Drain(again).Select(taken => taken.Text).ShouldBe(["0", "1", "2", "3"]);
    }

    [Fact, Trait("Req", "FLT-5")]
    public void The_oldest_reports_give_way_when_there_are_too_many_and_are_counted()
    {
        using (var buffer = OfflineBuffer.Open(_folder, _clock, reportsMax: 10))
        {
            buffer.AddEvent(At(0), _ => "event"u8.ToArray());
            for (var i = 1; i <= 25; i++)
                Report(buffer, i);
            buffer.Counts.ShouldBe(new BufferCounts(10, 1, 15, 0, 0));
        }
        using var again = Open();
        Drain(again).Select(taken => taken.Text).ShouldBe(["event", .. Enumerable.Range(16, 10).Select(i => $"{i}")]);
    }

    [Fact, Trait("Req", "FLT-5")]
    public void What_is_older_than_a_day_is_given_up_and_counted()
    {
        using var buffer = Open();
        Report(buffer, 0);
        Report(buffer, 60);
        _clock.Advance(OfflineBuffer.AgeMax + TimeSpan.FromSeconds(30));
        Drain(buffer).Select(taken => taken.Text).ShouldBe(["60"]);
        buffer.Counts.DroppedOld.ShouldBe(1);
    }

    [Fact]
    public void Files_go_when_nothing_in_them_waits_and_what_was_seen_outlives_them()
    {
        using (var buffer = Open())
        {
            buffer.TryRemember("nonce 1", _clock.GetUtcNow().AddHours(1)).ShouldBeTrue();
            var large = new byte[JournalSegment.PayloadBytesMax];
            for (var i = 0; i < 3 * OfflineBuffer.SegmentBytesMax / large.Length; i++)
            {
                buffer.AddReport(At(i), _ => large);
                buffer.Settle(buffer.Take()!.Value.Message);
            }
            Directory.GetFiles(_folder, "journal-*.log").Length.ShouldBe(1);
        }
        using var again = Open();
        again.IsSeen("nonce 1").ShouldBeTrue();
        again.TryRemember("nonce 1", _clock.GetUtcNow().AddHours(1)).ShouldBeFalse();
        _clock.Advance(TimeSpan.FromHours(2));
        again.IsSeen("nonce 1").ShouldBeFalse();
    }

    [Fact]
    public void A_folder_has_one_owner()
    {
        using var first = Open();
        Should.Throw<IOException>(Open);
    }

    private static long LastReservationEnd(string file)
    {
        var segment = JournalSegment.Find(Path.GetDirectoryName(file)!)[^1];
        return segment.Scan().Where(record => record.Kind == RecordKind.Reserved).Max(record => record.PayloadOffset + record.Payload.Length);
    }

    private static List<(Buffered Message, string Text)> Drain(OfflineBuffer buffer)
    {
        var all = new List<(Buffered, string)>();
        while (buffer.Take() is { } taken)
            all.Add((taken.Message, Encoding.UTF8.GetString(taken.Payload)));
        return all;
    }

    private OfflineBuffer Open() => OfflineBuffer.Open(_folder, _clock);

    private static DateTimeOffset At(int second) => TestClock.Start.AddSeconds(second);

    private static void Report(OfflineBuffer buffer, int second) => buffer.AddReport(At(second), _ => Encoding.UTF8.GetBytes($"{second}")).ShouldBeTrue();
}
