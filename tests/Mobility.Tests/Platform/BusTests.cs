using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Host;
using Mobility.Platform;
using Mobility.Platform.Bus;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;
using Mobility.Tests.Support;
using Npgsql;

namespace Mobility.Tests.Platform;

/// <summary>The bus on a real database, with a publisher and a subscriber of the tests' own.</summary>
public sealed class BusTests : IAsyncLifetime
{
    private readonly TestClock _clock = new();
    private readonly EchoModule _echo = new();
    private MobilityApp _app = null!;
    private string _connectionString = "";

    public async Task InitializeAsync()
    {
        _connectionString = await TestPostgres.CreateDatabaseAsync(null);
        _app = NewApp(_echo);
        await _app.MigrateAsync(CancellationToken.None);
        await using (var source = NpgsqlDataSource.Create(_connectionString))
        await using (var table = source.CreateCommand("""
            SET ROLE mobility_echo; CREATE TABLE echo.heard (nr bigint GENERATED ALWAYS AS IDENTITY, key uuid, text text); RESET ROLE
            """))
            await table.ExecuteNonQueryAsync();
        await _app.StartAsync(CancellationToken.None);
    }

    public async Task DisposeAsync() => await _app.DisposeAsync();

    [Fact, Trait("Req", "EVT-7")]
    public async Task A_message_whose_transaction_commits_late_is_not_skipped()
    {
        await using var late = await BeginAsync();
        await InsertAsync(late, "late");
        await using (var early = await BeginAsync())
        {
            await InsertAsync(early, "early");
            await early.CommitAsync();
        }
        await Task.Delay(300); // gives a wrong reader every chance to run ahead; a right one waits however long this is
        _echo.Heard.ShouldBeEmpty();
        await late.CommitAsync();
        await Eventually.GetAsync(() => Task.FromResult(_echo.Heard.ToArray()), heard => heard.Length == 2, "both messages");
        _echo.Heard.ShouldBe(["late", "early"]);
    }

    [Fact, Trait("Req", "EVT-7")]
    public async Task A_rolled_back_transaction_publishes_nothing()
    {
        await using (var lost = await BeginAsync())
        {
            await InsertAsync(lost, "lost");
            await lost.RollbackAsync();
        }
        await PublishAsync(Guid.CreateVersion7(), "kept");
        await Eventually.TrueAsync(() => Task.FromResult(_echo.Heard.Contains("kept")), "the message that was kept");
        _echo.Heard.ShouldBe(["kept"]);
    }

    [Fact, Trait("Req", "EVT-8")]
    public async Task A_reaction_that_fails_twice_and_succeeds_the_third_time_has_acted_once()
    {
        var key = Guid.CreateVersion7();
        _echo.FailuresLeft["stumbles"] = 3; // once in the batch, once alone, once from the inbox
        await PublishAsync(key, "stumbles");
        await PublishAsync(key, "follows");
        await PublishAsync(Guid.CreateVersion7(), "other key");
        await Eventually.TrueAsync(() => Task.FromResult(_echo.Heard.Contains("other key")), "the other key's message");
        await Eventually.TrueAsync(async () =>
        {
            _clock.Advance(TimeSpan.FromSeconds(5));
            return await CountAsync("SELECT count(*) FROM echo.heard") == 3;
        }, "all three effects");
        (await CountAsync("SELECT count(*) FROM echo.heard WHERE text = 'stumbles'")).ShouldBe(1);
        (await TextsOfAsync(key)).ShouldBe(["stumbles", "follows"]);
    }

    [Fact, Trait("Req", "EVT-8")]
    public async Task A_message_that_always_fails_is_parked_and_can_be_replayed()
    {
        _echo.FailuresLeft["poison"] = int.MaxValue;
        var key = Guid.CreateVersion7();
        await PublishAsync(key, "poison");
        await PublishAsync(key, "after poison");
        await Eventually.TrueAsync(async () =>
        {
            _clock.Advance(TimeSpan.FromMinutes(5));
            return await CountAsync("SELECT count(*) FROM echo.inbox WHERE state = 'parked'") == 1;
        }, "parking");
        await Eventually.TrueAsync(async () => await CountAsync("SELECT count(*) FROM echo.heard WHERE text = 'after poison'") == 1, "the later message of the key");
        _echo.FailuresLeft["poison"] = 0;
        await using (var source = NpgsqlDataSource.Create(_connectionString))
        await using (var replay = source.CreateCommand("UPDATE echo.inbox SET state = 'waiting', attempts = 0, due_at = at"))
            await replay.ExecuteNonQueryAsync();
        await Eventually.TrueAsync(async () => await CountAsync("SELECT count(*) FROM echo.heard WHERE text = 'poison'") == 1, "the replayed message");
        (await CountAsync("SELECT count(*) FROM echo.inbox")).ShouldBe(0);
    }

    [Fact, Trait("Req", "EVT-7")]
    public async Task What_was_published_while_the_subscriber_was_down_is_delivered_when_it_is_back()
    {
        await _app.DisposeAsync();
        await using (var transaction = await BeginAsync())
        {
            for (var i = 0; i < 500; i++)
                await InsertAsync(transaction, $"m{i:000}");
            await transaction.CommitAsync();
        }
        _app = NewApp(_echo);
        await _app.StartAsync(CancellationToken.None);
        await Eventually.TrueAsync(async () => await CountAsync("SELECT count(*) FROM echo.heard") == 500, "all messages");
        _echo.Heard.ShouldBe(Enumerable.Range(0, 500).Select(i => $"m{i:000}"));
    }

    [Fact]
    public async Task Who_waits_for_quiet_again_waits_for_a_message_of_a_transaction_that_was_open_before()
    {
        var quiet = new PlatformQuiet(_app.Modules, _app.Web.Services, _clock);
        await using var late = await BeginAsync();
        await InsertAsync(late, EchoModule.Held);
        (await CountAsync("SELECT pg_current_xact_id()::text::bigint")).ShouldBePositive(); // a later transaction that has ended
        await quiet.WaitAsync();
        await late.CommitAsync();
        var again = quiet.WaitAsync();
        await Task.Delay(300); // gives a wrong one every chance to be done
        again.IsCompleted.ShouldBeFalse();
        _echo.Release.SetResult();
        await again;
        _echo.Heard.ShouldBe([EchoModule.Held]);
    }

    [Fact]
    public async Task Who_waits_for_quiet_does_not_wait_for_what_a_dead_process_has_taken()
    {
        var key = Guid.CreateVersion7();
        var work = NewWork();
        work.Schedule(_clock.GetUtcNow() + SchedulePump.TakenFor, key, new WakeUp("later"));
        await work.CommitAsync(CancellationToken.None);
        (await CountAsync($"WITH taken AS (UPDATE echo.scheduled SET attempts = 1 WHERE key = '{key}' RETURNING 1) SELECT count(*) FROM taken")).ShouldBe(1);
        var quiet = new PlatformQuiet(_app.Modules, _app.Web.Services, _clock);
        (await Should.ThrowAsync<TimeoutException>(() => quiet.WaitAsync(TimeSpan.FromMilliseconds(200)))).Message.ShouldContain("echo scheduled wake-up");
        await quiet.PassOverTakenAsync();
        await quiet.WaitAsync();
        _echo.Heard.ShouldBeEmpty();
        _clock.Advance(SchedulePump.TakenFor);
        await quiet.WaitAsync();
        _echo.Heard.ShouldBe(["later"]);
    }

    [Fact, Trait("Req", "EVT-8")]
    public async Task Two_processes_with_the_same_subscription_act_once_per_message()
    {
        await using var second = NewApp(_echo);
        await second.StartAsync(CancellationToken.None);
        for (var i = 0; i < 100; i++)
            await PublishAsync(Guid.CreateVersion7(), $"m{i}");
        await Eventually.TrueAsync(async () => await CountAsync("SELECT count(*) FROM echo.heard") >= 100, "all messages");
        (await CountAsync("SELECT count(DISTINCT text) FROM echo.heard")).ShouldBe(100);
        (await CountAsync("SELECT count(*) FROM echo.heard")).ShouldBe(100);
    }

    [Fact, Trait("Req", "EVT-9")]
    public async Task A_scheduled_message_comes_when_it_is_due_and_not_before()
    {
        var key = Guid.CreateVersion7();
        var work = NewWork();
        work.Schedule(_clock.GetUtcNow() + TimeSpan.FromMinutes(5), key, new WakeUp("five minutes"));
        work.Schedule(_clock.GetUtcNow() + TimeSpan.FromMinutes(5), Guid.CreateVersion7(), new WakeUp("taken back"));
        (await work.CommitAsync(CancellationToken.None)).Outcome.ShouldBe(CommitOutcome.Committed);
        await using (var source = NpgsqlDataSource.Create(_connectionString))
        await using (var delete = source.CreateCommand("DELETE FROM echo.scheduled WHERE data->>'text' = 'taken back'"))
            (await delete.ExecuteNonQueryAsync()).ShouldBe(1);
        _clock.Advance(TimeSpan.FromMinutes(4));
        await Task.Delay(2 * SchedulePump.PollEvery);
        _echo.Heard.ShouldBeEmpty();
        _clock.Advance(TimeSpan.FromMinutes(1));
        await Eventually.TrueAsync(() => Task.FromResult(!_echo.Heard.IsEmpty), "the scheduled message");
        _echo.Heard.ShouldBe(["five minutes"]);
        await Eventually.TrueAsync(async () => await CountAsync("SELECT count(*) FROM echo.scheduled") == 0, "the row's end");
    }

    [Fact, Trait("Req", "EVT-9")]
    public async Task A_scheduled_message_is_not_due_before_its_time_however_fine_that_is()
    {
        var now = _clock.GetUtcNow();
        foreach (var ticks in Enumerable.Range(0, 11))
        {
            var work = NewWork();
            var due = now + TimeSpan.FromMinutes(5) + TimeSpan.FromTicks(ticks);
            work.Schedule(due, Guid.CreateVersion7(), new WakeUp($"{due:O}"));
            (await work.CommitAsync(CancellationToken.None)).Outcome.ShouldBe(CommitOutcome.Committed);
        }
        await using var source = NpgsqlDataSource.Create(_connectionString);
        await using var read = source.CreateCommand("SELECT data->>'text', due_at FROM echo.scheduled");
        await using var rows = await read.ExecuteReaderAsync();
        var count = 0;
        for (; await rows.ReadAsync(); count++)
            new DateTimeOffset(rows.GetDateTime(1)).ShouldBeGreaterThanOrEqualTo(DateTimeOffset.Parse(rows.GetString(0), CultureInfo.InvariantCulture));
        count.ShouldBe(11);
    }

    [Fact]
    public async Task What_is_due_at_once_is_handled_while_the_clock_stands()
    {
        _clock.Advance(TimeSpan.FromTicks(7));
        var work = NewWork();
        work.Schedule(work.Now, Guid.CreateVersion7(), new WakeUp("at once"));
        (await work.CommitAsync(CancellationToken.None)).Outcome.ShouldBe(CommitOutcome.Committed);
        await Eventually.TrueAsync(() => Task.FromResult(!_echo.Heard.IsEmpty), "the scheduled message");
    }

    [Fact, Trait("Req", "EVT-9")]
    public async Task What_is_scheduled_anew_while_it_is_handled_is_handled_again_also_while_the_clock_stands()
    {
        var (key, first, second) = (Guid.CreateVersion7(), new TaskCompletionSource(), new TaskCompletionSource());
        (_echo.Holds["first"], _echo.Holds["second"]) = (first.Task, second.Task);
        foreach (var text in (string[])["first", "second"])
        {
            var work = NewWork();
            work.Schedule(work.Now, key, new WakeUp(text));
            (await work.CommitAsync(CancellationToken.None)).Outcome.ShouldBe(CommitOutcome.Committed);
            await Eventually.TrueAsync(() => Task.FromResult(_echo.Heard.Contains(text)), text);
        }
        first.SetResult();
        await Task.Delay(300); // the second is still being handled: were it given up now, it would have to come again
        (await CountAsync("SELECT count(*) FROM echo.scheduled")).ShouldBe(1);
        second.SetResult();
        await Eventually.TrueAsync(async () => await CountAsync("SELECT count(*) FROM echo.scheduled") == 0, "the row's end");
    }

    [Fact]
    public async Task A_module_cannot_read_another_modules_tables()
    {
        var database = _app.Web.Services.GetRequiredService<Database<EchoModule>>();
        var refused = await Should.ThrowAsync<PostgresException>(() => database.QueryAsync<int>("SELECT 1 FROM platform.migrations LIMIT 1", null, CancellationToken.None));
        refused.SqlState.ShouldBe(PostgresErrorCodes.InsufficientPrivilege);
    }

    private MobilityApp NewApp(EchoModule echo) => MobilityApp.Create(new MobilityAppOptions
    {
        ConnectionString = _connectionString,
        Clock = _clock,
        AllModules = [echo],
        Settings = new Dictionary<string, string?> { ["Logging:LogLevel:Default"] = "Critical", ["Database:PoolSize"] = "6" },
    });

    private Work NewWork() => new(_app.Web.Services.GetRequiredService<Database<EchoModule>>(), _app.Modules[0], _clock, new Causation("test", null, null));

    private async Task PublishAsync(Guid key, string text)
    {
        var work = NewWork();
        work.Publish(key, new SaidV1(text));
        (await work.CommitAsync(CancellationToken.None)).Outcome.ShouldBe(CommitOutcome.Committed);
    }

    private async Task<NpgsqlTransaction> BeginAsync()
    {
        var connection = new NpgsqlConnection(_connectionString);
        await connection.OpenAsync();
        return await connection.BeginTransactionAsync();
    }

    private static async Task InsertAsync(NpgsqlTransaction transaction, string text)
    {
        await using var command = new NpgsqlCommand("""
            INSERT INTO bus.messages (id, type, key, source, data, metadata, at)
            VALUES (gen_random_uuid(), 'echo.said.v1', gen_random_uuid(), 'test', jsonb_build_object('text', $1::text), '{"actor":"test"}', '2026-06-01T08:00:00Z')
            """, transaction.Connection, transaction);
        command.Parameters.AddWithValue(text);
        await command.ExecuteNonQueryAsync();
    }

    private async Task<long> CountAsync(string sql)
    {
        await using var source = NpgsqlDataSource.Create(_connectionString);
        await using var command = source.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private async Task<IReadOnlyList<string>> TextsOfAsync(Guid key)
    {
        await using var source = NpgsqlDataSource.Create(_connectionString);
        await using var command = source.CreateCommand("SELECT array_agg(text ORDER BY nr) FROM echo.heard WHERE key = $1");
        command.Parameters.AddWithValue(key);
        return (string[])(await command.ExecuteScalarAsync())!;
    }

    [ContractName("echo.said.v1")]
    private sealed record SaidV1(string Text) : IContractEvent;

    private sealed record WakeUp(string Text) : IScheduledMessage;

    /// <summary>Writes down what it hears, and stumbles where it is told to.</summary>
    private sealed class EchoModule : IModule
    {
        /// <summary>What is said so is handled when <see cref="Release"/> is.</summary>
        public const string Held = "held";

        public ConcurrentQueue<string> Heard { get; } = new();

        public TaskCompletionSource Release { get; } = new();

        /// <summary>How long the handling of a scheduled message takes, by its text.</summary>
        public ConcurrentDictionary<string, Task> Holds { get; } = new();

        public ConcurrentDictionary<string, int> FailuresLeft { get; } = new();

        public string Name => "echo";

        public IReadOnlyList<string> Needs => [];

        public void Configure(IModuleBuilder module)
        {
            module.Subscribe<SaidV1>("write-down", async (said, reaction, _) =>
            {
                if (said.Text == Held)
                    await Release.Task;
                reaction.Work.Execute("INSERT INTO heard (key, text) VALUES ($1, $2)", reaction.Message.Key, said.Text);
                if (FailuresLeft.TryGetValue(said.Text, out var left) && left > 0)
                {
                    FailuresLeft[said.Text] = left - 1;
                    throw new InvalidOperationException("stumbled on purpose");
                }
                Heard.Enqueue(said.Text);
            });
            module.Scheduled<WakeUp>("wake-up", async (wakeUp, _, _) =>
            {
                Heard.Enqueue(wakeUp.Text);
                await Holds.GetValueOrDefault(wakeUp.Text, Task.CompletedTask);
            });
        }
    }
}
