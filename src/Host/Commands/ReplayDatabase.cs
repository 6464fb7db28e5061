using System.Globalization;
using Mobility.Platform;
using Mobility.Platform.Postgres;
using Npgsql;

namespace Mobility.Host.Commands;

/// <summary>
/// A database that holds nothing but one replay: a private server in a temporary folder that is deleted afterwards, one in a folder that is kept, or an empty
/// external one.
/// </summary>
internal sealed class ReplayDatabase : IAsyncDisposable
{
    private const string FolderPrefix = "mobility-replay-";

    /// <summary>What is thrown away need not survive a loss of power.</summary>
    private static readonly Dictionary<string, string> NotDurable = new()
    {
        ["fsync"] = "off",
        ["full_page_writes"] = "off",
        ["synchronous_commit"] = "off",
    };

    private readonly PlatformDatabase? _kept;
    private readonly PrivatePostgres? _temporary;
    private readonly DataFolderLock? _folderLock;
    private readonly string? _folder;

    private ReplayDatabase(string connectionString, PlatformDatabase? kept, PrivatePostgres? temporary, DataFolderLock? folderLock, string? folder) =>
        (ConnectionString, _kept, _temporary, _folderLock, _folder) = (connectionString, kept, temporary, folderLock, folder);

    public string ConnectionString { get; }

    public static async Task<ReplayDatabase> StartAsync(string? data, string? external, bool fresh, IProgress<string> progress, CancellationToken ct)
    {
        if (data is null && external is null)
            return await StartTemporaryAsync(progress, ct);
        var kept = await PlatformDatabase.StartAsync(data ?? Path.Combine(Path.GetTempPath(), FolderPrefix + "external"), external, fresh, progress, ct);
        try
        {
            await RequireEmptyAsync(kept.ConnectionString, external is null ? $"The folder {data} holds" : "The database holds", ct);
            return new ReplayDatabase(kept.ConnectionString, kept, null, null, null);
        }
        catch
        {
            await kept.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_kept is not null)
            await _kept.DisposeAsync();
        if (_temporary is null)
            return;
        await _temporary.DisposeAsync();
        await DeleteAsync(_folder!, _folderLock!);
    }

    private static async Task<ReplayDatabase> StartTemporaryAsync(IProgress<string> progress, CancellationToken ct)
    {
        foreach (var leftover in Directory.GetDirectories(Path.GetTempPath(), FolderPrefix + "*"))
        {
            if (DataFolderLock.TryTake(leftover) is { } abandoned) // by a run that was killed
                await DeleteAsync(leftover, abandoned);
        }

        var folder = Path.Combine(Path.GetTempPath(), FolderPrefix + Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        var folderLock = DataFolderLock.Take(folder);
        try
        {
            var server = await PrivatePostgres.StartAsync(folder, null, NotDurable, progress, ct);
            return new ReplayDatabase(server.ConnectionString, null, server, folderLock, folder);
        }
        catch
        {
            await DeleteAsync(folder, folderLock);
            throw;
        }
    }

    private static async Task DeleteAsync(string folder, DataFolderLock folderLock)
    {
        await PrivatePostgres.DeleteAsync(folder, CancellationToken.None);
        folderLock.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private static async Task RequireEmptyAsync(string connectionString, string where, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(ct);
        await using var command = new NpgsqlCommand("SELECT to_regclass('bus.messages') IS NOT NULL", connection);
        if (await command.ExecuteScalarAsync(ct) is true)
            throw new PlatformStartException($"{where} a platform already; a replay needs a database of its own: another one, or --fresh with --data.");
    }
}
