using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;

namespace Mobility.Platform.Observability;

/// <summary>How log lines look.</summary>
public sealed class LogLineOptions : ConsoleFormatterOptions
{
    /// <summary>One JSON object per line, for machines; otherwise one line of text.</summary>
    public bool Json { get; set; }
}

/// <summary>
/// Writes each entry as one line: instant (UTC), level, category, event id, sentence, trace and span, correlation, and for JSON the values. Personal data is
/// kept out by <see cref="LogScrubber"/>.
/// </summary>
public sealed class LogLine(IOptionsMonitor<LogLineOptions> options, TimeProvider clock) : ConsoleFormatter(FormatterName)
{
    /// <summary>Its name among the console's formatters.</summary>
    public const string FormatterName = "mobility";

    private const int ExceptionsMax = 5;
    private static readonly JsonWriterOptions JsonOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly Func<ILogger, string?, IDisposable?> CorrelationScope = LoggerMessage.DefineScope<string?>("{Correlation}");

    /// <summary>What is logged inside belongs to a flow, in whatever process and however much later.</summary>
    internal static IDisposable? Correlate(ILogger log, string? correlation) => correlation is null ? null : CorrelationScope(log, correlation);

    /// <inheritdoc/>
    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var values = logEntry.State as IReadOnlyList<KeyValuePair<string, object?>> ?? [];
        var template = values.Count > 0 && values[^1] is { Key: "{OriginalFormat}", Value: string text } ? text : null;
        var sentence = template is null
            ? LogScrubber.Clean(logEntry.Formatter(logEntry.State, logEntry.Exception))
            : LogScrubber.Fill(template, values);
        var scope = new Dictionary<string, object?>(StringComparer.Ordinal);
        scopeProvider?.ForEachScope(Collect, scope);
        if (options.CurrentValue.Json)
            WriteJson(textWriter, logEntry, sentence, values, scope);
        else
            WriteText(textWriter, logEntry, sentence, scope);
        textWriter.Write('\n');
    }

    private static void Collect(object? scope, Dictionary<string, object?> found)
    {
        foreach (var (name, value) in scope as IEnumerable<KeyValuePair<string, object?>> ?? [])
            if (LogScrubber.Names.Contains(name))
                found[name] = value;
    }

    private void WriteText<TState>(TextWriter writer, in LogEntry<TState> entry, string sentence, Dictionary<string, object?> scope)
    {
        writer.Write(clock.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
        writer.Write($" {LevelOf(entry.LogLevel),-5} {entry.Category}[{entry.EventId.Id.ToString(CultureInfo.InvariantCulture)}] ");
        writer.Write(OneLine(sentence));
        if (Activity.Current is { } activity)
            writer.Write($" trace={activity.TraceId}");
        if (scope.GetValueOrDefault("Correlation") is string correlation && correlation != Activity.Current?.TraceId.ToString())
            writer.Write($" correlation={LogScrubber.Clean(correlation)}");
        if (entry.Exception is { } exception)
            writer.Write($" {OneLine(Describe(exception))}");
    }

    private void WriteJson<TState>(
        TextWriter writer, in LogEntry<TState> entry, string sentence, IReadOnlyList<KeyValuePair<string, object?>> values, Dictionary<string, object?> scope)
    {
        using var bytes = new MemoryStream(512);
        using (var json = new Utf8JsonWriter(bytes, JsonOptions))
        {
            json.WriteStartObject();
            json.WriteString("timestamp", clock.GetUtcNow().UtcDateTime);
            json.WriteString("level", LevelOf(entry.LogLevel));
            json.WriteString("category", entry.Category);
            json.WriteNumber("event_id", entry.EventId.Id);
            if (entry.EventId.Name is { } eventName)
                json.WriteString("event", eventName);
            json.WriteString("message", sentence);
            if (Activity.Current is { } activity)
            {
                json.WriteString("trace_id", activity.TraceId.ToString());
                json.WriteString("span_id", activity.SpanId.ToString());
            }
            if ((scope.GetValueOrDefault("Correlation") ?? Activity.Current?.TraceId.ToString()) is { } correlation)
                json.WriteString("correlation", LogScrubber.Show("Correlation", correlation));
            json.WriteStartObject("fields");
            foreach (var (name, value) in scope.Where(s => s.Key != "Correlation"))
                json.WriteString(name, LogScrubber.Show(name, value));
            foreach (var (name, value) in values.Where(v => v.Key != "{OriginalFormat}" && !scope.ContainsKey(v.Key)).DistinctBy(v => v.Key))
                WriteField(json, name, value);
            json.WriteEndObject();
            if (entry.Exception is { } exception)
            {
                json.WriteStartObject("exception");
                json.WriteString("type", exception.GetType().FullName);
                json.WriteString("message", LogScrubber.Clean(exception.Message));
                json.WriteString("detail", Describe(exception));
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        writer.Write(Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length));
    }

    private static void WriteField(Utf8JsonWriter json, string name, object? value)
    {
        switch (value)
        {
            case null:
                json.WriteNull(name);
                break;
            case bool flag:
                json.WriteBoolean(name, flag);
                break;
            case int or long or short or byte:
                json.WriteNumber(name, Convert.ToInt64(value, CultureInfo.InvariantCulture));
                break;
            default:
                json.WriteString(name, LogScrubber.Show(name, value));
                break;
        }
    }

    /// <summary>Types, messages without personal data, and where it happened.</summary>
    private static string Describe(Exception exception)
    {
        var text = new StringBuilder();
        var current = exception;
        for (var depth = 0; current is not null && depth < ExceptionsMax; depth++, current = current.InnerException)
            text.Append(depth == 0 ? "" : "\n caused by ").Append(current.GetType().FullName).Append(": ").Append(LogScrubber.Clean(current.Message))
                .Append('\n').Append(current.StackTrace);
        return text.ToString();
    }

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");

    private static string LevelOf(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "error",
        _ => "fatal",
    };
}

/// <summary>How a process gets its log.</summary>
public static class LogLines
{
    private static readonly string[] Talkative = ["Microsoft.AspNetCore", "System.Net.Http.HttpClient"];

    /// <summary>Logs to standard error, since standard output is for what a command answers.</summary>
    /// <param name="logging">The process's logging.</param>
    /// <param name="configuration"><c>Logging:Format</c> and <c>Logging:LogLevel</c>.</param>
    public static void AddLogLines(this ILoggingBuilder logging, IConfiguration configuration)
    {
        // The framework tells of each request four times; the metrics say it better, and cheaper.
        foreach (var category in Talkative.Where(c => configuration[$"Logging:LogLevel:{c}"] is null))
            logging.AddFilter(category, LogLevel.Warning);
        var format = configuration["Logging:Format"];
        logging.ClearProviders();
        logging.AddConsole(console =>
        {
            console.FormatterName = LogLine.FormatterName;
            console.LogToStandardErrorThreshold = LogLevel.Trace;
        });
        logging.AddConsoleFormatter<LogLine, LogLineOptions>(line => line.Json = string.Equals(format, "json", StringComparison.OrdinalIgnoreCase));
        // The line reads the activity itself.
        logging.Services.Configure<LoggerFactoryOptions>(factory => factory.ActivityTrackingOptions = ActivityTrackingOptions.None);
    }
}
