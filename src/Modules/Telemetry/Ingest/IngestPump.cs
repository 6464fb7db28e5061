using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Mobility.Geo;
using Mobility.Platform.Events;
using Npgsql;

namespace Mobility.Telemetry.Ingest;

/// <summary>
/// Takes what has come in since the last commit, at most <see cref="BatchMax"/> messages: 1. checks each report against what is known of its vehicle; 2. stores
/// the batch in one transaction; 3. only then tells the senders, and those who listen. While a commit is on its way the next batch gathers, so the commit's own
/// time is the group's window. A batch that fails is tried until it succeeds; meanwhile the channel fills, and the door stops reading from the vehicles.
/// </summary>
internal sealed partial class IngestPump(
    Database<TelemetryModule> database, BatchStore store, IEnumerable<IReportListener> listeners, TimeProvider clock, ILogger<IngestPump> log) : BackgroundService
{
    /// <summary>Messages of one transaction.</summary>
    public const int BatchMax = 5_000;

    /// <summary>Messages that wait; more, and the door stops reading.</summary>
    public const int WaitingMax = 20_000;

    /// <summary>How long a small batch waits for company: a commit costs the disk the same for one message as for thousands.</summary>
    public static readonly TimeSpan GatherFor = TimeSpan.FromMilliseconds(3);

    /// <summary>A batch of this size waits no more.</summary>
    public const int GatherUpTo = 1_000;

    /// <summary>Pause after a batch failed.</summary>
    public static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(250);

    private readonly Channel<IngestMessage> _waiting = Channel.CreateBounded<IngestMessage>(
        new BoundedChannelOptions(WaitingMax) { FullMode = BoundedChannelFullMode.Wait, SingleReader = true, AllowSynchronousContinuations = false });

    private readonly ConcurrentDictionary<Guid, VehicleTrack> _tracks = new();
    private readonly IReportListener[] _listeners = [.. listeners];
    private readonly List<IAwaitDurable> _toFlush = [];

    /// <summary>Hands a message over; waits while there is no room.</summary>
    public ValueTask PutAsync(in IngestMessage message, CancellationToken ct) => _waiting.Writer.WriteAsync(message, ct);

    /// <summary>Hands a message over if there is room now.</summary>
    public bool TryPut(in IngestMessage message) => _waiting.Writer.TryWrite(message);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await RetryAsync(LoadTracksAsync, stoppingToken);
            var messages = new List<IngestMessage>(BatchMax);
            while (await _waiting.Reader.WaitToReadAsync(stoppingToken))
            {
                messages.Clear();
                Take(messages);
                if (messages.Count < GatherUpTo)
                {
                    await Task.Delay(GatherFor, stoppingToken);
                    Take(messages);
                }
                await HandleAsync(messages, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // the process stops; what was not acknowledged comes again
        }
    }

    private void Take(List<IngestMessage> messages)
    {
        while (messages.Count < BatchMax && _waiting.Reader.TryRead(out var message))
            messages.Add(message);
    }

    private async Task HandleAsync(List<IngestMessage> messages, CancellationToken ct)
    {
        var began = Stopwatch.GetTimestamp();
        var judged = Judge(messages, clock.GetUtcNow());
        await StoreAsync(judged, ct);
        TelemetryMetrics.BatchSize.Record(messages.Count);
        TelemetryMetrics.CommitDuration.Record(Stopwatch.GetElapsedTime(began).TotalSeconds);
        _toFlush.Clear();
        foreach (ref readonly var message in CollectionsMarshal.AsSpan(messages))
            if (message.Source?.NoteDurable(message.PacketId) is true)
                _toFlush.Add(message.Source);
        foreach (var source in _toFlush)
            source.FlushNoted();
    }

    /// <summary>In order of arrival, which is the vehicle's own order.</summary>
    private List<(IngestMessage Message, bool IsFresh)> Judge(List<IngestMessage> messages, DateTimeOffset now)
    {
        var judged = new List<(IngestMessage, bool)>(messages.Count);
        foreach (var message in messages)
        {
            if (message.Report is not { } report)
            {
                judged.Add((message, false));
                continue;
            }
            var track = _tracks.GetOrAdd(report.Vehicle.Value, static _ => new VehicleTrack());
            var isFresh = report.Sequence > track.SequenceMax;
            // A repetition is judged by what is stored of it, not by where the vehicle has gone since.
            if (ReportRules.Check(track, report, now) is { } reason)
            {
                judged.Add((Refuse(message, report, reason), false));
                if (reason == ReportRules.ImpossibleJump)
                    foreach (var listener in _listeners)
                        listener.OnJump(report);
                continue;
            }
            track.Accept(report);
            judged.Add((message, isFresh));
        }
        return judged;
    }

    private static IngestMessage Refuse(IngestMessage message, VehicleReport report, string reason) => message with
    {
        Kind = MessageKind.Quarantine,
        Report = null,
        Reason = reason,
        Topic = $"telemetry/{report.Vehicle}",
        Payload = message.Payload ?? ReportText.Write(report),
    };

    /// <summary>Stores all, whatever it takes: again after a failure, compared with what is stored where a key is taken, in halves where the database refuses a value.</summary>
    private async Task StoreAsync(List<(IngestMessage Message, bool IsFresh)> judged, CancellationToken ct)
    {
        var compareAll = false;
        while (true)
        {
            try
            {
                await StoreOnceAsync(judged, compareAll, ct);
                return;
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UniqueViolation && !compareAll)
            {
                TelemetryMetrics.MergedBatches.Add(1);
                compareAll = true;
            }
            catch (PostgresException e) when (e.SqlState.StartsWith("22", StringComparison.Ordinal)) // a value that our rules let through
            {
                TelemetryMetrics.FailedBatches.Add(1);
                LogRefused(log, e, judged.Count);
                if (judged.Count == 1)
                {
                    judged = [(judged[0].Message with { Kind = MessageKind.Quarantine, Report = null, Reason = "refused_by_storage", Topic = "?", Payload = [] }, false)];
                    continue;
                }
                await StoreAsync(judged[..(judged.Count / 2)], ct);
                await StoreAsync(judged[(judged.Count / 2)..], ct);
                return;
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException or IOException && !ct.IsCancellationRequested)
            {
                TelemetryMetrics.FailedBatches.Add(1);
                LogFailed(log, e, judged.Count);
                await Task.Delay(RetryAfter, ct);
            }
        }
    }

    private async Task StoreOnceAsync(List<(IngestMessage Message, bool IsFresh)> judged, bool compareAll, CancellationToken ct)
    {
        var batch = new Batch();
        foreach (var (message, isFresh) in judged)
            (message.Kind switch
            {
                MessageKind.Report => null,
                MessageKind.Status => batch.Statuses,
                _ => batch.Quarantine,
            })?.Add(message);
        foreach (var (message, isFresh) in judged)
            if (message.Report is { } report)
                (isFresh && !compareAll ? batch.Fresh : batch.MaybeKnown).Add(report);
        var now = clock.GetUtcNow();
        var known = await store.StoreAsync(batch, now, ct);
        var accepted = batch.Fresh;
        if (batch.MaybeKnown.Count > 0)
        {
            accepted = [.. batch.Fresh, .. batch.MaybeKnown.Where(r => !known.ContainsKey((r.Vehicle.Value, r.Sequence))).DistinctBy(r => (r.Vehicle, r.Sequence))];
            var reused = batch.MaybeKnown.Where(r => known.TryGetValue((r.Vehicle.Value, r.Sequence), out var at) && at != r.At).ToList();
            TelemetryMetrics.Duplicates.Add(batch.Fresh.Count + batch.MaybeKnown.Count - accepted.Count - reused.Count);
            if (reused.Count > 0)
                await QuarantineReusedAsync(reused, now, ct);
        }
        Count(batch, accepted.Count);
        foreach (var listener in _listeners)
            listener.OnDurable(CollectionsMarshal.AsSpan(accepted));
    }

    /// <summary>A sequence that stands for another report: the vehicle counts wrong, and what it says now must not be lost silently.</summary>
    private Task QuarantineReusedAsync(List<VehicleReport> reused, DateTimeOffset now, CancellationToken ct)
    {
        var batch = new Batch();
        batch.Quarantine.AddRange(reused.Select(r =>
            Refuse(new IngestMessage(MessageKind.Report, r.Vehicle, r.ReceivedAt, null, r, null, null, null, 0), r, "sequence_reused")));
        Count(batch, 0);
        return store.StoreAsync(batch, now, ct);
    }

    private static void Count(Batch batch, int reports)
    {
        if (reports > 0)
            TelemetryMetrics.Accepted.Add(reports, new KeyValuePair<string, object?>("kind", "report"));
        if (batch.Statuses.Count > 0)
            TelemetryMetrics.Accepted.Add(batch.Statuses.Count, new KeyValuePair<string, object?>("kind", "status"));
        foreach (var message in batch.Quarantine)
            TelemetryMetrics.Quarantined.Add(1, new KeyValuePair<string, object?>("reason", message.Reason));
    }

    private async Task LoadTracksAsync(CancellationToken ct)
    {
        await using var command = database.Source.CreateCommand("SELECT vehicle, sequence, at, lat, lon FROM last_reports");
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
            _tracks[reader.GetGuid(0)] = new VehicleTrack
            {
                SequenceMax = reader.GetInt64(1),
                At = reader.GetFieldValue<DateTimeOffset>(2),
                Position = new GeoPoint(reader.GetDouble(3), reader.GetDouble(4)),
            };
    }

    private async Task RetryAsync(Func<CancellationToken, Task> action, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                await action(ct);
                return;
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException && !ct.IsCancellationRequested)
            {
                LogFailed(log, e, 0);
                await Task.Delay(RetryAfter, ct);
            }
        }
    }

    [LoggerMessage(EventId = 8011, Level = LogLevel.Warning, Message = "{Count} messages of vehicles could not be stored; another try follows.")]
    private static partial void LogFailed(ILogger log, Exception exception, int count);

    [LoggerMessage(EventId = 8012, Level = LogLevel.Error, Message = "The database refuses a value in a batch of {Count} messages.")]
    private static partial void LogRefused(ILogger log, Exception exception, int count);
}
