using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform.Events;
using Mobility.Platform.Http;
using Mobility.Platform.Modules;
using Npgsql;

namespace Mobility.Telemetry.Alerts;

/// <summary>Fleet waits for a standstill of a vehicle: a new wait takes the place of an older one.</summary>
internal static class OnStandstillWanted
{
    public static Task Handle(StandstillWantedV1 e, Reaction reaction, CancellationToken ct)
    {
        _ = ct;
        reaction.Work.Execute("""
            INSERT INTO standstills_awaited (vehicle, command, stands_for, until) VALUES ($1, $2, $3, $4)
            ON CONFLICT (vehicle) DO UPDATE SET command = excluded.command, stands_for = excluded.stands_for, until = excluded.until, looked_at = NULL, stands_since = NULL
            """, e.Vehicle.Value, e.Command.Value, e.StandsFor, e.Until);
        return Task.CompletedTask;
    }
}

/// <summary>
/// Looks at the newest report of the vehicles that somebody waits for, by <see cref="StandstillRule"/>, and tells each standstill once: the row goes with the
/// message. By the table of last reports, since another process may hear the vehicle; any number of processes may look.
/// </summary>
internal sealed partial class StandstillWatch(
    Database<TelemetryModule> database, CommandRunner<TelemetryModule> runner, TimeProvider clock, ILogger<StandstillWatch> log) : BackgroundService
{
    /// <summary>Vehicles of one look; the others have the next.</summary>
    public const int LookedAtMax = 200;

    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await LookAsync(stoppingToken);
                await Task.Delay(LookEvery, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException)
            {
                LogFailed(log, e);
                await Task.Delay(LookEvery, stoppingToken).ContinueWith(_ => { }, TaskScheduler.Default);
            }
        }
    }

    private async Task LookAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var rows = await database.QueryAsync<Row>("""
            SELECT a.vehicle, a.command, a.stands_for, a.until, a.looked_at, a.stands_since, r.at, r.speed, r.locked, r.lat, r.lon
            FROM standstills_awaited a LEFT JOIN last_reports r ON r.vehicle = a.vehicle AND r.at >= @recent AND (a.looked_at IS NULL OR r.at > a.looked_at)
            WHERE r.vehicle IS NOT NULL OR a.until < @now ORDER BY a.looked_at NULLS FIRST, a.vehicle LIMIT @LookedAtMax
            """, new { recent = now - StandstillRule.RecentWithin, now, LookedAtMax }, ct);
        foreach (var row in rows)
            await (row.At is { } at && row.Until >= now.UtcDateTime ? JudgeAsync(row, at, ct) : ForgetAsync(row, ct));
    }

    private async Task JudgeAsync(Row row, DateTime at, CancellationToken ct)
    {
        var (since, isEnough) = StandstillRule.Next(row.LookedAt, row.StandsSince, at, row.Speed, row.Locked, row.StandsFor);
        var work = runner.NewWork("standstill");
        if (isEnough)
        {
            work.ExecuteOrRetry("DELETE FROM standstills_awaited WHERE vehicle = $1 AND command = $2 RETURNING 1", row.Vehicle, row.Command);
            work.Publish(row.Vehicle, new VehicleStandsV1(new VehicleId(row.Vehicle), new VehicleCommandId(row.Command), since!.Value, at, new GeoPoint(row.Lat!.Value, row.Lon!.Value)));
        }
        else
        {
            work.Execute("UPDATE standstills_awaited SET looked_at = $3, stands_since = $4 WHERE vehicle = $1 AND command = $2", row.Vehicle, row.Command, (DateTimeOffset)at, since);
        }
        await work.CommitAsync(ct); // who loses a race has nothing to add
    }

    private Task ForgetAsync(Row row, CancellationToken ct) =>
        database.ExecuteAsync("DELETE FROM standstills_awaited WHERE vehicle = @Vehicle AND command = @Command", new { row.Vehicle, row.Command }, ct);

    private sealed record Row
    {
        public required Guid Vehicle { get; init; }
        public required Guid Command { get; init; }
        public required TimeSpan StandsFor { get; init; }
        public required DateTime Until { get; init; }
        public DateTime? LookedAt { get; init; }
        public DateTime? StandsSince { get; init; }
        public DateTime? At { get; init; }
        public float? Speed { get; init; }
        public bool? Locked { get; init; }
        public double? Lat { get; init; }
        public double? Lon { get; init; }
    }

    [LoggerMessage(EventId = 8302, Level = LogLevel.Warning, Message = "Standstills could not be looked for; another try in a second.")]
    private static partial void LogFailed(ILogger log, Exception exception);
}
