using System.Data;
using Dapper;
using Npgsql;

namespace Mobility.Platform.Events;

/// <summary>A module's own door to PostgreSQL: its schema, its role, its pool. Nothing of another module is reachable through it.</summary>
public class ModuleDatabase : IAsyncDisposable
{
    /// <summary>Connections that one module of one process may hold.</summary>
    public const int DefaultPoolSizeMax = 16;

    static ModuleDatabase()
    {
        DefaultTypeMap.MatchNamesWithUnderscores = true;
        SqlMapper.AddTypeHandler(new InstantHandler());
    }

    /// <summary>Connects as the module's role with the module's schema as the only search path.</summary>
    /// <param name="module">The module's name in lower case; also its schema.</param>
    /// <param name="connectionString">The platform's connection; its user may become any module's role.</param>
    /// <param name="poolSizeMax">Connections at most.</param>
    public ModuleDatabase(string module, string connectionString, int poolSizeMax) : this(module, new NpgsqlConnectionStringBuilder(connectionString)
    {
        SearchPath = module,
        // Every connection remembers the plans of its statements. One that was made while a table was small reads all of it, and goes on doing so when the table
        // has grown, until somebody analyzes it: with 12,000 holds a reservation took four times as long (ADR 0008). Our statements have indexes.
        // And one that is used again is planned once for a connection, not for the values of each run: planning was a third of the database's time (ADR 0015).
        Options = $"-c role={RoleOf(module)} -c enable_seqscan=off -c plan_cache_mode=force_generic_plan -c jit=off",
        ApplicationName = $"mobility-{module}",
        MaxPoolSize = poolSizeMax,
        MaxAutoPrepare = 100,
        AutoPrepareMinUsages = 2,
        NoResetOnClose = true,
        Timezone = "UTC",
    })
    {
    }

    private ModuleDatabase(string module, NpgsqlConnectionStringBuilder settings)
    {
        Module = module;
        Source = new NpgsqlDataSourceBuilder(settings.ConnectionString) { Name = settings.ApplicationName }.Build(); // the name is a label of the driver's metrics
        ConnectionString = settings.ConnectionString;
        Commits = new CommitQueue(Source);
    }

    internal CommitQueue Commits { get; }

    internal StreamMemory Streams { get; } = new();

    /// <summary>With the password, for connections outside the pool.</summary>
    internal string ConnectionString { get; }

    /// <summary>The module's name.</summary>
    public string Module { get; }

    /// <summary>The pool; use it for COPY and other things that <see cref="QueryAsync{T}"/> cannot say.</summary>
    public NpgsqlDataSource Source { get; }

    /// <summary>The PostgreSQL role of a module.</summary>
    public static string RoleOf(string module) => $"mobility_{module}";

    /// <summary>The same door for who reads whole tables, as audits do: without prepared statements, with time. The caller disposes it.</summary>
    public ModuleDatabase ForWholeTables() => new(Module, new NpgsqlConnectionStringBuilder(ConnectionString)
    {
        Options = $"-c role={RoleOf(Module)}",
        ApplicationName = $"mobility-{Module}-whole-tables",
        MaxPoolSize = 2,
        MaxAutoPrepare = 0,
        CommandTimeout = 600,
    });

    /// <summary>Reads rows with named parameters; the statement has its own limit and order.</summary>
    public async Task<IReadOnlyList<T>> QueryAsync<T>(string sql, object? parameters, CancellationToken ct)
    {
        await using var connection = await Source.OpenConnectionAsync(ct);
        return (await connection.QueryAsync<T>(new CommandDefinition(sql, parameters, cancellationToken: ct))).AsList();
    }

    /// <summary>Reads one row or none.</summary>
    public async Task<T?> QuerySingleOrDefaultAsync<T>(string sql, object? parameters, CancellationToken ct)
    {
        await using var connection = await Source.OpenConnectionAsync(ct);
        return await connection.QuerySingleOrDefaultAsync<T>(new CommandDefinition(sql, parameters, cancellationToken: ct));
    }

    /// <summary>Runs one statement in its own transaction and returns the rows it touched.</summary>
    public async Task<int> ExecuteAsync(string sql, object? parameters, CancellationToken ct)
    {
        await using var connection = await Source.OpenConnectionAsync(ct);
        return await connection.ExecuteAsync(new CommandDefinition(sql, parameters, cancellationToken: ct));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Source.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Npgsql hands out timestamptz as DateTime; the platform speaks DateTimeOffset in UTC only.</summary>
    private sealed class InstantHandler : SqlMapper.TypeHandler<DateTimeOffset>
    {
        public override DateTimeOffset Parse(object value) => value switch
        {
            DateTimeOffset instant => instant,
            DateTime time => new DateTimeOffset(DateTime.SpecifyKind(time, DateTimeKind.Utc)),
            _ => throw new DataException($"{value.GetType().Name} is not an instant."),
        };

        public override void SetValue(IDbDataParameter parameter, DateTimeOffset value) => parameter.Value = value.ToUniversalTime();
    }
}

/// <summary>The database of one module, so that dependency injection hands each slice its own.</summary>
/// <typeparam name="TModule">The module's class.</typeparam>
public sealed class Database<TModule>(string module, string connectionString, int poolSizeMax) : ModuleDatabase(module, connectionString, poolSizeMax);
