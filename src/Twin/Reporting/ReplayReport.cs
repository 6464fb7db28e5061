using System.Globalization;
using System.Text.Json;
using Mobility.Twin.Replaying;
using Mobility.Twin.Trips;

namespace Mobility.Twin.Reporting;

/// <summary>What a replay came to, for people and for programs.</summary>
/// <param name="Survey">What the files hold; null when they could not be read.</param>
/// <param name="Result">What living the trips came to; null when it did not come to that.</param>
/// <param name="AuditViolations">Of all laws; null when they were not checked.</param>
/// <param name="Living">Wall time from the first trip to the last.</param>
/// <param name="Wall">Wall time of everything.</param>
public sealed record ReplayReport(TripSurvey? Survey, ReplayResult? Result, int? AuditViolations, TimeSpan Living, TimeSpan Wall)
{
    private const int HoursInLine = 6;
    private const int RowsInText = 20;

    /// <summary>The files that were given.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>The city's id.</summary>
    public string City { get; init; } = ReplayCity.DefaultId.Value;

    /// <summary>Whether every trip was completed and every law holds.</summary>
    public bool Ok => Result is { IsOver: true, Failed: 0 } result && result.Completed == Survey?.Trips && AuditViolations == 0;

    /// <summary>Trips that this run lived in a second of wall time.</summary>
    public double TripsPerSecond =>
        Result is { } result && Living > TimeSpan.Zero ? (result.Completed + result.Failed - result.FinishedBefore) / Living.TotalSeconds : 0;

    /// <summary>Writes the summary for people.</summary>
    public void Write(TextWriter output)
    {
        if (Survey is { } survey)
            Write(survey, output);
        if (Result is { } result)
            Write(result, output);
    }

    /// <summary>Writes the page with plots: one HTML file that needs nothing else.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be.</exception>
    public void WritePage(string path) => ReplayPage.Write(this, path);

    /// <summary>The one line for programs.</summary>
    /// <param name="rows">Where there is no survey: rows that were read.</param>
    /// <param name="rejected">Where there is no survey: rows that were rejected.</param>
    public string ToJson(long rows = 0, long rejected = 0) => JsonSerializer.Serialize(new
    {
        replay = Ok ? "ok" : "failed",
        rows = Survey?.Rows ?? rows,
        rejected = Survey?.RejectedTotal ?? rejected,
        trips = Survey?.Trips ?? 0,
        completed = Result?.Completed ?? 0,
        failed = Result?.Failed ?? 0,
        relocations = Result?.Relocations ?? 0,
        swaps = Result?.Swaps ?? 0,
        telemetry_messages = Result?.TelemetryMessages ?? 0,
        captured_minor = Result?.CapturedMinor ?? 0,
        audit_violations = AuditViolations,
        simulated_seconds = Math.Round(Result?.Simulated.TotalSeconds ?? 0),
        wall_seconds = Math.Round(Wall.TotalSeconds, 1),
        trips_per_second = Math.Round(TripsPerSecond, 1),
    });

    private static void Write(TripSurvey survey, TextWriter output)
    {
        Line(output, $"rows          {survey.Rows}");
        Line(output, $"rejected      {survey.RejectedTotal}");
        foreach (var (code, count) in survey.Rejected)
            Line(output, $"  {count,8}  {code}");
        foreach (var row in survey.Listed.Take(RowsInText))
            Line(output, $"            {row.File} line {row.Line}: {row.Reason}");
        if (survey.RejectedTotal > RowsInText)
            Line(output, $"            and {survey.RejectedTotal - RowsInText} more; the page lists {(survey.RejectedTotal > survey.Listed.Count ? $"the first {survey.Listed.Count}" : "all")}");
        Line(output, $"trips         {survey.Trips} at {survey.Stations.Count} stations, at most {survey.PeakUnderWay} within a minute");
    }

    private void Write(ReplayResult result, TextWriter output)
    {
        Line(output, $"completed     {result.Completed}, of them {result.EndedByPlatform} ended by the platform after its longest ride");
        Line(output, $"failed        {result.Failed}");
        foreach (var (reason, count) in result.FailedBy)
            Line(output, $"  {count,8}  {reason}");
        foreach (var failed in result.Listed)
            Line(output, $"            {failed.Trip.File} line {failed.Trip.Line}: {failed.Detail}");
        Line(output, $"problems      {result.Problems.Values.Sum()} requests were refused; most of these end no trip");
        foreach (var (problem, count) in result.Problems)
            Line(output, $"  {count,8}  {problem}");
        Line(output, $"riders        {result.Riders}");
        Line(output, $"bikes         {result.Bikes}");
        Line(output, $"searches      {result.Searches}");
        Line(output, $"relocations   {result.Relocations}, of them {result.Bought} with a new bike");
        Line(output, $"swaps         {result.Swaps}");
        Line(output, $"telemetry     {result.TelemetryMessages} reports over MQTT");
        Line(output, $"captured      {result.CapturedMinor / 100m:0.00} {result.Currency}");
        Line(output, $"utilization   share of bikes under way by hour of the city's day");
        foreach (var line in HourBook.Utilization(result.Hours, result.Bikes).Select(Cell).Chunk(HoursInLine))
            Line(output, $"  {string.Concat(line)}");
        Line(output, $"time          {result.Simulated.TotalHours:0.0} hours lived in {Living.TotalSeconds:0.0} s, {TripsPerSecond:0.0} trips/s");
        Line(output, $"requests          count   p50 ms   p95 ms   p99 ms");
        foreach (var step in result.Latencies)
            Line(output, $"  {step.Step,-18}{step.Count,8}{step.P50,9:0.0}{step.P95,9:0.0}{step.P99,9:0.0}");
    }

    private static string Cell(double? share, int hour) =>
        string.Create(CultureInfo.InvariantCulture, $"{hour,6:00}{(share is { } known ? known.ToString("0.0 %", CultureInfo.InvariantCulture) : "-"),8}");

    private static void Line(TextWriter output, FormattableString line) => output.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
