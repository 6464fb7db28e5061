using System.Diagnostics;
using System.Globalization;
using Mobility.Platform;
using Mobility.Platform.Postgres;
using Npgsql;

namespace Mobility.Tests.Host;

/// <summary>The private server through what happens to real ones: kills, half-finished beginnings, lost files.</summary>
public sealed class PrivatePostgresTests : IAsyncLifetime
{
    private static readonly Dictionary<string, string> Quick = new() { ["fsync"] = "off", ["shared_buffers"] = "16MB" };
    private static int folders;

    private readonly string _folder = Path.Combine(
        Path.GetTempPath(),
        string.Create(CultureInfo.InvariantCulture, $"mobility-postgres-{Environment.ProcessId}-{Interlocked.Increment(ref folders)}"));

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (!Directory.Exists(_folder))
            return;
        await PrivatePostgres.DeleteAsync(_folder, CancellationToken.None);
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Data_outlives_a_stop_and_a_start()
    {
        await using (var first = await StartAsync())
            await ExecuteAsync(first, "CREATE TABLE kept AS SELECT 42 AS answer");

        await using var second = await StartAsync();
        (await ScalarAsync(second, "SELECT answer FROM kept")).ShouldBe(42);
    }

    [Fact]
    public async Task It_can_do_what_the_schema_needs()
    {
        await using var server = await StartAsync();
        await ExecuteAsync(server, "CREATE EXTENSION btree_gist");
        await ExecuteAsync(server, "CREATE TABLE hold (vehicle uuid, during tstzrange, EXCLUDE USING gist (vehicle WITH =, during WITH &&))");
        (await ScalarAsync(server, "SELECT current_setting('timezone') || ' ' || lower('ÄÖ') COLLATE \"default\"")).ShouldBe("UTC äö");
    }

    [Fact]
    public async Task A_server_that_a_killed_host_left_running_is_replaced()
    {
        var orphan = await StartAsync(); // never stopped: what a kill -9 of the host leaves
        await ExecuteAsync(orphan, "CREATE TABLE kept AS SELECT 42 AS answer");
        var before = ServerProcess();

        await using var server = await StartAsync();
        ServerProcess().ShouldNotBe(before);
        (await ScalarAsync(server, "SELECT answer FROM kept")).ShouldBe(42);
    }

    [Fact]
    public async Task A_killed_server_recovers_what_was_committed()
    {
        var killed = await PrivatePostgres.StartAsync(_folder, null, null, CancellationToken.None);
        await ExecuteAsync(killed, "CREATE TABLE kept AS SELECT 42 AS answer");
        using (var postmaster = Process.GetProcessById(ServerProcess()))
        {
            postmaster.Kill();
            await postmaster.WaitForExitAsync();
        }

        await using var server = await StartAsync();
        (await ScalarAsync(server, "SELECT answer FROM kept")).ShouldBe(42);
    }

    [Fact]
    public async Task A_pid_file_whose_number_belongs_to_another_program_does_not_stand_in_the_way()
    {
        await using (await StartAsync())
        {
        }

        var own = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        await File.WriteAllTextAsync(Path.Combine(_folder, "postgres", "postmaster.pid"), $"{own}\n{_folder}/postgres\n0\n5432\n\n\n\nready\n");
        (await PrivatePostgres.FindRunningAsync(_folder, CancellationToken.None)).ShouldBeNull();
        await using var server = await StartAsync();
        (await ScalarAsync(server, "SELECT 1")).ShouldBe(1);
    }

    [Fact]
    public async Task A_half_finished_beginning_is_begun_anew()
    {
        var unfinished = Directory.CreateDirectory(Path.Combine(_folder, "postgres.new", "base"));
        await File.WriteAllTextAsync(Path.Combine(unfinished.Parent!.FullName, "PG_VERSION"), "15\n");

        await using var server = await StartAsync();
        (await ScalarAsync(server, "SELECT 1")).ShouldBe(1);
    }

    [Fact]
    public async Task A_canceled_start_leaves_nothing_running()
    {
        using var soon = new CancellationTokenSource();
        var progress = new Callback(step =>
        {
            if (step.StartsWith("Starting", StringComparison.Ordinal))
                soon.Cancel();
        });
        await Should.ThrowAsync<OperationCanceledException>(() => PrivatePostgres.StartAsync(_folder, null, Quick, progress, soon.Token));
        (await PrivatePostgres.FindRunningAsync(_folder, CancellationToken.None)).ShouldBeNull();
    }

    [Fact]
    public async Task A_running_server_is_found_from_beside()
    {
        await using var server = await StartAsync();
        (await PrivatePostgres.FindRunningAsync(_folder, CancellationToken.None)).ShouldBe(server.ConnectionString);
    }

    [Fact]
    public async Task A_server_on_a_port_wants_the_password()
    {
        var port = FreePort();
        await using var server = await PrivatePostgres.StartAsync(_folder, port, Quick, null, CancellationToken.None);
        var byPort = new NpgsqlConnectionStringBuilder(server.ConnectionString) { Host = "127.0.0.1", Pooling = false };
        await using (var connection = new NpgsqlConnection(byPort.ConnectionString))
            await connection.OpenAsync();

        byPort.Password = "wrong";
        await using var refused = new NpgsqlConnection(byPort.ConnectionString);
        (await Should.ThrowAsync<PostgresException>(() => refused.OpenAsync())).SqlState.ShouldBe(PostgresErrorCodes.InvalidPassword);
    }

    [Fact]
    public async Task A_taken_port_is_one_sentence()
    {
        using var taken = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        taken.Start();
        var port = ((System.Net.IPEndPoint)taken.LocalEndpoint).Port;
        var failure = await Should.ThrowAsync<PlatformStartException>(() => PrivatePostgres.StartAsync(_folder, port, Quick, null, CancellationToken.None));
        failure.Message.ShouldBe($"PostgreSQL did not start on port {port}: another program uses it.");
    }

    [Fact]
    public async Task A_setting_that_the_server_does_not_know_is_one_sentence()
    {
        var settings = new Dictionary<string, string> { ["fsync"] = "off", ["no_such_setting"] = "1" };
        var failure = await Should.ThrowAsync<PlatformStartException>(() => PrivatePostgres.StartAsync(_folder, null, settings, null, CancellationToken.None));
        failure.Message.ShouldContain("PostgreSQL did not start");
        failure.Message.ShouldNotContain("\n");
    }

    [Fact]
    public void A_second_owner_of_the_data_folder_is_refused()
    {
        using (DataFolderLock.Take(_folder))
        {
            Should.Throw<PlatformStartException>(() => DataFolderLock.Take(_folder)).Message.ShouldContain("is in use by another running platform");
            DataFolderLock.TryTake(_folder).ShouldBeNull();
        }

        DataFolderLock.Take(_folder).Dispose();
    }

    [Fact]
    public async Task A_folder_of_somebody_else_is_not_deleted()
    {
        var stranger = Path.Combine(Directory.CreateDirectory(_folder).FullName, "thesis.txt");
        await File.WriteAllTextAsync(stranger, "years of work");
        await Should.ThrowAsync<PlatformStartException>(() => PrivatePostgres.DeleteAsync(_folder, CancellationToken.None));
        File.Exists(stranger).ShouldBeTrue();
        File.Delete(stranger);
    }

    [Fact]
    public async Task A_folder_that_is_a_file_is_one_sentence()
    {
        await File.WriteAllTextAsync(_folder, "");
        try
        {
            Should.Throw<PlatformStartException>(() => DataFolderLock.Take(_folder));
        }
        finally
        {
            File.Delete(_folder);
        }
    }

    private Task<PrivatePostgres> StartAsync() => PrivatePostgres.StartAsync(_folder, null, Quick, null, CancellationToken.None);

    private int ServerProcess() =>
        int.Parse(File.ReadLines(Path.Combine(_folder, "postgres", "postmaster.pid")).First(), CultureInfo.InvariantCulture);

    private static int FreePort()
    {
        using var probe = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        probe.Start();
        return ((System.Net.IPEndPoint)probe.LocalEndpoint).Port;
    }

    private static async Task ExecuteAsync(PrivatePostgres server, string sql)
    {
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<object?> ScalarAsync(PrivatePostgres server, string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(server.ConnectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }

    private sealed class Callback(Action<string> heard) : IProgress<string>
    {
        public void Report(string value) => heard(value);
    }
}
