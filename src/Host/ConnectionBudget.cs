using Mobility.Platform;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;
using Npgsql;

namespace Mobility.Host;

/// <summary>
/// Every module has a pool of its own. What they may open together must fit into what the server allows, else it shows only under load, as errors of whoever
/// comes last. So it is added up at start.
/// </summary>
internal static class ConnectionBudget
{
    /// <summary>The platform's own pool of four; elections, the listener, one migration or audit.</summary>
    public const int BesidesModules = 8;

    /// <summary>One sentence when the pools are too large; null when they fit.</summary>
    /// <param name="modules">Modules of this process.</param>
    /// <param name="poolSize">Connections of one pool at most.</param>
    /// <param name="allowed">The server's max_connections without those that it keeps for superusers.</param>
    public static string? Fault(int modules, int poolSize, int allowed)
    {
        var needed = modules * poolSize + BesidesModules;
        return needed <= allowed
            ? null
            : $"{modules} modules may open {needed} connections (Database:PoolSize is {poolSize}), but the database allows {allowed}: "
                + $"set Database:PoolSize to {Math.Max(1, (allowed - BesidesModules) / modules)} or less, raise max_connections, or run fewer modules in this process.";
    }

    /// <exception cref="PlatformStartException">The pools are too large.</exception>
    public static async Task RequireAsync(string connectionString, IReadOnlyList<ModuleDefinition> modules, IConfiguration configuration, CancellationToken ct)
    {
        await using var source = new NpgsqlDataSourceBuilder(connectionString).Build();
        await using var command = source.CreateCommand(
            "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int");
        int allowed;
        try
        {
            allowed = (int)(await command.ExecuteScalarAsync(ct))!;
        }
        catch (NpgsqlException)
        {
            return; // a process whose database is away lives on and says that it is not ready
        }
        var poolSize = configuration.GetValue("Database:PoolSize", ModuleDatabase.DefaultPoolSizeMax);
        if (Fault(modules.Count, poolSize, allowed) is { } sentence)
            throw new PlatformStartException(sentence);
    }
}
