using Mobility.Platform;
using Mobility.Platform.Postgres;
using Mobility.Twin.Replaying;
using Npgsql;

namespace Mobility.Host.Commands;

/// <summary>
/// A database that holds nothing but one replay: a private server in the replay's folder, or an external one. A folder of the replay's own is deleted
/// afterwards, unless a state in it says that the replay will go on.
/// </summary>
internal sealed class ReplayDatabase : IAsyncDisposable
{
    /// <summary>What is thrown away need not survive a loss of power.</summary>
    private static readonly Dictionary<string, string> NotDurable = new()
    {
        ["fsync"] = "off",
        ["full_page_writes"] = "off",
        ["synchronous_commit"] = "off",
    };

    private readonly PlatformDatabase _database;
    private readonly ReplayFolder _folder;

    private ReplayDatabase(PlatformDatabase database, ReplayFolder folder) => (_database, _folder) = (database, folder);

    public string ConnectionString => _database.ConnectionString;

    /// <summary>Where an interrupted replay stopped; null for one that begins.</summary>
    public ReplayState? State { get; private set; }

    /// <summary>Locks the folder, starts its server and finds out whether a replay goes on.</summary>
    /// <exception cref="PlatformStartException">The folder is in use, its state does not fit, or the database holds something else.</exception>
    public static async Task<ReplayDatabase> StartAsync(ReplayFolder folder, string? external, bool fresh, IProgress<string> progress, CancellationToken ct)
    {
        // An own folder without a state is what a killed replay left: there is nothing in it to go on from.
        var anew = external is null && (fresh || (folder.IsOwn && !File.Exists(folder.StateFile)));
        var database = await PlatformDatabase.StartAsync(folder.Path, external, anew, folder.IsOwn ? NotDurable : [], progress, ct);
        var replay = new ReplayDatabase(database, folder);
        try
        {
            if (fresh)
                folder.Clear();
            replay.State = ReplayState.Read(folder.StateFile, folder.Key);
            await RequireFitAsync(replay, ct);
            if (replay.State is null)
                folder.Clear();
            return replay;
        }
        catch
        {
            await replay.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        if (!_folder.IsOwn || File.Exists(_folder.StateFile) || DataFolderLock.TryTake(_folder.Path) is not { } mine)
            return;
        if (!_database.IsExternal)
            await PrivatePostgres.DeleteAsync(_folder.Path, CancellationToken.None);
        mine.Dispose();
        Directory.Delete(_folder.Path, recursive: true);
    }

    private static async Task RequireFitAsync(ReplayDatabase replay, CancellationToken ct)
    {
        var (isExternal, path) = (replay._database.IsExternal, replay._folder.Path);
        switch (await HoldsPlatformAsync(replay.ConnectionString, ct), replay.State)
        {
            case (true, null) when isExternal:
                throw new PlatformStartException("The database holds a platform already; a replay needs an empty one of its own.");
            case (true, null):
                throw new PlatformStartException(
                    $"The folder {path} holds a platform but no interrupted replay to go on from (one that was killed leaves none); begin anew with --fresh, or name another.");
            case (false, not null):
                throw new PlatformStartException($"The database of the interrupted replay in {path} is empty; begin anew with --fresh.");
        }
    }

    private static async Task<bool> HoldsPlatformAsync(string connectionString, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(ct);
        await using var command = new NpgsqlCommand("SELECT to_regclass('bus.messages') IS NOT NULL", connection);
        return await command.ExecuteScalarAsync(ct) is true;
    }
}
