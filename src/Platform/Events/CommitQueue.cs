using System.Diagnostics;
using Mobility.Platform.Observability;
using Npgsql;

namespace Mobility.Platform.Events;

/// <summary>
/// Sends the works of one module to PostgreSQL, one transaction at a time. Works that become ready meanwhile wait, and share the next transaction: under load a
/// transaction's own cost (begin, commit, flush, round trip) is paid once for many. In it they act one after the other, as if each were alone; if a law refuses
/// one of them, all are sent again, each in its own transaction, so that nobody is refused for another's sake. Two shared transactions at once would take the
/// same rows in different orders, and a deadlock costs everybody in both a second.
/// </summary>
internal sealed class CommitQueue(NpgsqlDataSource source)
{
    /// <summary>Works of one transaction.</summary>
    public const int WorksMax = 32;

    /// <summary>A work that has more statements than this goes alone, so that it does not hold up small ones.</summary>
    public const int StatementsMax = 200;

    private readonly Lock _gate = new();
    private readonly LinkedList<Pending> _waiting = new();
    private bool _isSending;

    /// <summary>Completes when the work is stored.</summary>
    /// <exception cref="PostgresException">It is not stored, and this is why.</exception>
    /// <exception cref="NpgsqlException">The connection broke: whether it is stored is not known.</exception>
    public Task SendAsync(Work work)
    {
        if (work.StatementCount > StatementsMax)
            return ExecuteAsync([work]);
        var pending = new Pending(work, Activity.Current);
        lock (_gate)
        {
            _waiting.AddLast(pending);
            if (_isSending)
                return pending.Task;
            _isSending = true;
        }
        using (ExecutionContext.SuppressFlow()) // it serves many and belongs to none of them
            _ = Task.Run(DriveAsync);
        return pending.Task;
    }

    private async Task DriveAsync()
    {
        while (NextGroup() is { } group)
        {
            Activity.Current = group[0].Activity;
            if (group.Count == 1 || !await TryTogetherAsync(group))
                foreach (var pending in group)
                    await AloneAsync(pending);
        }
    }

    private List<Pending>? NextGroup()
    {
        lock (_gate)
        {
            if (_waiting.First is null)
            {
                _isSending = false;
                return null;
            }
            var group = new List<Pending>();
            var (statements, locks, lazy) = (0, new HashSet<string>(StringComparer.Ordinal), _waiting.First.Value.Work.IsLazy);
            for (var node = _waiting.First; node is not null && group.Count < WorksMax;)
            {
                var (next, work) = (node.Next, node.Value.Work);
                // Racers for one thing are kept apart: at most one of them can win, and it would pull the others down.
                var fits = statements + work.StatementCount <= StatementsMax && work.IsLazy == lazy && !work.Locks.Any(locks.Contains);
                if (fits)
                {
                    group.Add(node.Value);
                    statements += work.StatementCount;
                    locks.UnionWith(work.Locks);
                    _waiting.Remove(node);
                }
                node = next;
            }
            return group;
        }
    }

    /// <summary>False when somebody's law refused: then nothing is stored.</summary>
    private async Task<bool> TryTogetherAsync(List<Pending> group)
    {
        try
        {
            await ExecuteAsync([.. group.Select(p => p.Work)]);
            PlatformMetrics.SharedCommits.Add(group.Count);
            foreach (var pending in group)
                pending.SetResult();
            return true;
        }
        catch (PostgresException)
        {
            return false;
        }
        catch (Exception e) // handed on to each who waits
        {
            foreach (var pending in group)
                pending.SetException(e);
            return true;
        }
    }

    private async Task AloneAsync(Pending pending)
    {
        Activity.Current = pending.Activity;
        try
        {
            await ExecuteAsync([pending.Work]);
            pending.SetResult();
        }
        catch (Exception e) // handed on to who waits
        {
            pending.SetException(e);
        }
    }

    private async Task ExecuteAsync(IReadOnlyList<Work> works)
    {
        await using var connection = await source.OpenConnectionAsync();
        await using var batch = new NpgsqlBatch(connection); // one implicit transaction
        if (works[0].IsLazy)
            batch.BatchCommands.Add(new NpgsqlBatchCommand("SELECT set_config('synchronous_commit', 'off', true)"));
        // All locks at once and in one order, so that two transactions never wait for each other.
        if (works.SelectMany(w => w.Locks).ToArray() is { Length: > 0 } locks)
            batch.BatchCommands.Add(new Statement(LocksSql, [locks]).ToCommand());
        foreach (var work in works)
            work.AddTo(batch);
        await batch.ExecuteNonQueryAsync();
    }

    private const string LocksSql = """
        SELECT pg_advisory_xact_lock(key) FROM (SELECT DISTINCT hashtextextended(name, 0) AS key FROM unnest($1::text[]) AS name ORDER BY key) AS sorted
        """;

    private sealed class Pending(Work work, Activity? activity) : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public Work Work => work;

        public Activity? Activity => activity;
    }
}
