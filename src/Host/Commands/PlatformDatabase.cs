using Mobility.Platform;
using Mobility.Platform.Postgres;
using Npgsql;

namespace Mobility.Host.Commands;

/// <summary>The database that a command works on: an external one, or the private server of a data folder that this process then owns.</summary>
internal sealed class PlatformDatabase : IAsyncDisposable
{
    private const int ReachSeconds = 5;

    private readonly DataFolderLock? _folder;
    private readonly PrivatePostgres? _server;

    private PlatformDatabase(string connectionString, DataFolderLock? folder, PrivatePostgres? server) =>
        (ConnectionString, _folder, _server) = (connectionString, folder, server);

    public string ConnectionString { get; }

    public bool IsExternal { get; private init; }

    /// <summary>The private server's programs; null for an external database.</summary>
    public PostgresBinaries? Binaries => _server?.Binaries;

    /// <inheritdoc cref="StartAsync(string, string?, bool, IReadOnlyDictionary{string, string}, IProgress{string}, CancellationToken)"/>
    public static Task<PlatformDatabase> StartAsync(string dataDirectory, string? external, bool fresh, IProgress<string> progress, CancellationToken ct) =>
        StartAsync(dataDirectory, external, fresh, new Dictionary<string, string>(), progress, ct);

    /// <summary>Locks the folder and starts its server with settings over ours, or makes sure that the external database answers.</summary>
    public static async Task<PlatformDatabase> StartAsync(
        string dataDirectory, string? external, bool fresh, IReadOnlyDictionary<string, string> settings, IProgress<string> progress, CancellationToken ct)
    {
        if (fresh && external is not null)
            throw new PlatformStartException("--fresh deletes the private database only; empty the external one yourself.");
        var folder = DataFolderLock.Take(dataDirectory);
        try
        {
            if (external is not null)
            {
                await RequireReachableAsync(external, progress, ct);
                return new PlatformDatabase(external, folder, null) { IsExternal = true };
            }

            if (fresh)
            {
                progress.Report($"Deleting the data in {dataDirectory}");
                await PrivatePostgres.DeleteAsync(dataDirectory, ct);
            }

            var server = await PrivatePostgres.StartAsync(dataDirectory, null, settings, progress, ct);
            return new PlatformDatabase(server.ConnectionString, folder, server);
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>For a look from beside: the running platform's server if there is one, else one that is started for the look.</summary>
    public static async Task<PlatformDatabase> AttachAsync(string dataDirectory, string? external, IProgress<string> progress, CancellationToken ct)
    {
        if (external is not null)
        {
            await RequireReachableAsync(external, progress, ct);
            return new PlatformDatabase(external, null, null) { IsExternal = true };
        }

        if (!File.Exists(Path.Combine(dataDirectory, DataFolderLock.FileName)))
            throw new PlatformStartException($"There is no data in {dataDirectory}; ./mobility up makes some.");
        using (var free = DataFolderLock.TryTake(dataDirectory))
        {
            if (free is null)
            {
                var running = await PrivatePostgres.FindRunningAsync(dataDirectory, ct)
                    ?? throw new PlatformStartException($"The platform on {dataDirectory} is just starting or stopping; try again in a moment.");
                return new PlatformDatabase(running, null, null);
            }
        }

        return await StartAsync(dataDirectory, null, fresh: false, progress, ct);
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
        _folder?.Dispose();
    }

    private static async Task RequireReachableAsync(string connectionString, IProgress<string> progress, CancellationToken ct)
    {
        NpgsqlConnectionStringBuilder target;
        try
        {
            target = new NpgsqlConnectionStringBuilder(connectionString) { Timeout = ReachSeconds, Pooling = false };
        }
        catch (ArgumentException malformed)
        {
            throw new PlatformStartException($"The database's connection string cannot be read: {malformed.Message}", malformed);
        }

        progress.Report($"Connecting to the database at {target.Host}:{target.Port}");
        try
        {
            await using var connection = new NpgsqlConnection(target.ConnectionString);
            await connection.OpenAsync(ct);
        }
        catch (NpgsqlException unreachable)
        {
            var reason = (unreachable as PostgresException)?.MessageText ?? unreachable.InnerException?.Message ?? unreachable.Message;
            throw new PlatformStartException($"The database {target.Database ?? target.Username} at {target.Host}:{target.Port} cannot be reached: {reason}.", unreachable);
        }
    }
}
