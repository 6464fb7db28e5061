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

/// <summary>Whether everything that was caused has happened: no message undelivered, nothing due. Who moves an injected clock waits for it.</summary>
public static class PlatformQuiet
{
    /// <summary>Longest wait; longer means that something is stuck.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Waits until the process is quiet at the clock's present instant.</summary>
    /// <exception cref="TimeoutException">Something is stuck; the message names it.</exception>
    public static async Task WaitAsync(IReadOnlyList<ModuleDefinition> modules, IServiceProvider services, TimeProvider clock, CancellationToken ct = default)
    {
        await WaitAsync([.. modules.Select(m => (m, services.GetRequiredKeyedService<ModuleDatabase>(m.Module)))], clock, ct);
        var started = System.Diagnostics.Stopwatch.GetTimestamp();
        foreach (var follower in services.GetServices<ILogFollower>())
            while (await IsBehindAsync(follower, services.GetRequiredService<Database<PlatformModule>>(), ct))
            {
                if (System.Diagnostics.Stopwatch.GetElapsedTime(started) > Patience)
                    throw new TimeoutException($"The platform is not quiet after {Patience.TotalSeconds} s: {follower.GetType().Name} is behind the log");
                await Task.Delay(2, ct);
            }
    }

    /// <summary>Waits until modules are quiet that may run in several processes.</summary>
    /// <exception cref="TimeoutException">Something is stuck; the message names it.</exception>
    public static async Task WaitAsync(IReadOnlyList<(ModuleDefinition Module, ModuleDatabase Database)> modules, TimeProvider clock, CancellationToken ct = default)
    {
        foreach (var (module, _) in modules)
            module.Signals.Scheduled(module.Module).Set(); // a clock that was moved tells nobody that something is due
        var started = System.Diagnostics.Stopwatch.GetTimestamp();
        while (true)
        {
            var busy = await WhatIsBusyAsync(modules, clock.GetUtcNow(), ct);
            // A module may publish to one that was already asked: it is quiet when two looks in a row find nothing.
            if (busy is null && await WhatIsBusyAsync(modules, clock.GetUtcNow(), ct) is null)
                return;
            if (System.Diagnostics.Stopwatch.GetElapsedTime(started) > Patience)
                throw new TimeoutException($"The platform is not quiet after {Patience.TotalSeconds} s: {busy}");
            await Task.Delay(5, ct);
        }
    }

    private static async Task<bool> IsBehindAsync(ILogFollower follower, Database<PlatformModule> database, CancellationToken ct)
    {
        if (follower.ReadUpTo is not { } place)
            return true;
        await using var command = database.Source.CreateCommand("SELECT EXISTS (SELECT FROM bus.messages WHERE type = $1 AND (xid, position) > ($2, $3))");
        command.Parameters.AddWithValue(follower.Contract);
        command.Parameters.Add(new NpgsqlParameter { Value = place.Transaction, NpgsqlDbType = NpgsqlDbType.Xid8 });
        command.Parameters.AddWithValue(place.Row);
        return (bool)(await command.ExecuteScalarAsync(ct))!;
    }

    /// <summary>All modules are asked at once: a clock that is moved waits for the answer at every step.</summary>
    private static async Task<string?> WhatIsBusyAsync(
        IReadOnlyList<(ModuleDefinition Module, ModuleDatabase Database)> modules, DateTimeOffset now, CancellationToken ct) =>
        (await Task.WhenAll(modules.Select(module => WhatIsBusyAsync(module.Module, module.Database, now, ct)))).FirstOrDefault(busy => busy is not null);

    private static async Task<string?> WhatIsBusyAsync(ModuleDefinition module, ModuleDatabase database, DateTimeOffset now, CancellationToken ct)
    {
        var contracts = module.Subscriptions.Select(s => s.Contract).ToArray();
        var names = module.Subscriptions.Select(s => s.Name).ToArray();
        var busy = await database.QuerySingleOrDefaultAsync<string>("""
            SELECT coalesce(
                (SELECT 'scheduled ' || type FROM scheduled WHERE NOT parked AND (due_at <= @now OR (attempts > 0 AND error IS NULL)) LIMIT 1),
                (SELECT 'inbox ' || subscription FROM inbox WHERE state = 'waiting' AND due_at <= @now LIMIT 1),
                (SELECT 'subscription ' || s.name FROM unnest(@names, @contracts) AS s(name, contract) LEFT JOIN checkpoints c ON c.name = s.name
                 WHERE EXISTS (SELECT FROM bus.messages m WHERE m.type = s.contract AND (m.xid, m.position) > (coalesce(c.xid, '0'), coalesce(c.position, 0)))
                 LIMIT 1))
            """, new { now, names, contracts }, ct);
        return busy is null ? null : $"{module.Module} {busy}";
    }
}
