using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Platform.Bus;
using Mobility.Platform.Events;
using Mobility.Telemetry.Ingest;
using Npgsql;

namespace Mobility.Telemetry.Live;

/// <summary>
/// Fills this process's live fleet and keeps it: 1. notes the end of the bus's log; 2. asks Fleet for all vehicles; 3. reads the last reports; 4. follows the log
/// from where it noted, and the reports that this process stores itself; 5. looks now and then for reports that other processes stored.
/// <para>
/// Every process needs all of it, so this is no subscription: those are run by one process only. It reads the same log in the same order, and since each
/// message names the vehicle's version, what was read twice, in step 2 and 4, changes nothing (ADR 0009).
/// </para>
/// </summary>
internal sealed partial class LiveFleetFeed(IAsk ask, BusTail tail, Database<TelemetryModule> database, ILogger<LiveFleetFeed> log) : BackgroundService, IReportListener, ILogFollower
{
    public const int PageMax = 2_000;
    public const int MessagesAtOnce = 500;
    public const int DifferencesMax = 100;

    /// <summary>How long a change of Fleet that another process published may wait to be seen, when no hint comes.</summary>
    public static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a report that another process stored may wait to be seen. It reads the table of last reports once: 30 ms for 50,000 vehicles.</summary>
    public static readonly TimeSpan LookForOthersEvery = TimeSpan.FromSeconds(5);

    /// <summary>Reports whose transaction ended later than others'.</summary>
    private static readonly TimeSpan Overlap = TimeSpan.FromSeconds(30);

    /// <summary>A rider waits: better a refusal than a late answer.</summary>
    private static readonly TimeSpan ReadyWithin = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);
    private readonly Lock _place = new(); // two words are not read in one
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public LiveFleet Fleet { get; } = new();

    public string Contract { get; } = ContractNames.Of(typeof(VehicleStateChangedV1));

    /// <summary>Whether all vehicles are known; before, an answer would be a lie.</summary>
    public bool IsReady => _ready.Task.IsCompleted;

    /// <summary>Waits a moment for the vehicles of a process that has just started; false when they are still not known.</summary>
    public async ValueTask<bool> WaitReadyAsync(CancellationToken ct) =>
        IsReady || await Task.WhenAny(_ready.Task, Task.Delay(ReadyWithin, ct)) == _ready.Task;

    /// <summary>The place in the log up to which Fleet's news are in; null until all vehicles are known.</summary>
    public BusPosition? ReadUpTo
    {
        get
        {
            lock (_place)
                return field;
        }
        private set
        {
            lock (_place)
                field = value;
        }
    }

    public void OnDurable(ReadOnlySpan<VehicleReport> reports)
    {
        foreach (var report in reports)
            Fleet.Report(report.Vehicle.Value, PackedPoint.Of(report.Position), report.StateOfChargePercent, report.At.ToUnixTimeMilliseconds(), out _);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (!await TryAsync(BeginAsync, stoppingToken))
                await Task.Delay(RetryAfter, stoppingToken);
            _ready.TrySetResult();
            LogReady(log, Fleet.Count);
            var looked = System.Diagnostics.Stopwatch.GetTimestamp();
            while (!stoppingToken.IsCancellationRequested)
            {
                var news = tail.News.Next;
                if (!await TryAsync(FollowAsync, stoppingToken))
                    await Task.Delay(RetryAfter, stoppingToken);
                if (System.Diagnostics.Stopwatch.GetElapsedTime(looked) > LookForOthersEvery)
                {
                    await TryAsync(ReadReportsAsync, stoppingToken);
                    looked = System.Diagnostics.Stopwatch.GetTimestamp();
                }
                await Signal.WaitAsync(news, LookEvery, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // the process stops
        }
    }

    private async Task BeginAsync(CancellationToken ct)
    {
        while (tail.SinceRead is null)
            await Signal.WaitAsync(tail.News.Next, LookEvery, ct);
        var noted = tail.ReadUpTo;
        VehicleId? after = null;
        for (IReadOnlyList<VehicleNow> page = []; after is null || page.Count == PageMax; after = page.Count > 0 ? page[^1].Id : new VehicleId(Guid.Empty))
        {
            page = await ask.AskAsync(new ListVehiclesNow(after, PageMax), ct);
            foreach (var vehicle in page)
                Fleet.Take(StateOf(vehicle));
        }
        await ReadReportsAsync(ct);
        ReadUpTo = noted;
    }

    private async Task FollowAsync(CancellationToken ct)
    {
        while (true)
        {
            var place = ReadUpTo!.Value;
            var (messages, examined) = tail.TryRead(place, Contract, MessagesAtOnce) ?? await tail.ReadAsync(place, Contract, MessagesAtOnce, ct);
            foreach (var message in messages)
                if (((VehicleStateChangedV1)ContractNames.Read(typeof(VehicleStateChangedV1), message.Data)).Now is { } now)
                    Fleet.Take(StateOf(now));
            ReadUpTo = examined;
            if (messages.Count < MessagesAtOnce)
                return;
        }
    }

    private DateTimeOffset _reportsUpTo = DateTimeOffset.MinValue;

    /// <summary>The newest report of each vehicle that came in since the last look; the first time, of all.</summary>
    private async Task ReadReportsAsync(CancellationToken ct)
    {
        var newest = _reportsUpTo;
        await using var command = database.Source.CreateCommand(LastReports);
        command.Parameters.AddWithValue((newest > DateTimeOffset.MinValue.AddDays(1) ? newest - Overlap : DateTimeOffset.UnixEpoch).ToUniversalTime());
        command.Parameters.AddWithValue(LiveFleet.VehiclesMax);
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            var isCharged = !await reader.IsDBNullAsync(4, ct);
            Fleet.Report(reader.GetGuid(0), PackedPoint.Of(new GeoPoint(reader.GetDouble(2), reader.GetDouble(3))), isCharged ? reader.GetInt16(4) : null,
                isCharged ? reader.GetFieldValue<DateTimeOffset>(6).ToUnixTimeMilliseconds() : 0, reader.GetFieldValue<DateTimeOffset>(1).ToUnixTimeMilliseconds(), out _);
            var received = reader.GetFieldValue<DateTimeOffset>(5);
            newest = received > newest ? received : newest;
        }
        _reportsUpTo = newest;
    }

    /// <summary>
    /// What differs between this live fleet and the records: Fleet's vehicles, and the last reports where those are newer. What is on its way when this
    /// is asked shows as a difference, so a difference counts when it stays.
    /// </summary>
    public async Task<IReadOnlyList<string>> CompareAsync(CancellationToken ct)
    {
        var other = new LiveFleetFeed(ask, tail, database, log);
        await other.BeginAsync(ct);
        var differences = new List<string>();
        for (var slot = 0; slot < other.Fleet.Count && differences.Count < DifferencesMax; slot++)
        {
            var expected = other.Fleet.Get(other.Fleet.IdOf(slot))!.Value;
            if (Fleet.Get(expected.Vehicle) is not { } live)
                differences.Add($"{new VehicleId(expected.Vehicle)} is missing");
            else if (live with { Version = expected.Version } != expected) // what of a vehicle is nobody else's business makes it newer, and is not published
                differences.Add($"{expected.Label} ({new VehicleId(expected.Vehicle)}): {Differences(live, expected)}");
        }
        return differences;
    }

    private static string Differences(LiveState live, LiveState recorded) => string.Join(", ", typeof(LiveState).GetProperties()
        .Select(member => (member.Name, Live: member.GetValue(live), Recorded: member.GetValue(recorded)))
        .Where(member => member.Name != nameof(LiveState.Version) && !Equals(member.Live, member.Recorded))
        .Select(member => $"{member.Name} {member.Live}, recorded {member.Recorded}"));

    private static LiveState StateOf(VehicleNow vehicle) => new()
    {
        Vehicle = vehicle.Id.Value,
        Label = vehicle.Label,
        Class = new LiveClass(vehicle.City.Value, vehicle.Type.Value, vehicle.Kind, vehicle.MaxRangeMeters, vehicle.MinimumStateOfChargePercent),
        State = vehicle.State,
        Offered = vehicle.Offered,
        Version = vehicle.Version,
        Position = PackedPoint.Of(vehicle.Position),
        Charge = vehicle.StateOfChargePercent,
        MeasuredAt = vehicle.MeasuredAt.ToUnixTimeMilliseconds(),
    };

    private async Task<bool> TryAsync(Func<CancellationToken, Task> step, CancellationToken ct)
    {
        try
        {
            await step(ct);
            return true;
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or PeerUnavailableException)
        {
            LogFailed(log, e);
            return false;
        }
    }

    private const string LastReports = """
        SELECT vehicle, at, lat, lon, charge, received_at, charge_at FROM last_reports WHERE received_at >= $1 ORDER BY received_at LIMIT $2
        """;

    [LoggerMessage(EventId = 8201, Level = LogLevel.Information, Message = "The live fleet knows {Vehicles} vehicles.")]
    private static partial void LogReady(ILogger log, int vehicles);

    [LoggerMessage(EventId = 8202, Level = LogLevel.Warning, Message = "The live fleet could not be brought up to date; another try in a second.")]
    private static partial void LogFailed(ILogger log, Exception exception);
}
