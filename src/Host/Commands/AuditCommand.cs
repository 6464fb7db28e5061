using System.CommandLine;
using System.Text.Json;

namespace Mobility.Host.Commands;

/// <summary>Checks the laws on a database, live or stopped.</summary>
internal static class AuditCommand
{
    private const int ShownMax = 20;

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

    private static async Task<int> RunAsync(string dataDirectory, string? external, bool json, CancellationToken ct)
    {
        var report = await Steps.ShowAsync(async progress =>
        {
            await using var database = await PlatformDatabase.AttachAsync(dataDirectory, external, progress, ct);
            var options = new MobilityAppOptions { ConnectionString = database.ConnectionString, Settings = PlatformOptions.FileSettings() };
            await using var app = MobilityApp.Create(options);
            return await LawAudit.RunAsync(app, database.ConnectionString, TimeProvider.System.GetUtcNow(), progress, ct);
        });
        Write(report);
        if (json)
            Console.WriteLine(ToJson(report));
        return report.ViolationCount == 0 ? ExitCodes.Done : ExitCodes.Failed;
    }

    /// <summary>The report for people.</summary>
    internal static void Write(AuditReport report)
    {
        foreach (var line in report.Lines)
        {
            Console.WriteLine($"{(line.Violations.Count == 0 ? "ok    " : "BROKEN")}  {line.Module,-14} {line.Name,-32} {line.Law}");
            foreach (var violation in line.Violations.Take(ShownMax))
                Console.WriteLine($"        {violation}");
            if (line.Violations.Count > ShownMax)
                Console.WriteLine($"        and {line.Violations.Count - ShownMax} more");
        }

        foreach (var lag in report.Lags)
            Console.WriteLine($"lag     {lag}");
        Console.WriteLine($"{report.Lines.Count} checks, {report.ViolationCount} violations");
    }

    /// <summary>The report for programs, on one line.</summary>
    internal static string ToJson(AuditReport report) => JsonSerializer.Serialize(new
    {
        audit = report.ViolationCount == 0 ? "ok" : "failed",
        checks = report.Lines.Count,
        violations = report.ViolationCount,
        broken = report.Lines.Where(line => line.Violations.Count > 0).ToDictionary(line => $"{line.Module}.{line.Name}", line => line.Violations),
        lag = report.Lags,
    });
}
