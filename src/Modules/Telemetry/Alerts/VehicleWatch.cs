using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Events;
using Mobility.Platform.Http;
using Mobility.Telemetry.Ingest;
using Mobility.Telemetry.Live;
using Npgsql;

namespace Mobility.Telemetry.Alerts;

/// <summary>
/// Looks at the newest report of each vehicle after it is durable, by <see cref="WatchRules"/>, and tells the other modules what changed: the new state of the
/// watch, the alert and the contract event are one transaction. The watch's state is in the database and names its version, so another process that looks at the
/// same vehicle, or this one after a crash, finds what is still to be told. Reports that wait are bounded by the number of vehicles: a newer one takes the place
/// of an older one, and crossings are those from the place that was decided last.
/// </summary>
internal sealed partial class VehicleWatch(
    LiveFleetFeed live, WatchedCities cities, Database<TelemetryModule> database, CommandRunner<TelemetryModule> runner, TimeProvider clock,
    IOptions<TelemetryOptions> options, ILogger<VehicleWatch> log) : BackgroundService, IReportListener
{
    /// <summary>Vehicles of one transaction.</summary>
    public const int ChangedMax = 200;

    /// <summary>Silent vehicles of one statement.</summary>
    public const int SilentMax = 1_000;

    /// <summary>Jumps that wait to be told; more are counted and left out.</summary>
    public const int JumpsMax = 1_000;

    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LookForSilenceEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ForgetsEvery = TimeSpan.FromHours(1);

    private readonly ConcurrentDictionary<Guid, VehicleReport> _newest = new();
    private readonly ConcurrentQueue<VehicleAlertRaisedV1> _jumps = new();
    private readonly Dictionary<Guid, Watched> _watched = [];
    private DateTimeOffset _forgetsAt;

    private sealed record LastHeard(Guid Vehicle, DateTime ReceivedAt);

    private sealed record Change(VehicleReport? Report, VehicleId Vehicle, Watched? Before, Watched After, IReadOnlyList<IContractEvent> News);

    public void OnDurable(ReadOnlySpan<VehicleReport> reports)
    {
        foreach (var report in reports)
            _newest.AddOrUpdate(report.Vehicle.Value, static (_, next) => next, static (_, known, next) => next.At >= known.At ? next : known, report);
    }

    /// <summary>A vehicle said to be where it cannot be. The message itself is in quarantine; the alert is lost if the process dies within a moment.</summary>
    public void OnJump(VehicleReport report)
    {
        if (_jumps.Count < JumpsMax)
            _jumps.Enqueue(new VehicleAlertRaisedV1(report.Vehicle, VehicleAlertKind.ImpossibleJump, report.At, report.Position));
        else
            TelemetryMetrics.UntoldAlerts.Add(1);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var (isLoaded, lookedAt) = (false, 0L);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (!isLoaded)
                    await LoadAsync(stoppingToken);
                isLoaded = true;
                await LookAsync(stoppingToken);
                if (Stopwatch.GetElapsedTime(lookedAt) > LookForSilenceEvery)
                {
                    await LookForSilenceAsync(stoppingToken);
                    lookedAt = Stopwatch.GetTimestamp();
                }
                await Task.Delay(LookEvery, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException or PeerUnavailableException)
            {
                LogFailed(log, e);
                isLoaded = false; // another process may have gone on
                await Task.Delay(RetryAfter, stoppingToken).ContinueWith(_ => { }, TaskScheduler.Default);
            }
        }
    }

    /// <summary>What the watch knows, and the reports that nobody has looked at because a process died.</summary>
    private async Task LoadAsync(CancellationToken ct)
    {
        await live.WaitReadyAsync(ct);
        _watched.Clear();
        await ReadWatchedAsync(null, ct);
        await using var command = database.Source.CreateCommand("""
            SELECT r.vehicle, r.sequence, r.at, r.received_at, r.lat, r.lon, r.charge FROM last_reports r LEFT JOIN vehicle_watch w ON w.vehicle = r.vehicle
            WHERE w.vehicle IS NULL OR r.at > w.at
            """);
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
            OnDurable([new VehicleReport
            {
                Vehicle = new VehicleId(reader.GetGuid(0)),
                Sequence = reader.GetInt64(1),
                At = reader.GetFieldValue<DateTimeOffset>(2),
                ReceivedAt = reader.GetFieldValue<DateTimeOffset>(3),
                Position = new GeoPoint(reader.GetDouble(4), reader.GetDouble(5)),
                StateOfChargePercent = await reader.IsDBNullAsync(6, ct) ? null : reader.GetInt16(6),
            }]);
    }

    private async Task LookAsync(CancellationToken ct)
    {
        var changes = new List<Change>();
        foreach (var (id, _) in _newest)
        {
            if (!_newest.TryRemove(id, out var report))
                continue;
            var before = _watched.GetValueOrDefault(id);
            if (report.At < before?.At)
                continue;
            var city = live.Fleet.Get(id) is { } vehicle ? await cities.GetAsync(new CityId(vehicle.Class.City), ct) : null;
            var (after, news) = WatchRules.OnReport(before, report, city);
            if (ReferenceEquals(after, before))
                continue;
            changes.Add(new Change(report, report.Vehicle, before, after, news));
            if (changes.Count < ChangedMax)
                continue;
            await StoreAsync(changes, ct);
            changes.Clear();
        }
        if (changes.Count > 0 || !_jumps.IsEmpty)
            await StoreAsync(changes, ct);
    }

    /// <summary>By the table of last reports, since a vehicle that this process does not hear may be heard by another.</summary>
    private async Task LookForSilenceAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        IReadOnlyList<LastHeard> silent = [new LastHeard(Guid.Empty, DateTime.UnixEpoch)];
        do
        {
            // Page by page: vehicles that were taken off the street stay silent for good, and are the oldest.
            silent = await database.QueryAsync<LastHeard>("""
                SELECT r.vehicle, r.received_at FROM last_reports r JOIN vehicle_watch w ON w.vehicle = r.vehicle
                WHERE r.received_at < @since AND (r.received_at, r.vehicle) > (@received, @after) AND NOT w.silent ORDER BY r.received_at, r.vehicle LIMIT @SilentMax
                """, new { since = now - WatchRules.SilentAfter, received = silent[^1].ReceivedAt, after = silent[^1].Vehicle, SilentMax }, ct);
            var changes = new List<Change>();
            foreach (var id in silent.Select(heard => heard.Vehicle).Where(id => live.Fleet.Get(id) is not { State: VehicleState.Removed }))
            {
                if (!_watched.TryGetValue(id, out var before))
                    continue; // another process's; it looks too
                var (after, news) = WatchRules.OnSilence(new VehicleId(id), before, now);
                if (!ReferenceEquals(after, before))
                    changes.Add(new Change(null, new VehicleId(id), before, after, news));
            }
            foreach (var part in changes.Chunk(ChangedMax))
                await StoreAsync(part, ct);
        }
        while (silent.Count == SilentMax);
        if (now < _forgetsAt)
            return;
        await database.ExecuteAsync("DELETE FROM alerts WHERE cleared_at < @before", new { before = now - TimeSpan.FromDays(options.Value.HistoryDays) }, ct);
        _forgetsAt = now + ForgetsEvery;
    }

    private async Task StoreAsync(IReadOnlyList<Change> changes, CancellationToken ct)
    {
        var work = runner.NewWork("watch");
        var jumps = _jumps.ToArray();
        foreach (var jump in jumps)
            Tell(work, jump.Vehicle, jump);
        if (changes.Count > 0)
            KeepAll(work, [.. changes.OrderBy(c => c.Vehicle.Value)]); // in one order, so that two processes never wait for each other in a circle
        foreach (var change in changes)
            foreach (var news in change.News)
                Tell(work, change.Vehicle, news);
        if ((await work.CommitAsync(ct)).Outcome == CommitOutcome.Committed)
        {
            foreach (var change in changes)
                _watched[change.Vehicle.Value] = change.After;
            for (var i = 0; i < jumps.Length; i++)
                _jumps.TryDequeue(out _);
            return;
        }
        // Another process was first with one of them: read what it made of it, and look again at what is newest.
        await ReadWatchedAsync([.. changes.Select(c => c.Vehicle.Value)], ct);
        foreach (var change in changes)
            if (change.Report is { } report)
                OnDurable([report]);
    }

    private static void KeepAll(Work work, Change[] changes) => work.ExecuteOrRetryAll(changes.Length, """
        INSERT INTO vehicle_watch AS w (vehicle, version, at, lat, lon, low_battery, outside, silent)
        SELECT * FROM unnest($1::uuid[], $2::int[], $3::timestamptz[], $4::float8[], $5::float8[], $6::boolean[], $7::boolean[], $8::boolean[])
        ON CONFLICT (vehicle) DO UPDATE SET version = excluded.version, at = excluded.at, lat = excluded.lat, lon = excluded.lon,
            low_battery = excluded.low_battery, outside = excluded.outside, silent = excluded.silent
        WHERE w.version = excluded.version - 1 RETURNING 1
        """,
        Array.ConvertAll(changes, c => c.Vehicle.Value), Array.ConvertAll(changes, c => c.After.Version), Array.ConvertAll(changes, c => c.After.At),
        Array.ConvertAll(changes, c => c.After.Place.Decided.LatitudeDegrees), Array.ConvertAll(changes, c => c.After.Place.Decided.LongitudeDegrees),
        Array.ConvertAll(changes, c => c.After.LowBattery), Array.ConvertAll(changes, c => c.After.Outside), Array.ConvertAll(changes, c => c.After.Silent));

    /// <summary>Publishes, and keeps an alert for operators.</summary>
    internal static void Tell(Work work, VehicleId vehicle, IContractEvent news)
    {
        switch (news)
        {
            case VehicleAlertRaisedV1 raised:
                var clearedAt = IsMoment(raised.Kind) ? raised.At : (DateTimeOffset?)null;
                work.Execute("INSERT INTO alerts (vehicle, kind, raised_at, cleared_at, lat, lon) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
                    vehicle.Value, raised.Kind.ToString(), raised.At, clearedAt, raised.Position?.LatitudeDegrees, raised.Position?.LongitudeDegrees);
                work.OnCommitted(() => TelemetryMetrics.Alerts.Add(1, new KeyValuePair<string, object?>("kind", raised.Kind.ToString())));
                work.Publish(vehicle.Value, raised);
                break;
            case VehicleAlertClearedV1 cleared:
                work.Execute("UPDATE alerts SET cleared_at = $3 WHERE vehicle = $1 AND kind = $2 AND cleared_at IS NULL", vehicle.Value, cleared.Kind.ToString(), cleared.At);
                work.Publish(vehicle.Value, cleared);
                break;
            case VehicleZonesCrossedV1 crossed:
                work.Publish(vehicle.Value, crossed);
                break;
        }
    }

    private static bool IsMoment(VehicleAlertKind kind) => kind is VehicleAlertKind.ImpossibleJump or VehicleAlertKind.Tamper or VehicleAlertKind.Collision;

    private async Task ReadWatchedAsync(Guid[]? vehicles, CancellationToken ct)
    {
        await using var command = database.Source.CreateCommand(
            "SELECT vehicle, version, at, lat, lon, low_battery, outside, silent FROM vehicle_watch" + (vehicles is null ? "" : " WHERE vehicle = ANY($1)"));
        if (vehicles is not null)
            command.Parameters.AddWithValue(vehicles);
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
            _watched[reader.GetGuid(0)] = new Watched(reader.GetInt32(1), reader.GetFieldValue<DateTimeOffset>(2),
                new StandingPlace(new GeoPoint(reader.GetDouble(3), reader.GetDouble(4))), reader.GetBoolean(5), reader.GetBoolean(6), reader.GetBoolean(7));
    }

    [LoggerMessage(EventId = 8301, Level = LogLevel.Warning, Message = "What changed with vehicles could not be told; another try in a second.")]
    private static partial void LogFailed(ILogger log, Exception exception);
}
