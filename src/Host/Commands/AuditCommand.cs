using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using Mobility.Platform;
using Mobility.Platform.Modules;
using Npgsql;

namespace Mobility.Host.Commands;

/// <summary>Checks the laws on a database, live or stopped.</summary>
internal static class AuditCommand
{
    private const int ShownMax = 20;
    private static readonly TimeSpan TellEvery = TimeSpan.FromSeconds(2);

    public static Command Create()
    {
        var data = PlatformOptions.Data();
        var database = PlatformOptions.Database();
        var json = PlatformOptions.Json();
        var command = new Command("audit", "Check the laws on a database, live or stopped; exit code 1 and the offending ids when one is broken.") { data, database, json };
        command.SetAction((parsed, ct) =>
            RunAsync(Path.GetFullPath(parsed.GetRequiredValue(data)), parsed.GetValue(database), parsed.GetValue(json), ct));
        return command;
    }

    /// <summary>Every law of every module, told step by step.</summary>
    /// <param name="app">Need not be started.</param>
    /// <param name="now">The instant that laws about time are judged at.</param>
    /// <param name="progress">Hears what is being checked.</param>
    /// <param name="ct">Gives up.</param>
    public static async Task<IReadOnlyList<AuditResult>> CheckAsync(MobilityApp app, DateTimeOffset now, IProgress<string> progress, CancellationToken ct)
    {
        var results = new List<AuditResult>();
        progress.Report("Checking the laws");
        var told = Stopwatch.GetTimestamp();
        await foreach (var result in Auditor.RunAsync(app.Modules, app.Web.Services, now, ct))
        {
            results.Add(result);
            if (Stopwatch.GetElapsedTime(told) < TellEvery)
                continue;
            progress.Report($"Checking the laws ({results.Count} checked, last {result.Name})");
            told = Stopwatch.GetTimestamp();
        }

        progress.Report("Checking the laws between modules");
        await foreach (var result in JointLaws.RunAsync(app, app.ConnectionString, now, ct))
            results.Add(result);
        return results;
    }

    /// <summary>The report for people.</summary>
    public static void Write(IReadOnlyList<AuditResult> results, TextWriter output)
    {
        foreach (var result in results)
        {
            output.WriteLine($"{(result.Violations.Count == 0 ? "ok    " : "BROKEN")}  {result.Name,-40} {result.Law}");
            foreach (var violation in result.Violations.Take(ShownMax))
                output.WriteLine($"          {violation}");
            if (result.Violations.Count > ShownMax)
                output.WriteLine($"          and {result.Violations.Count - ShownMax} more");
            if (result.Note is not null)
                output.WriteLine($"          {result.Note}");
        }

        output.WriteLine($"{results.Count} checks, {CountViolations(results)} violations");
    }

    /// <summary>The report for programs, on one line.</summary>
    public static string ToJson(IReadOnlyList<AuditResult> results) => JsonSerializer.Serialize(new
    {
        audit = CountViolations(results) == 0 ? "ok" : "failed",
        checks = results.Count,
        violations = CountViolations(results),
        broken = results.Where(result => result.Violations.Count > 0).ToDictionary(result => result.Name, result => result.Violations),
        notes = results.Where(result => result.Note is not null).ToDictionary(result => result.Name, result => result.Note),
    });

    public static int CountViolations(IReadOnlyList<AuditResult> results) => results.Sum(result => result.Violations.Count);

    private static async Task<int> RunAsync(string dataDirectory, string? external, bool json, CancellationToken ct)
    {
        var results = await Steps.ShowAsync(async progress =>
        {
            await using var database = await PlatformDatabase.AttachAsync(dataDirectory, external, progress, ct);
            await RequireMigratedAsync(database.ConnectionString, ct);
            var options = new MobilityAppOptions { ConnectionString = database.ConnectionString, Settings = PlatformOptions.Settings() };
            await using var app = MobilityApp.Create(options);
            return await CheckAsync(app, TimeProvider.System.GetUtcNow(), progress, ct);
        });
        Write(results, json ? Console.Error : Console.Out);
        if (json)
            Console.WriteLine(ToJson(results));
        return CountViolations(results) == 0 ? ExitCodes.Done : ExitCodes.Failed;
    }

    private static async Task RequireMigratedAsync(string connectionString, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(ct);
        await using var command = new NpgsqlCommand("SELECT to_regclass('platform.migrations') IS NOT NULL", connection);
        if (await command.ExecuteScalarAsync(ct) is not true)
            throw new PlatformStartException("The database holds no platform yet; ./mobility up makes one.");
    }
}
