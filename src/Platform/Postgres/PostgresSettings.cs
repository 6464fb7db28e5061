using System.Globalization;

namespace Mobility.Platform.Postgres;

/// <summary>How a private server is set up: durable, sized for many short writes, and silent about lost races.</summary>
internal static class PostgresSettings
{
    private const long SmallMachineBytes = 4L << 30;

    public static Dictionary<string, string> Defaults(PostgresBinaries binaries, int port, bool listens, string socketDirectory)
    {
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        return new Dictionary<string, string>
        {
            ["listen_addresses"] = listens ? "127.0.0.1" : "",
            ["port"] = port.ToString(CultureInfo.InvariantCulture),
            ["unix_socket_directories"] = socketDirectory,
            ["unix_socket_permissions"] = "0700",
            ["max_connections"] = PrivatePostgres.ConnectionCountMax.ToString(CultureInfo.InvariantCulture),
            ["fsync"] = "on",
            ["synchronous_commit"] = "on",
            ["shared_buffers"] = memory < SmallMachineBytes ? "128MB" : "512MB",
            ["effective_cache_size"] = $"{memory / 2 >> 20}MB",
            ["work_mem"] = "16MB",
            ["maintenance_work_mem"] = "128MB",
            ["wal_buffers"] = "16MB",
            ["wal_compression"] = "on",
            ["max_wal_size"] = "4GB",
            ["checkpoint_timeout"] = "15min",
            ["random_page_cost"] = "1.1",
            ["jit"] = "off", // our statements are short; compiling them costs more than they do
            ["timezone"] = "UTC",
            ["log_timezone"] = "UTC",
            ["log_min_messages"] = "log", // a lost race is an expected error, thousands of times; the module logs what matters
            ["shared_preload_libraries"] = binaries.HasLibrary("pg_stat_statements") ? "pg_stat_statements" : "",
        };
    }
}
