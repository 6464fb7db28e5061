using System.Globalization;
using Mobility.Platform;
using Mobility.Platform.Postgres;
using Npgsql;

namespace Mobility.Tests.Support;

/// <summary>
/// The one PostgreSQL server of a test run: started when the first test asks, in a temporary folder, stopped and deleted when the process ends.
/// It does not wait for the disk (fsync off): the tests that need durability start a server of their own.
/// </summary>
internal static class TestPostgres
{
    private const string FolderPrefix = "mobility-tests-";
    private const long MemoryDiskBytesMin = 4L << 30;
    private static readonly string Root = ChooseRoot();
    private static readonly string Folder = Path.Combine(Root, FolderPrefix + Environment.ProcessId.ToString(CultureInfo.InvariantCulture));

    private static readonly Lazy<Task<PrivatePostgres>> Server = new(StartAsync);
    private static int databases;

    /// <summary>For the superuser and the database <c>postgres</c>.</summary>
    public static async Task<string> SuperuserConnectionStringAsync() => (await Server.Value).ConnectionString;

    /// <summary>Makes a database of the test's own and returns the superuser's connection string to it.</summary>
    /// <param name="template">The name of a database to clone (about 0.1 s; nobody may be connected to it), or null for an empty one.</param>
    public static async Task<string> CreateDatabaseAsync(string? template)
    {
        var name = "test_" + Interlocked.Increment(ref databases).ToString(CultureInfo.InvariantCulture);
        await ExecuteAsync($"CREATE DATABASE {name} TEMPLATE {template ?? "template0"} STRATEGY FILE_COPY");
        return new NpgsqlConnectionStringBuilder(await SuperuserConnectionStringAsync()) { Database = name }.ConnectionString;
    }

    /// <summary>Runs one statement as superuser in the database <c>postgres</c>.</summary>
    public static async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(await SuperuserConnectionStringAsync());
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>A disk in memory clones a database several times faster; the run needs about 1 GB.</summary>
    private static string ChooseRoot() =>
        Directory.Exists("/dev/shm") && new DriveInfo("/dev/shm").AvailableFreeSpace >= MemoryDiskBytesMin ? "/dev/shm" : Path.GetTempPath();

    private static async Task<PrivatePostgres> StartAsync()
    {
        await DeleteLeftoversAsync();
        var folderLock = DataFolderLock.Take(Folder);
        var settings = new Dictionary<string, string>
        {
            ["fsync"] = "off",
            ["full_page_writes"] = "off",
            ["synchronous_commit"] = "off",
            ["shared_buffers"] = "256MB",
            ["max_wal_size"] = "1GB",
            ["max_connections"] = "500",
        };
        var server = await PrivatePostgres.StartAsync(Folder, null, settings, null, CancellationToken.None);
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            Task.Run(() => PrivatePostgres.DeleteAsync(Folder, CancellationToken.None)).GetAwaiter().GetResult();
            folderLock.Dispose();
            Directory.Delete(Folder, recursive: true);
        };
        return server;
    }

    /// <summary>Runs that were killed left a server and a folder behind; their lock is free.</summary>
    private static async Task DeleteLeftoversAsync()
    {
        foreach (var folder in Directory.GetDirectories(Root, FolderPrefix + "*"))
        {
            using var abandoned = TryTake(folder);
            if (abandoned is null)
                continue;
            await PrivatePostgres.DeleteAsync(folder, CancellationToken.None);
            Directory.Delete(folder, recursive: true);
        }
    }

    private static DataFolderLock? TryTake(string folder)
    {
        try
        {
            return DataFolderLock.TryTake(folder);
        }
        catch (PlatformStartException)
        {
            return null; // another user's
        }
    }
}
