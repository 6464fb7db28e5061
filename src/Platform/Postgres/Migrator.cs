using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;
using Npgsql;

namespace Mobility.Platform.Postgres;

/// <summary>Brings a database forward: extension, shared tables, and for each module its role, its schema and its numbered scripts. Never backward.</summary>
public static partial class Migrator
{
    private const long Lock = 0x4D4F4249; // one migration at a time; "MOBI"

    /// <summary>Migrates; safe to run from several processes at once and again at each start.</summary>
    /// <exception cref="PlatformStartException">The database is unreachable, too old, or holds a script that was changed after it ran.</exception>
    public static async Task MigrateAsync(string connectionString, IReadOnlyList<ModuleDefinition> modules, TimeProvider clock, CancellationToken ct)
    {
        await using var source = new NpgsqlDataSourceBuilder(connectionString).Build();
        await using var connection = await OpenAsync(source, ct);
        if (connection.PostgreSqlVersion.Major < 15)
            throw new PlatformStartException($"The database is PostgreSQL {connection.PostgreSqlVersion}; 15 or newer is needed.");
        await RunAsync(connection, $"SELECT pg_advisory_lock({Lock})", ct);
        try
        {
            await RunAsync(connection, "CREATE EXTENSION IF NOT EXISTS btree_gist", ct);
            await RunAsync(connection, Read(typeof(Migrator).Assembly, "Mobility.Platform.Postgres.Schema.platform.sql"), ct);
            await EnsureRoleAsync(connection, PlatformModule.Name, ct);
            await RunAsync(connection, """
                GRANT USAGE ON SCHEMA platform, bus TO PUBLIC;
                GRANT SELECT ON bus.messages, platform.migrations TO mobility_platform;
                GRANT EXECUTE ON FUNCTION bus.trim(timestamptz, int) TO mobility_platform;
                """, ct);
            foreach (var module in modules)
                await MigrateModuleAsync(connection, module, clock, ct);
        }
        finally
        {
            await RunAsync(connection, $"SELECT pg_advisory_unlock({Lock})", CancellationToken.None);
        }
    }

    /// <summary>Scripts of the process's modules that have not run on the database, as <c>module/script</c>.</summary>
    public static async Task<IReadOnlyList<string>> PendingAsync(Database<PlatformModule> database, IReadOnlyList<ModuleDefinition> modules, CancellationToken ct)
    {
        var applied = await database.QueryAsync<string>(
            "SELECT module || '/' || name FROM platform.migrations ORDER BY module, version LIMIT 10000", null, ct);
        return [.. modules.SelectMany(m => ScriptsOf(m).Select(script => $"{m.Module}/{script.Name}")).Except(applied, StringComparer.Ordinal)];
    }

    private static async Task MigrateModuleAsync(NpgsqlConnection connection, ModuleDefinition module, TimeProvider clock, CancellationToken ct)
    {
        var (name, role) = (module.Module, ModuleDatabase.RoleOf(module.Module));
        await EnsureRoleAsync(connection, name, ct);
        await RunAsync(connection, $"""
            CREATE SCHEMA IF NOT EXISTS {name} AUTHORIZATION {role};
            GRANT INSERT, SELECT ON bus.messages TO {role};
            """, ct);
        var applied = await AppliedAsync(connection, name, ct);
        foreach (var (version, script, sql) in ScriptsOf(module))
        {
            var hash = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(sql)));
            if (applied.TryGetValue(version, out var appliedHash))
            {
                if (appliedHash != hash)
                    throw new PlatformStartException($"The script {name}/{script} was changed after it ran on this database; scripts only move forward.");
                continue;
            }
            await using var transaction = await connection.BeginTransactionAsync(ct);
            await RunAsync(connection, $"SET LOCAL ROLE {role}; SET LOCAL search_path = {name}, public; {sql}", ct);
            await RunAsync(connection, "RESET ROLE", ct);
            await using (var record = new NpgsqlCommand(
                "INSERT INTO platform.migrations (module, version, name, hash, applied_at) VALUES ($1, $2, $3, $4, $5)", connection))
            {
                foreach (var value in new object[] { name, version, script, hash, clock.GetUtcNow() })
                    record.Parameters.AddWithValue(value);
                await record.ExecuteNonQueryAsync(ct);
            }
            await transaction.CommitAsync(ct);
        }
    }

    private static IEnumerable<(int Version, string Name, string Sql)> ScriptsOf(ModuleDefinition module)
    {
        yield return (0, "module.sql", Read(typeof(Migrator).Assembly, "Mobility.Platform.Postgres.Schema.module.sql"));
        var assembly = module.Type.GetType().Assembly;
        foreach (var resource in assembly.GetManifestResourceNames().Order(StringComparer.Ordinal))
            if (ScriptName().Match(resource) is { Success: true } match)
                yield return (int.Parse(match.Groups[1].Value), $"{match.Groups[1].Value}_{match.Groups[2].Value}.sql", Read(assembly, resource));
    }

    private static async Task EnsureRoleAsync(NpgsqlConnection connection, string module, CancellationToken ct)
    {
        var role = ModuleDatabase.RoleOf(module);
        // Roles belong to the whole server: another database may make the same one at this moment.
        await RunAsync(connection, $"""
            DO $$ BEGIN
                IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role} NOLOGIN; END IF;
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
            DO $$ BEGIN
                IF NOT pg_has_role(current_user, '{role}', 'MEMBER') THEN EXECUTE format('GRANT {role} TO %I', current_user); END IF;
            END $$;
            """, ct);
    }

    private static async Task<NpgsqlConnection> OpenAsync(NpgsqlDataSource source, CancellationToken ct)
    {
        try
        {
            return await source.OpenConnectionAsync(ct);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            var target = new NpgsqlConnectionStringBuilder(source.ConnectionString);
            throw new PlatformStartException($"The database {target.Database} at {target.Host}:{target.Port} cannot be reached: {e.Message}", e);
        }
    }

    private static async Task<Dictionary<int, string>> AppliedAsync(NpgsqlConnection connection, string module, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand("SELECT version, hash FROM platform.migrations WHERE module = $1 ORDER BY version", connection);
        command.Parameters.AddWithValue(module);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var applied = new Dictionary<int, string>();
        while (await reader.ReadAsync(ct))
            applied[reader.GetInt32(0)] = reader.GetString(1);
        return applied;
    }

    private static async Task RunAsync(NpgsqlConnection connection, string sql, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(ct);
    }

    private static string Read(Assembly assembly, string resource)
    {
        using var stream = assembly.GetManifestResourceStream(resource) ?? throw new InvalidOperationException($"{resource} is not embedded.");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }

    [GeneratedRegex(@"\.Schema\._?(\d{4})_(\w+)\.sql$")]
    private static partial Regex ScriptName();
}
