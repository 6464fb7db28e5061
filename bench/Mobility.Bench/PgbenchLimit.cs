using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Mobility.Contracts;
using Mobility.Platform;
using Npgsql;

namespace Mobility.Bench;

/// <summary>
/// What PostgreSQL itself reaches with the transaction of a reservation. The statements are not copied by hand: one reservation is made while the server
/// writes down what it executes, and its log becomes pgbench's script, with the ids replaced by random ones.
/// </summary>
internal static partial class PgbenchLimit
{
    /// <param name="PerSecond">Commits per second, each transaction in one round trip (a pipeline), as the platform sends it.</param>
    /// <param name="OneByOnePerSecond">The same with a round trip per statement, as programs usually do.</param>
    public sealed record Result(double PerSecond, double OneByOnePerSecond);

    private sealed record Executed(string Transaction, string Sql, IReadOnlyDictionary<int, string> Parameters);

    public static async Task<Result> RunAsync(BenchPlatform platform, VehicleId vehicle, int clients, int seconds, CancellationToken ct)
    {
        var rider = Id.New<AccountId>(TimeProvider.System);
        var (booking, statements) = await RecordAsync(platform, rider, vehicle, ct);
        var script = statements.Select(s => ToScript(s, booking, rider, vehicle)).ToArray();
        if (!script.Any(s => s.Contains("INTO holds", StringComparison.Ordinal)) || !script.Any(s => s.Contains("INTO events", StringComparison.Ordinal)))
            throw new PlatformStartException("The server's log does not show the reservation's transaction.");
        var random = "\\set b random(1, 9000000000000000000)\n\\set v random(1, 9000000000000000000)\n\\set r random(1, 9000000000000000000)\n";
        var perSecond = await PgbenchAsync(platform, $"{random}\\startpipeline\n{string.Join('\n', script)}\n\\endpipeline\n", clients, seconds, ct);
        var oneByOne = await PgbenchAsync(platform, $"{random}BEGIN;\n{string.Join('\n', script)}\nCOMMIT;\n", clients, seconds / 2, ct);
        return new Result(perSecond, oneByOne);
    }

    private static async Task<(BookingId Booking, IReadOnlyList<Executed> Statements)> RecordAsync(
        BenchPlatform platform, AccountId rider, VehicleId vehicle, CancellationToken ct)
    {
        var token = platform.RiderToken(rider);
        using var connection = await LoadConnection.OpenAsync(platform.Address, ct);
        LoadReply quote;
        do
            quote = await connection.SendAsync("POST", "/v1/quotes", token, $$"""{"vehicleId":"{{vehicle}}"}""", null, ct);
        while (quote.Status == 409);
        await SetAsync(platform, "ALTER SYSTEM SET log_min_duration_statement = 0", ct);
        var reply = await connection.SendAsync("POST", "/v1/bookings", token, $$"""{"quoteId":"{{quote.Member("id")}}","safetyChecklist":true}""", BookingBench.NewKey(), ct);
        await SetAsync(platform, "ALTER SYSTEM RESET log_min_duration_statement", ct);
        if (reply.Status != 201)
            throw new PlatformStartException($"The reservation for pgbench was refused: {reply.Body}");
        var booking = Id.Parse<BookingId>(reply.Member("id")!);
        var executed = await ReadLogAsync(platform, ct);
        var mine = executed.First(e => e.Sql.Contains("INTO holds", StringComparison.Ordinal) && e.Parameters.Values.Contains(booking.Value.ToString())).Transaction;
        return (booking, executed.Where(e => e.Transaction == mine).ToArray());
    }

    private static async Task SetAsync(BenchPlatform platform, string sql, CancellationToken ct)
    {
        await using var source = NpgsqlDataSource.Create(platform.Postgres.ConnectionString);
        await using (var set = source.CreateCommand(sql))
            await set.ExecuteNonQueryAsync(ct);
        await using (var reload = source.CreateCommand("SELECT pg_reload_conf()"))
            await reload.ExecuteNonQueryAsync(ct);
        await Task.Delay(TimeSpan.FromMilliseconds(500), ct); // the server's processes read their settings when the signal reaches them
    }

    private static async Task<IReadOnlyList<Executed>> ReadLogAsync(BenchPlatform platform, CancellationToken ct)
    {
        await using var source = NpgsqlDataSource.Create(platform.Postgres.ConnectionString);
        await using var where = source.CreateCommand("SELECT current_setting('data_directory') || '/' || pg_current_logfile('jsonlog')");
        var executed = new List<Executed>();
        await foreach (var line in File.ReadLinesAsync((string)(await where.ExecuteScalarAsync(ct))!, ct))
        {
            using var entry = JsonDocument.Parse(line);
            if (!entry.RootElement.TryGetProperty("vxid", out var transaction) || !entry.RootElement.TryGetProperty("message", out var message)
                || ExecuteLine().Match(message.GetString()!) is not { Success: true } match)
                continue;
            var parameters = entry.RootElement.TryGetProperty("detail", out var detail)
                ? ParameterValue().Matches(detail.GetString()!).ToDictionary(
                    m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture), m => m.Groups[2].Success ? m.Groups[2].Value.Replace("''", "'") : "NULL")
                : [];
            executed.Add(new Executed(transaction.GetString()!, match.Groups[1].Value, parameters));
        }
        return executed;
    }

    private static string ToScript(Executed statement, BookingId booking, AccountId rider, VehicleId vehicle)
    {
        var sql = Placeholder().Replace(statement.Sql, match =>
        {
            var value = statement.Parameters[int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)];
            return value == "NULL" ? "NULL"
                : value == booking.Value.ToString() ? RandomId("b")
                : value == vehicle.Value.ToString() ? RandomId("v")
                : value == rider.Value.ToString() ? RandomId("r")
                : value.Contains($"booking.vehicle {vehicle}", StringComparison.Ordinal) ? "ARRAY['vehicle ' || :v::bigint, 'rider ' || :r::bigint]" // the locks
                : $"'{value.Replace("'", "''")}'";
        });
        return sql.ReplaceLineEndings(" ").TrimEnd(' ', ';') + ";";
    }

    private static string RandomId(string variable) => $"lpad(to_hex(:{variable}::bigint), 32, '0')::uuid";

    private static async Task<double> PgbenchAsync(BenchPlatform platform, string script, int clients, int seconds, CancellationToken ct)
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, script, ct);
            var target = new NpgsqlConnectionStringBuilder(platform.Postgres.ConnectionString);
            var start = new ProcessStartInfo(platform.Postgres.Binaries.FindTool("pgbench") ?? throw new PlatformStartException("pgbench is not installed."),
                ["-n", "-M", "prepared", "-c", $"{clients}", "-j", "2", "-T", $"{seconds}", "-f", file, "-h", target.Host!, "-p", $"{target.Port}", "-U", target.Username!, target.Database!])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            start.Environment["PGPASSWORD"] = target.Password;
            start.Environment["PGOPTIONS"] = "-c role=mobility_booking -c search_path=booking";
            using var pgbench = Process.Start(start)!;
            var errors = pgbench.StandardError.ReadToEndAsync(ct);
            var output = await pgbench.StandardOutput.ReadToEndAsync(ct);
            await pgbench.WaitForExitAsync(ct);
            return Tps().Match(output) is { Success: true } match
                ? double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)
                : throw new PlatformStartException($"pgbench failed: {output} {await errors}\n{script}");
        }
        finally
        {
            File.Delete(file);
        }
    }

    [GeneratedRegex(@"^duration: [\d.]+ ms  execute [^:]+: (.*)$", RegexOptions.Singleline)]
    private static partial Regex ExecuteLine();

    [GeneratedRegex(@"\$(\d+) = (?:'((?:[^']|'')*)'|NULL)")]
    private static partial Regex ParameterValue();

    [GeneratedRegex(@"\$(\d+)\b")]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"tps = ([\d.]+)")]
    private static partial Regex Tps();
}
