using System.Diagnostics;
using System.Net;
using Mobility.Platform;
using Mobility.Platform.Bus;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;
using Mobility.Platform.Postgres;
using Npgsql;

namespace Mobility.Host;

/// <summary>Something that the process stands on.</summary>
/// <param name="Name">For example <c>database</c>.</param>
/// <param name="Status"><c>healthy</c> or <c>degraded</c>.</param>
/// <param name="Required">Whether the process can serve without it.</param>
/// <param name="Detail">What is wrong, or a number worth knowing.</param>
internal sealed record Dependency(string Name, string Status, bool Required, string? Detail);

/// <summary>The state of the process: degraded when anything is, ready while everything that it cannot do without is healthy.</summary>
internal sealed record HealthReport(string Status, bool Ready, IReadOnlyList<string> Modules, IReadOnlyList<Dependency> Dependencies);

/// <summary>Looks at what the process stands on. The endpoint is open, so a look is shared by everybody who asks within <see cref="LookLivesFor"/>.</summary>
internal sealed class Health(
    IReadOnlyList<ModuleDefinition> modules, Database<PlatformModule> platform, BusTail tail, Election election, IServiceProvider services, Peers peers) : IDisposable
{
    public static readonly TimeSpan LookLivesFor = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(10);
    private readonly SemaphoreSlim _oneLook = new(1);
    private HealthReport? _last;
    private long _lookedAt;

    /// <summary>The server's version, once it has answered.</summary>
    public string? PostgresVersion { get; private set; }

    public async Task<HealthReport> LookAsync(CancellationToken ct)
    {
        await _oneLook.WaitAsync(ct);
        try
        {
            if (_last is null || Stopwatch.GetElapsedTime(_lookedAt) > LookLivesFor)
            {
                _last = await LookNowAsync(ct);
                _lookedAt = Stopwatch.GetTimestamp();
            }
            return _last;
        }
        finally
        {
            _oneLook.Release();
        }
    }

    public void Dispose() => _oneLook.Dispose();

    private async Task<HealthReport> LookNowAsync(CancellationToken ct)
    {
        var database = await CheckAsync("database", required: true, async within =>
            $"PostgreSQL {PostgresVersion = await platform.QuerySingleOrDefaultAsync<string>("SHOW server_version", null, within)}", ct);
        var found = new List<Dependency> { database };
        if (database.Status == Healthy)
        {
            found.Add(await CheckAsync("migrations", required: true, async within =>
                await Migrator.PendingAsync(platform, modules, within) is { Count: > 0 } pending ? throw new Unfit($"{string.Join(", ", pending)} did not run") : null, ct));
            found.Add(await CheckAsync("parked_messages", required: false, async within =>
                await CountParkedAsync(within) is > 0 and var parked ? throw new Unfit($"{parked} messages wait for an operator") : null, ct));
        }
        found.Add(HeardWithin("election", election.SinceAlive));
        found.Add(HeardWithin("bus", tail.SinceRead));
        foreach (var need in modules.SelectMany(m => m.Type.Needs).Distinct().Except(modules.Select(m => m.Module)))
            found.Add(await CheckAsync($"peer.{need}", required: false, within => AskPeerAsync(need, within), ct));
        return new HealthReport(
            found.TrueForAll(d => d.Status == Healthy) ? Healthy : Degraded,
            found.TrueForAll(d => d.Status == Healthy || !d.Required),
            [.. modules.Select(m => m.Module)],
            found);
    }

    private async Task<long> CountParkedAsync(CancellationToken ct)
    {
        long parked = 0;
        foreach (var module in modules)
            parked += await services.GetRequiredKeyedService<ModuleDatabase>(module.Module)
                .QuerySingleOrDefaultAsync<long>("SELECT count(*) FROM inbox WHERE state = 'parked'", null, ct);
        return parked;
    }

    private async Task<string?> AskPeerAsync(string module, CancellationToken ct)
    {
        var status = await peers.CallAsync(module, "/health/live", async (http, uri, within) =>
        {
            using var reply = await http.GetAsync(uri, within);
            return reply.StatusCode;
        }, ct);
        return status == HttpStatusCode.OK ? null : throw new Unfit($"answers {(int)status}");
    }

    private static Dependency HeardWithin(string name, TimeSpan? since) => since < SilenceMax
        ? new Dependency(name, Healthy, true, null)
        : new Dependency(name, Degraded, true, since is { } silence ? $"silent for {silence.TotalSeconds:0} s" : "not started yet");

    private static async Task<Dependency> CheckAsync(string name, bool required, Func<CancellationToken, Task<string?>> check, CancellationToken ct)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(AnswerWithin);
        try
        {
            return new Dependency(name, Healthy, required, await check(patience.Token));
        }
        catch (Unfit unfit)
        {
            return new Dependency(name, Degraded, required, unfit.Message);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or PeerUnavailableException or OperationCanceledException && !ct.IsCancellationRequested)
        {
            return new Dependency(name, Degraded, required, "does not answer"); // why stands in the log; an address or a name need not be shown to everybody
        }
    }

    private const string Healthy = "healthy";
    private const string Degraded = "degraded";

    private sealed class Unfit(string sentence) : Exception(sentence);
}
