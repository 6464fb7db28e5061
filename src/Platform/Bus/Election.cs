using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;
using Npgsql;

namespace Mobility.Platform.Bus;

/// <summary>
/// Work that must run in one process at a time. All jobs of a process share one connection that holds an advisory lock per job; if it
/// breaks, every job is lost at once and won again by whoever is first. Fences, not locks, keep the facts right; locks only save work.
/// </summary>
public sealed partial class Election(Database<PlatformModule> database, ILogger<Election> log) : BackgroundService
{
    /// <summary>Time between tries for jobs that another process holds.</summary>
    public static readonly TimeSpan TryEvery = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, bool> _jobs = new(StringComparer.Ordinal);
    private readonly Signal _changed = new();
    private long _aliveAt;

    /// <summary>Real time since the connection that holds the jobs last answered; null before the first time.</summary>
    public TimeSpan? SinceAlive => Interlocked.Read(ref _aliveAt) is not 0 and var at ? Stopwatch.GetElapsedTime(at) : null;

    /// <summary>Enters a job; <see cref="Holds"/> says when it is won.</summary>
    public void Enter(string job)
    {
        if (_jobs.TryAdd(job, false))
            _changed.Set();
    }

    /// <summary>Whether this process holds the job now.</summary>
    public bool Holds(string job) => _jobs.GetValueOrDefault(job);

    /// <summary>Completes at once when the job is held, else when something changes or a second is over.</summary>
    public Task WaitAsync(string job, CancellationToken ct) => Holds(job) ? Task.CompletedTask : Signal.WaitAsync(_changed.Next, TryEvery, ct);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await using var connection = await database.Source.OpenConnectionAsync(stoppingToken);
                await HoldAsync(connection, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException)
            {
                LogLost(log, e);
                foreach (var job in _jobs.Keys)
                    _jobs[job] = false;
                await Task.Delay(TryEvery, stoppingToken);
            }
        }
    }

    private async Task HoldAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        try
        {
            while (true)
            {
                var changed = _changed.Next;
                var won = false;
                foreach (var job in _jobs.Where(j => !j.Value).Select(j => j.Key).ToArray())
                {
                    await using var command = new NpgsqlCommand("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", connection);
                    command.Parameters.AddWithValue(job);
                    if ((bool)(await command.ExecuteScalarAsync(ct))!)
                        won = _jobs[job] = true;
                }
                if (won)
                    _changed.Set();
                else
                    await Signal.WaitAsync(changed, TryEvery, ct);
                await using var ping = new NpgsqlCommand("SELECT 1", connection);
                await ping.ExecuteScalarAsync(ct);
                Interlocked.Exchange(ref _aliveAt, Stopwatch.GetTimestamp());
            }
        }
        finally
        {
            // The pool does not reset connections: let go of the locks, so that a process which stops hands its jobs over at once.
            if (connection.State == System.Data.ConnectionState.Open)
            {
                await using var release = new NpgsqlCommand("SELECT pg_advisory_unlock_all()", connection);
                await release.ExecuteNonQueryAsync(CancellationToken.None);
            }
        }
    }

    [LoggerMessage(EventId = 102, Level = LogLevel.Warning, Message = "The connection that holds this process's jobs broke.")]
    private static partial void LogLost(ILogger log, Exception exception);
}
