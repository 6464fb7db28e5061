using System.Globalization;
using System.Text;
using Mobility.Edge;
using Mobility.Twin.Replaying;
using Mobility.Twin.Trips;
using static Mobility.Twin.Reporting.Plot;

namespace Mobility.Twin.Reporting;

/// <summary>A replay's report as one HTML file: nothing is loaded from elsewhere and nothing runs in it.</summary>
internal static class ReplayPage
{
    /// <summary>A plot of more hours shows days.</summary>
    public const int HoursMax = 14 * 24;

    private const double LabelWidth = 72;
    private static readonly (double Width, double Height) Wide = (960, 240);
    private static readonly (double Width, double Height) Third = (400, 200);
    private static readonly int[] LabelSteps = [1, 2, 3, 6, 12, 24, 48, 96, 192];

    /// <summary>Writes the file whole or not at all.</summary>
    public static void Write(ReplayReport report, string path) => WholeFile.Write(path, Encoding.UTF8.GetBytes(ToHtml(report)));

    public static string ToHtml(ReplayReport report)
    {
        using var stream = typeof(ReplayPage).Assembly.GetManifestResourceStream("ReplayPage.html")!;
        using var reader = new StreamReader(stream);
        var page = new StringBuilder(reader.ReadToEnd());
        var heading = report.Survey is { } survey ? Say($"{survey.Trips:#,0} {(survey.Trips == 1 ? "trip" : "trips")} in {report.City}") : $"No trips in {report.City}";
        return page
            .Replace("{{title}}", Text($"Replay: {heading}"))
            .Replace("{{heading}}", Text(heading))
            .Replace("{{verdict}}", report.Ok ? "ok" : "failed")
            .Replace("{{about}}", Text(About(report)))
            .Replace("{{body}}", Body(report)) // last, since what is in it is not looked at again
            .ToString();
    }

    private static string About(ReplayReport report)
    {
        var files = string.Join(", ", report.Files.Select(Path.GetFileName));
        return report is { Survey: { } survey, Result.Hours: { Count: > 0 } hours }
            ? Say($"{files} · {hours[0].Hour:d MMMM yyyy HH:mm} to {hours[^1].Hour.AddHours(1):d MMMM yyyy HH:mm} · {survey.Zone.Id}")
            : files;
    }

    private static string Body(ReplayReport report)
    {
        var body = new StringBuilder();
        if (report.Result is { } result)
        {
            Tiles(body, report, result);
            Plots(body, result);
            Requests(body, result);
        }
        if (report.Survey is { } survey)
            Rejected(body, survey);
        if (report.Result is { } lived)
            Problems(body, lived);
        return body.ToString();
    }

    private static void Tiles(StringBuilder body, ReplayReport report, ReplayResult result)
    {
        (string Name, string Value, bool IsBad)[] tiles =
        [
            ("trips completed", Say($"{result.Completed:#,0}"), false),
            ("trips failed", Say($"{result.Failed:#,0}"), result.Failed > 0),
            ("laws broken", Say($"{report.AuditViolations:#,0}"), report.AuditViolations > 0),
            ("captured", Say($"{result.CapturedMinor / 100m:#,0.00} {result.Currency}"), false),
            ("searches", Say($"{result.Searches:#,0}"), false),
            ("relocations", Say($"{result.Relocations:#,0}"), false),
            ("battery swaps", Say($"{result.Swaps:#,0}"), false),
            ("bikes", Say($"{result.Bikes:#,0}"), false),
            ("riders", Say($"{result.Riders:#,0}"), false),
            ("reports over MQTT", Say($"{result.TelemetryMessages:#,0}"), false),
            ("simulated hours", Say($"{result.Simulated.TotalHours:#,0.0}"), false),
            ("trips a second", Say($"{report.TripsPerSecond:0.0}"), false),
        ];
        body.Append("<dl>");
        foreach (var (name, value, isBad) in tiles)
            body.Append($"<div><dt>{name}</dt><dd{(isBad ? " class=\"bad\"" : "")}>{Text(value)}</dd></div>");
        body.Append("</dl>\n");
    }

    private static void Plots(StringBuilder body, ReplayResult result)
    {
        var (rows, per) = result.Hours.Count > HoursMax ? (ByDay(result.Hours), "day") : (result.Hours, "hour");
        Section(body, $"Trips per {per}", $"Completed trips by the {per} in which they began, on the city's clock.",
            Over(rows, per, "trips", row => row.Trips, "trips", Wide));
        var use = HourBook.Utilization(result.Hours, result.Bikes).Select((share, hour) => new PlotBar(
            share, Say($"{hour:00}:00 to {hour + 1:00}:00: {share:0.0 %} of the bikes"), hour % 2 == 0 ? Say($"{hour:00}:00") : null)).ToList();
        Section(body, "Utilization by hour of the day", "Share of all bikes that is under way, on average over the days lived.",
            Bars(use, "Utilization by hour of the day", "use", Wide.Width, Wide.Height, 0, value => Say($"{value * 100:0.##} %")));
        Section(body, $"Revenue per {per}", $"Captured for rides that ended in the {per}, in {result.Currency}.",
            Over(rows, per, result.Currency, row => row.CapturedMinor / 100.0, "money", Wide));
        body.Append("<div class=\"thirds\">");
        Section(body, "Failed trips", Say($"{result.Failed:#,0} in all, by {per}."), Over(rows, per, "failed trips", row => row.Failed, "fault", Third));
        Section(body, "Relocations", Say($"{result.Relocations:#,0} in all, {result.Bought:#,0} with a new bike."),
            Over(rows, per, "relocations", row => row.Relocations, "work", Third));
        Section(body, "Battery swaps", Say($"{result.Swaps:#,0} in all, by {per}."), Over(rows, per, "swaps", row => row.Swaps, "work", Third));
        body.Append("</div>\n");
    }

    private static void Requests(StringBuilder body, ReplayResult result)
    {
        var steps = result.Latencies.OrderByDescending(step => step.Count).ThenBy(step => step.Step, StringComparer.Ordinal).ToList();
        var (smallest, greatest) = (steps.Select(step => step.P50).DefaultIfEmpty(1).Min(), steps.Select(step => step.P99).DefaultIfEmpty(2).Max());
        Section(body, "Time of requests",
            "Milliseconds of the machine's time. The bar reaches from the median (dot) over the 95th of 100 (tick) to the 99th, on a logarithmic scale.",
            Table(["step", "#count", "#p50", "#p95", "#p99", ""], steps.Select(step => (string[])
            [
                Code(step.Step), Say($"{step.Count:#,0}"), Say($"{step.P50:0.0}"), Say($"{step.P95:0.0}"), Say($"{step.P99:0.0}"),
                Spread(step.P50, step.P95, step.P99, smallest, greatest),
            ])));
    }

    private static void Rejected(StringBuilder body, TripSurvey survey)
    {
        var listed = Table(["file", "#line", "reason"], survey.Listed.Select(row => (string[])[Code(row.File), Say($"{row.Line}"), Text(row.Reason)]));
        Section(body, "Rejected rows", Say($"{survey.RejectedTotal:#,0} of {survey.Rows:#,0} rows cannot have happened."),
            survey.RejectedTotal == 0 ? "" : Shares(survey.Rejected, "reason", "share") + First(survey.Listed.Count, "rows", listed));
    }

    private static void Problems(StringBuilder body, ReplayResult result)
    {
        var listed = Table(["file", "#line", "problem"],
            result.Listed.Select(failed => (string[])[Code(failed.Trip.File), Say($"{failed.Trip.Line}"), Text(failed.Detail ?? failed.Code)]));
        if (result.Failed > 0)
            Section(body, "Why trips failed", Say($"{result.Failed:#,0} in all, by step and code."),
                Shares(result.FailedBy, "step and code", "share stop") + First(result.Listed.Count, "failed trips", listed));
        Section(body, "Problems", Say($"{result.Problems.Values.Sum():#,0} requests were refused; most of these end no trip."),
            result.Problems.Count == 0 ? "" : Shares(result.Problems, "step and code", "share"));
    }

    private static void Section(StringBuilder body, string title, string about, string content) =>
        body.Append($"""<section><h2>{Text(title)}</h2><p>{Text(about)}</p><div class="wide">{content}</div></section>""").Append('\n');

    private static string First(int count, string what, string table) => Say($"<details><summary>The first {count} {what}</summary>{table}</details>");

    private static string Shares(IReadOnlyDictionary<string, long> counts, string what, string color)
    {
        var greatest = Math.Max(1, counts.Values.Max());
        return Table([what, "#count", ""], counts.OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (string[])
        [
            Code(pair.Key), Say($"{pair.Value:#,0}"), Say($"<div class=\"track\"><div class=\"{color}\" style=\"width:{100.0 * pair.Value / greatest:0.#}%\"></div></div>"),
        ]));
    }

    /// <summary>Cells are HTML; a head that begins with # stands over numbers.</summary>
    private static string Table(IReadOnlyList<string> heads, IEnumerable<IReadOnlyList<string>> rows)
    {
        var html = new StringBuilder("<table>");
        Append("th", [.. heads.Select(head => head.TrimStart('#'))]);
        foreach (var row in rows)
            Append("td", row);
        return html.Append("</table>").ToString();

        void Append(string tag, IReadOnlyList<string> cells)
        {
            html.Append("<tr>");
            for (var index = 0; index < cells.Count; index++)
                html.Append($"<{tag}{(heads[index].StartsWith('#') ? " class=\"number\"" : "")}>{cells[index]}</{tag}>");
            html.Append("</tr>");
        }
    }

    private static string Code(string text) => $"<code>{Text(text)}</code>";

    private static string Over(
        IReadOnlyList<HourCount> rows, string per, string unit, Func<HourCount, double> value, string color, (double Width, double Height) size)
    {
        if (rows.Count == 0)
            return "";
        var step = LabelSteps.FirstOrDefault(step => rows.Count / step * LabelWidth < size.Width, LabelSteps[^1]);
        var bars = rows.Select((row, index) =>
            new PlotBar(value(row), Say($"{When(row.Hour)}: {value(row):#,0.##} {unit}"), LabelOf(row.Hour, index))).ToList();
        return Bars(bars, $"{unit} per {per}", color, size.Width, size.Height, 1, number => Say($"{number:#,0.##}"));

        string When(DateTime hour) => per == "day" ? Say($"{hour:ddd d MMM yyyy}") : Say($"{hour:ddd d MMM HH:mm}");

        // Hours are labeled where the day's clock is even, days from the first on.
        string? LabelOf(DateTime hour, int index) => per == "day" ? (index % step == 0 ? Say($"{hour:d MMM}") : null)
            : step >= 24 ? (hour.Hour == 0 && (hour - rows[0].Hour.Date).Days % (step / 24) == 0 ? Say($"{hour:d MMM}") : null)
            : hour.Hour % step == 0 ? (hour.Hour == 0 ? Say($"{hour:d MMM}") : Say($"{hour:HH:mm}")) : null;
    }

    private static IReadOnlyList<HourCount> ByDay(IReadOnlyList<HourCount> hours) => [.. hours.GroupBy(hour => hour.Hour.Date).Select(day => new HourCount
    {
        Hour = day.Key,
        Trips = day.Sum(hour => hour.Trips),
        Failed = day.Sum(hour => hour.Failed),
        Relocations = day.Sum(hour => hour.Relocations),
        Swaps = day.Sum(hour => hour.Swaps),
        CapturedMinor = day.Sum(hour => hour.CapturedMinor),
        RiddenSeconds = day.Sum(hour => hour.RiddenSeconds),
    })];

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
