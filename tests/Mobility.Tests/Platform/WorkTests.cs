using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Host;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;
using Mobility.Platform.Modules;
using Mobility.Tests.Support;
using Npgsql;

namespace Mobility.Tests.Platform;

/// <summary>What a process remembers of streams, and works that share a transaction: neither may ever change what is decided. Two processes on one database.</summary>
public sealed class WorkTests : IAsyncLifetime
{
    private readonly TestClock _clock = new();
    private MobilityApp _here = null!;
    private MobilityApp _elsewhere = null!;
    private string _connectionString = "";

    public async Task InitializeAsync()
    {
        _connectionString = await TestPostgres.CreateDatabaseAsync(null);
        (_here, _elsewhere) = (NewApp(), NewApp());
        await _here.MigrateAsync(CancellationToken.None);
        await using var source = NpgsqlDataSource.Create(_connectionString);
        await using var table = source.CreateCommand("""
            SET ROLE mobility_tally; CREATE TABLE tally.prizes (name text CONSTRAINT one_winner PRIMARY KEY, winner int NOT NULL); RESET ROLE
            """);
        await table.ExecuteNonQueryAsync();
    }

    public async Task DisposeAsync()
    {
        await _here.DisposeAsync();
        await _elsewhere.DisposeAsync();
    }

    [Fact, Trait("Req", "EVT-1")]
    public async Task What_is_appended_to_a_remembered_stream_that_moved_on_is_not_stored_and_the_next_work_sees_the_move()
    {
        var id = Guid.CreateVersion7();
        (await AddAsync(_here, id, 1)).ShouldBe(CommitOutcome.Committed);
        (await AddAsync(_elsewhere, id, 10)).ShouldBe(CommitOutcome.Committed);
        (await AddAsync(_here, id, 100)).ShouldBe(CommitOutcome.VersionConflict, "this process remembered version 1");
        (await AddAsync(_here, id, 100)).ShouldBe(CommitOutcome.Committed);
        (await StoredAsync(id)).ShouldBe(new Loaded<Tally>(new Tally(111), 3));
    }

    [Fact, Trait("Req", "EVT-1")]
    public async Task What_was_decided_on_a_remembered_stream_that_moved_on_is_not_stored_even_if_the_stream_was_only_read()
    {
        var (read, written) = (Guid.CreateVersion7(), Guid.CreateVersion7());
        await AddAsync(_here, read, 1);
        await AddAsync(_elsewhere, read, 10);
        for (var tries = 0; tries < 2; tries++)
        {
            var work = NewWork(_here);
            var seen = (await work.LoadAsync(TallyModule.Type, read, CancellationToken.None)).State.Total;
            work.StartNew(TallyModule.Type, written);
            work.Append(TallyModule.Type, written, new Added(seen));
            (await work.CommitAsync(CancellationToken.None)).Outcome.ShouldBe(tries == 0 ? CommitOutcome.VersionConflict : CommitOutcome.Committed);
        }
        (await StoredAsync(written)).State.Total.ShouldBe(11);
    }

    [Fact, Trait("Req", "EVT-1")]
    public async Task A_command_is_not_refused_on_what_the_process_only_remembered()
    {
        var id = Guid.CreateVersion7();
        await AddAsync(_here, id, 1);
        await AddAsync(_elsewhere, id, 10);
        var runner = _here.Web.Services.GetRequiredService<CommandRunner<TallyModule>>();
        var caller = new Caller(Guid.CreateVersion7(), CallerKind.Service, new HashSet<string>(), "test");
        var result = await runner.RunAsync(new DefaultHttpContext(), caller, async (work, ct) =>
        {
            var (state, _) = await work.LoadAsync(TallyModule.Type, id, ct);
            return state.Total < 11 ? Problem.Conflict("tally.too_little", "Not enough.") : Outcome.Ok(new { state.Total });
        }, CancellationToken.None);
        var http = new DefaultHttpContext { RequestServices = _here.Web.Services };
        await result.ExecuteAsync(http);
        http.Response.StatusCode.ShouldBe(200);
    }

    [Fact, Trait("Req", "EVT-1")]
    public async Task Works_that_share_a_transaction_are_stored_as_if_each_were_alone()
    {
        var ids = Enumerable.Range(0, 200).Select(_ => Guid.CreateVersion7()).ToArray();
        var outcomes = await Task.WhenAll(ids.Select((id, i) => Task.Run(async () =>
        {
            var work = NewWork(_here);
            work.StartNew(TallyModule.Type, id);
            work.Append(TallyModule.Type, id, new Added(i));
            if (i % 20 == 0) // every twentieth wants the same prize; only one may have it, and nobody else loses by it
            {
                work.Execute("INSERT INTO prizes (name, winner) VALUES ('cup', $1)", i);
                work.OnLaw("one_winner", () => Problem.Conflict("tally.lost", "Somebody was faster."));
            }
            return (await work.CommitAsync(CancellationToken.None)).Outcome;
        })));
        outcomes.Where((_, i) => i % 20 != 0).ShouldAllBe(outcome => outcome == CommitOutcome.Committed);
        outcomes.Where((_, i) => i % 20 == 0).Count(outcome => outcome == CommitOutcome.Committed).ShouldBe(1);
        outcomes.Count(outcome => outcome == CommitOutcome.Refused).ShouldBe(9);
        (await ScalarAsync("SELECT count(*) FROM tally.events")).ShouldBe(191);
        (await ScalarAsync("SELECT count(DISTINCT xid) FROM tally.events")).ShouldBeLessThan(191, "under load works share transactions");
    }

    [Fact, Trait("Req", "BKG-4")]
    public async Task Of_racers_that_name_the_same_lock_in_two_processes_each_sees_what_the_one_before_did()
    {
        var id = Guid.CreateVersion7();
        await AddAsync(_here, id, 0);
        await using (var source = NpgsqlDataSource.Create(_connectionString))
        await using (var prize = source.CreateCommand("INSERT INTO tally.prizes (name, winner) VALUES ('lap', 0)"))
            await prize.ExecuteNonQueryAsync();
        await Task.WhenAll(Enumerable.Range(0, 100).Select(i => Task.Run(async () =>
        {
            var work = NewWork(i % 2 == 0 ? _here : _elsewhere);
            work.Serialize("tally.lap", $"tally.racer {i}");
            work.Execute("UPDATE prizes SET winner = (SELECT winner FROM prizes WHERE name = 'lap') + 1 WHERE name = 'lap'");
            (await work.CommitAsync(CancellationToken.None)).Outcome.ShouldBe(CommitOutcome.Committed);
        })));
        (await ScalarAsync("SELECT winner::bigint FROM tally.prizes WHERE name = 'lap'")).ShouldBe(100);
    }

    [Fact]
    public async Task Of_rows_of_which_one_moved_on_none_is_stored()
    {
        var first = NewWork(_here);
        first.Execute("INSERT INTO prizes (name, winner) VALUES ('jump', 1), ('throw', 1)");
        (await first.CommitAsync(CancellationToken.None)).Outcome.ShouldBe(CommitOutcome.Committed);
        var elsewhere = NewWork(_elsewhere);
        elsewhere.Execute("UPDATE prizes SET winner = 2 WHERE name = 'throw'");
        (await elsewhere.CommitAsync(CancellationToken.None)).Outcome.ShouldBe(CommitOutcome.Committed);
        (await MoveOnAsync("jump", "throw")).ShouldBe(CommitOutcome.VersionConflict);
        (await ScalarAsync("SELECT sum(winner)::bigint FROM tally.prizes WHERE name IN ('jump', 'throw')")).ShouldBe(3, "neither");
        (await MoveOnAsync("jump")).ShouldBe(CommitOutcome.Committed);
        (await ScalarAsync("SELECT winner::bigint FROM tally.prizes WHERE name = 'jump'")).ShouldBe(9);

        async Task<CommitOutcome> MoveOnAsync(params string[] names)
        {
            var work = NewWork(_here);
            work.ExecuteOrRetryAll(names.Length, "UPDATE prizes SET winner = 9 WHERE name = ANY($1) AND winner = 1 RETURNING 1", (object)names);
            return (await work.CommitAsync(CancellationToken.None)).Outcome;
        }
    }

    [Fact]
    public void What_is_remembered_is_bounded_and_never_goes_back()
    {
        var memory = new StreamMemory();
        var first = Guid.CreateVersion7();
        memory.Remember(first, new Tally(5), 5);
        memory.Remember(first, new Tally(4), 4);
        memory.TryGet<Tally>(first, out var loaded).ShouldBeTrue();
        loaded.Version.ShouldBe(5);
        var others = Enumerable.Range(0, StreamMemory.KeptMax * 2).Select(_ => Guid.CreateVersion7()).ToArray();
        foreach (var other in others)
            memory.Remember(other, new Tally(1), 1);
        others.Count(other => memory.TryGet<Tally>(other, out _)).ShouldBeLessThanOrEqualTo(StreamMemory.KeptMax);
        memory.TryGet<Tally>(first, out _).ShouldBeFalse();
    }

    private MobilityApp NewApp() => MobilityApp.Create(new MobilityAppOptions
    {
        ConnectionString = _connectionString,
        Clock = _clock,
        AllModules = [new TallyModule()],
        Settings = new Dictionary<string, string?> { ["Logging:LogLevel:Default"] = "Critical", ["Database:PoolSize"] = "4" },
    });

    private Work NewWork(MobilityApp app) =>
        new(app.Web.Services.GetRequiredService<Database<TallyModule>>(), app.Modules[0], _clock, new Causation("test", null, null));

    private async Task<CommitOutcome> AddAsync(MobilityApp app, Guid id, int amount)
    {
        var work = NewWork(app);
        await work.LoadAsync(TallyModule.Type, id, CancellationToken.None);
        work.Append(TallyModule.Type, id, new Added(amount));
        return (await work.CommitAsync(CancellationToken.None)).Outcome;
    }

    private Task<Loaded<Tally>> StoredAsync(Guid id) =>
        EventStreams.LoadAsync(_here.Web.Services.GetRequiredService<Database<TallyModule>>(), TallyModule.Type, id, CancellationToken.None);

    private async Task<long> ScalarAsync(string sql)
    {
        await using var source = NpgsqlDataSource.Create(_connectionString);
        await using var command = source.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private sealed record Tally(int Total);

    private sealed record Added(int Amount);

    private sealed class TallyModule : IModule
    {
        public static readonly StreamType<Tally, Added> Type = new("tally", new Tally(0), (state, e) => new Tally(state.Total + e.Amount),
            new EventCatalog<Added>().Add<Added>("added.v1"));

        public string Name => "tally";

        public IReadOnlyList<string> Needs => [];

        public void Configure(IModuleBuilder module) => module.Stream(Type);
    }
}
