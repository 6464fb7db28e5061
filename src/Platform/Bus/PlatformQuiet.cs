using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;
using Npgsql;
using NpgsqlTypes;

namespace Mobility.Platform.Bus;

/// <summary>Follows the log in the memory of one process, beside the subscriptions: what it shows is behind until it has caught up.</summary>
public interface ILogFollower
{
    /// <summary>The contract that it follows.</summary>
    string Contract { get; }

    /// <summary>How far its memory is; null until it has begun.</summary>
    BusPosition? ReadUpTo { get; }
}

/// <summary>
/// Whether everything that was caused has happened: no message undelivered, nothing due. Who moves an injected clock waits for it, again and again, so it
/// remembers up to where the log was seen delivered.
/// </summary>
/// <param name="modules">All of them; they may run in several processes.</param>
/// <param name="clock">Says what is due.</param>
public sealed class PlatformQuiet(IReadOnlyList<(ModuleDefinition Module, ModuleDatabase Database)> modules, TimeProvider clock)
{
    private const string TakenName = "type || ' ' || key || ' ' || attempts";
    private static readonly TimeSpan LongPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan PauseBetweenLooks = TimeSpan.FromMilliseconds(2);

    private readonly IReadOnlyList<ILogFollower> _followers = [];
    private readonly Dictionary<string, string[]> _abandoned = new(StringComparer.Ordinal);
    private ulong _deliveredBelow; // every message of an earlier transaction
    private int? _busy; // the module that the last look found busy

    /// <summary>Of one process: what follows the log in its memory has caught up, too.</summary>
    /// <param name="modules">All of them.</param>
    /// <param name="services">Of the process.</param>
    /// <param name="clock">Says what is due.</param>
    public PlatformQuiet(IReadOnlyList<ModuleDefinition> modules, IServiceProvider services, TimeProvider clock)
        : this([.. modules.Select(m => (m, services.GetRequiredKeyedService<ModuleDatabase>(m.Module)))], clock) =>
        _followers = [.. services.GetServices<ILogFollower>()];

    /// <summary>
    /// What is taken now was taken by a process that is dead, and is not waited for until it is due again. To be called before anything is handled, by whoever knows
    /// that no other process lives.
    /// </summary>
    public async Task PassOverTakenAsync(CancellationToken ct = default)
    {
        foreach (var (module, database) in modules)
            _abandoned[module.Module] = [.. await database.QueryAsync<string>($"SELECT {TakenName} FROM scheduled WHERE attempts > 0 AND error IS NULL", null, ct)];
    }

    /// <summary>Waits until it is quiet at the clock's present instant. One caller at a time.</summary>
    /// <param name="patience">A longer wait means that something is stuck; a minute unless told.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <exception cref="TimeoutException">Something is stuck; the message names it.</exception>
    public async Task WaitAsync(TimeSpan? patience = null, CancellationToken ct = default)
    {
        var atMost = patience ?? LongPatience;
        foreach (var (module, _) in modules)
            module.Signals.Scheduled(module.Module).Set(); // a clock that was moved tells nobody that something is due
        var ended = await EndedBelowAsync(ct);
        // A module may publish to one that was already asked: it is quiet when two looks in a row find nothing.
        await UntilAsync(async () => await WhatIsStillBusyAsync(ct) ?? await WhatIsBusyAsync(ct) ?? await WhatIsBusyAsync(ct), atMost, ct);
        _deliveredBelow = ended;
        foreach (var follower in _followers)
            await UntilAsync(async () => await IsBehindAsync(follower, ct) ? $"{follower.GetType().Name} is behind the log" : null, atMost, ct);
    }

    private static async Task UntilAsync(Func<Task<string?>> whatIsBusy, TimeSpan patience, CancellationToken ct)
    {
        var began = Stopwatch.GetTimestamp();
        while (await whatIsBusy() is { } busy)
        {
            if (Stopwatch.GetElapsedTime(began) > patience)
                throw new TimeoutException($"The platform is not quiet after {patience.TotalSeconds} s: {busy}");
            await Task.Delay(PauseBetweenLooks, ct);
        }
    }

    /// <summary>Every transaction before it has ended, so what it published shows.</summary>
    private async Task<ulong> EndedBelowAsync(CancellationToken ct)
    {
        await using var command = modules[0].Database.Source.CreateCommand("SELECT pg_snapshot_xmin(pg_current_snapshot())");
        return (ulong)(await command.ExecuteScalarAsync(ct))!;
    }

    private async Task<bool> IsBehindAsync(ILogFollower follower, CancellationToken ct)
    {
        if (follower.ReadUpTo is not { } place)
            return true;
        await using var command = modules[0].Database.Source.CreateCommand("SELECT EXISTS (SELECT FROM bus.messages WHERE type = $1 AND (xid, position) > ($2, $3))");
        command.Parameters.AddWithValue(follower.Contract);
        command.Parameters.Add(new NpgsqlParameter { Value = place.Transaction, NpgsqlDbType = NpgsqlDbType.Xid8 });
        command.Parameters.AddWithValue(place.Row);
        return (bool)(await command.ExecuteScalarAsync(ct))!;
    }

    /// <summary>Who waits for one that is busy asks no other: eight questions every two milliseconds are half a core.</summary>
    private async Task<string?> WhatIsStillBusyAsync(CancellationToken ct) =>
        _busy is { } last ? await WhatIsBusyAsync(modules[last].Module, modules[last].Database, ct) : null;

    /// <summary>All modules are asked at once: a clock that is moved waits for the answer at every step.</summary>
    private async Task<string?> WhatIsBusyAsync(CancellationToken ct)
    {
        var answers = await Task.WhenAll(modules.Select(module => WhatIsBusyAsync(module.Module, module.Database, ct)));
        var busy = Array.FindIndex(answers, answer => answer is not null);
        _busy = busy < 0 ? null : busy;
        return _busy is null ? null : answers[busy];
    }

    private async Task<string?> WhatIsBusyAsync(ModuleDefinition module, ModuleDatabase database, CancellationToken ct)
    {
        var busy = await database.QuerySingleOrDefaultAsync<string>($"""
            SELECT coalesce(
                (SELECT 'scheduled ' || type FROM scheduled
                 WHERE NOT parked AND (due_at <= @Now OR (attempts > 0 AND error IS NULL AND {TakenName} <> ALL (@Abandoned))) LIMIT 1),
                (SELECT 'inbox ' || subscription FROM inbox WHERE state = 'waiting' AND due_at <= @Now LIMIT 1),
                (SELECT 'subscription ' || s.name FROM unnest(@Names, @Contracts) AS s(name, contract) LEFT JOIN checkpoints c ON c.name = s.name
                 WHERE EXISTS (SELECT FROM bus.messages m WHERE m.xid >= @DeliveredBelow::text::xid8 AND m.type = s.contract
                     AND (m.xid, m.position) > (coalesce(c.xid, '0'), coalesce(c.position, 0)))
                 LIMIT 1))
            """, new
        {
            Now = clock.GetUtcNow(),
            Names = module.Subscriptions.Select(s => s.Name).ToArray(),
            Contracts = module.Subscriptions.Select(s => s.Contract).ToArray(),
            Abandoned = _abandoned.GetValueOrDefault(module.Module, []),
            DeliveredBelow = _deliveredBelow.ToString(CultureInfo.InvariantCulture),
        }, ct);
        return busy is null ? null : $"{module.Module} {busy}";
    }
}
