using Npgsql;

namespace Mobility.Platform.Postgres;

/// <summary>
/// A PostgreSQL server of our own: its data lies in the platform's data folder, it listens on a socket that only its own account (and root) can open,
/// and it lives as long as the host does. A host that was killed leaves the server running; the next start stops that one cleanly and begins anew.
/// </summary>
/// <remarks>
/// Starting does this: (1) choose account, folder and binaries; (2) stop or clear away what an earlier, killed host left behind; (3) run initdb in a
/// side folder and rename it, so that a half-finished one never looks whole; (4) write the settings; (5) start and wait until it answers.
/// The caller holds the <see cref="DataFolderLock"/> of the folder.
/// </remarks>
public sealed class PrivatePostgres : IAsyncDisposable
{
    /// <summary>Connections that the server accepts; the pools of all modules and tools together must stay below it.</summary>
    public const int ConnectionCountMax = 300;

    private readonly PostgresCluster _cluster;
    private readonly PostgresBinaries _binaries;
    private bool _stopped;

    private PrivatePostgres(PostgresCluster cluster, PostgresBinaries binaries, string connectionString)
    {
        (_cluster, _binaries) = (cluster, binaries);
        ConnectionString = connectionString;
    }

    /// <summary>For the superuser and the database <c>postgres</c>, in Npgsql's form.</summary>
    public string ConnectionString { get; }

    /// <summary>The folder with the server's programs; see <see cref="PostgresBinaries.FindTool"/> for <c>psql</c> and <c>pgbench</c>.</summary>
    public string BinDirectory => _binaries.Directory;

    /// <summary>The server's programs.</summary>
    public PostgresBinaries Binaries => _binaries;

    /// <inheritdoc cref="StartAsync(string, int?, IReadOnlyDictionary{string, string}, IProgress{string}?, CancellationToken)"/>
    public static Task<PrivatePostgres> StartAsync(string dataDirectory, int? port, IProgress<string>? progress, CancellationToken ct) =>
        StartAsync(dataDirectory, port, new Dictionary<string, string>(), progress, ct);

    /// <summary>Starts the server of a data folder, creating it at the first start.</summary>
    /// <param name="dataDirectory">The platform's data folder; the server's own folder is <c>postgres</c> inside it.</param>
    /// <param name="port">Also listen on this port of 127.0.0.1 (with the password in the connection string); null for the socket alone.</param>
    /// <param name="settings">PostgreSQL settings that override ours, by name.</param>
    /// <param name="progress">Hears one sentence per step that can take long.</param>
    /// <param name="ct">Gives up; nothing is left running.</param>
    /// <exception cref="PlatformStartException">With the reason in one sentence.</exception>
    public static async Task<PrivatePostgres> StartAsync(
        string dataDirectory, int? port, IReadOnlyDictionary<string, string> settings, IProgress<string>? progress, CancellationToken ct)
    {
        var cluster = await PostgresCluster.LocateAsync(dataDirectory, progress, ct);
        cluster.RequireFreeDisk();
        var binaries = await PostgresBinaries.FindAsync(cluster.MajorVersion(), ct);
        await cluster.ClearLeftoversAsync(binaries, progress, ct);
        if (cluster.MajorVersion() is null)
        {
            cluster.RequireOwnFolder();
            progress?.Report($"Creating the database in {cluster.Directory} with PostgreSQL {binaries.MajorVersion}");
            await cluster.PasswordAsync(ct); // first, since its file marks the folder as ours
            await cluster.InitializeAsync(binaries, durable: settings.GetValueOrDefault("fsync") != "off", ct);
        }

        await cluster.WriteSettingsAsync(binaries, port, settings, ct);
        progress?.Report($"Starting PostgreSQL {binaries.MajorVersion}");
        try
        {
            await cluster.StartServerAsync(binaries, port, ct);
            var server = new PrivatePostgres(cluster, binaries, await cluster.ConnectionStringAsync(port, ct));
            await server.SetPasswordAsync(ct);
            return server;
        }
        catch
        {
            await cluster.StopServerAsync(binaries, CancellationToken.None);
            throw;
        }
    }

    /// <summary>The connection string of the server that is running on a data folder now; null when none is.</summary>
    public static async Task<string?> FindRunningAsync(string dataDirectory, CancellationToken ct)
    {
        if (!Directory.Exists(dataDirectory))
            return null;
        var cluster = await PostgresCluster.LocateAsync(dataDirectory, null, ct);
        return cluster.RunningServer() is null ? null : await cluster.ConnectionStringAsync(null, ct);
    }

    /// <summary>
    /// Stops whatever server runs on the data folder and deletes what the folder holds; the folder itself and its lock stay, for whoever holds the lock.
    /// </summary>
    /// <exception cref="PlatformStartException">The folder holds things but was never a data folder: somebody named the wrong one.</exception>
    public static async Task DeleteAsync(string dataDirectory, CancellationToken ct)
    {
        if (!Directory.Exists(dataDirectory))
            return;
        var cluster = await PostgresCluster.LocateAsync(dataDirectory, null, ct);
        cluster.RequireOwnFolder();
        if (cluster.RunningServer() is not null)
            await cluster.StopServerAsync(await PostgresBinaries.FindAsync(cluster.MajorVersion(), ct), ct);
        cluster.Delete();
    }

    /// <summary>Stops the server: open transactions are rolled back, everything committed is on disk.</summary>
    public async Task StopAsync(CancellationToken ct)
    {
        if (_stopped)
            return;
        _stopped = true;
        await using (var pooled = new NpgsqlConnection(ConnectionString))
            NpgsqlConnection.ClearPool(pooled);
        await _cluster.StopServerAsync(_binaries, ct);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await StopAsync(CancellationToken.None);

    /// <summary>The password file may have been lost or the folder copied: the socket needs none, so the server is told ours.</summary>
    private async Task SetPasswordAsync(CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(ConnectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync(ct);
        var password = await _cluster.PasswordAsync(ct);
        await using var command = new NpgsqlCommand($"ALTER ROLE {PostgresCluster.Superuser} PASSWORD '{password}'", connection);
        await command.ExecuteNonQueryAsync(ct);
    }
}
