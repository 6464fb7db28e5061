using System.Globalization;
using System.Text;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace Mobility.Platform.Observability;

/// <summary>
/// Turns the SDK's aggregated metrics into the Prometheus text format 0.0.4. Names follow the OpenTelemetry rules for Prometheus: dots become underscores,
/// the unit is a suffix, sums that only grow end in <c>_total</c>; values are scaled to base units. Series per metric are bounded by the SDK (2,000; what is
/// more is one series marked as overflow).
/// </summary>
[ExportModes(ExportModes.Pull)]
internal sealed class PrometheusText : BaseExporter<Metric>, IPullMetricExporter
{
    /// <summary>The text of the last collection.</summary>
    public string Text { get; private set; } = "";

    /// <inheritdoc/>
    public Func<int, bool>? Collect { get; set; }

    /// <inheritdoc/>
    public override ExportResult Export(in Batch<Metric> batch)
    {
        var families = new SortedDictionary<string, List<Metric>>(StringComparer.Ordinal);
        foreach (var metric in batch)
        {
            var name = NameOf(metric.Name, metric.Unit, metric.MetricType);
            if (!families.TryGetValue(name, out var family))
                families.Add(name, family = []);
            family.Add(metric);
        }
        var text = new StringBuilder(64 * 1024);
        foreach (var (name, family) in families)
            WriteFamily(text, name, family);
        Text = text.ToString();
        return ExportResult.Success;
    }

    /// <summary>The Prometheus name of an instrument.</summary>
    internal static string NameOf(string instrument, string? unit, MetricType type)
    {
        var name = Clean(instrument);
        // Prometheus keeps these endings for the parts of a histogram and for counters.
        if (!type.IsHistogram() && name.EndsWith("_count", StringComparison.Ordinal))
            name = name[^7] == 'y' ? $"{name[..^7]}ies" : $"{name[..^6]}s";
        if (name.EndsWith("_total", StringComparison.Ordinal))
            name = name[..^6];
        var (suffix, _) = UnitOf(unit, type);
        if (suffix.Length > 0 && !name.EndsWith($"_{suffix}", StringComparison.Ordinal))
            name = $"{name}_{suffix}";
        return IsCounter(type) ? $"{name}_total" : name;
    }

    /// <summary>Escapes a label's value.</summary>
    internal static string Escape(string value) =>
        value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);

    private static void WriteFamily(StringBuilder text, string name, List<Metric> family)
    {
        var first = family[0];
        var written = new HashSet<string>(StringComparer.Ordinal);
        foreach (var metric in family)
        {
            if (metric.MetricType.IsHistogram() != first.MetricType.IsHistogram() || IsCounter(metric.MetricType) != IsCounter(first.MetricType))
                continue; // one name, one type: whoever came first
            var scale = UnitOf(metric.Unit, metric.MetricType).Scale;
            foreach (ref readonly var point in metric.GetMetricPoints())
            {
                var labels = LabelsOf(point.Tags);
                if (!written.Add(labels))
                    continue; // two meters measure the same thing
                if (written.Count == 1)
                {
                    var help = string.IsNullOrWhiteSpace(first.Description) ? first.Name : first.Description;
                    text.Append("# HELP ").Append(name).Append(' ')
                        .Append(help.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)).Append('\n')
                        .Append("# TYPE ").Append(name).Append(' ')
                        .Append(first.MetricType.IsHistogram() ? "histogram" : IsCounter(first.MetricType) ? "counter" : "gauge").Append('\n');
                }
                if (metric.MetricType.IsHistogram())
                    WriteHistogram(text, name, labels, point, scale);
                else
                    WriteSample(text, name, labels, ValueOf(metric.MetricType, point) * scale);
            }
        }
    }

    private static void WriteHistogram(StringBuilder text, string name, string labels, in MetricPoint point, double scale)
    {
        var cumulative = 0L;
        var separator = labels.Length > 0 ? "," : "";
        foreach (var bucket in point.GetHistogramBuckets())
        {
            cumulative += bucket.BucketCount;
            WriteSample(text, $"{name}_bucket", $"{labels}{separator}le=\"{Number(bucket.ExplicitBound * scale)}\"", cumulative);
        }
        WriteSample(text, $"{name}_sum", labels, point.GetHistogramSum() * scale);
        WriteSample(text, $"{name}_count", labels, cumulative); // of the same buckets, so that it equals the last one
    }

    private static void WriteSample(StringBuilder text, string name, string labels, double value)
    {
        text.Append(name);
        if (labels.Length > 0)
            text.Append('{').Append(labels).Append('}');
        text.Append(' ').Append(Number(value)).Append('\n');
    }

    private static double ValueOf(MetricType type, in MetricPoint point) => type switch
    {
        MetricType.LongSum or MetricType.LongSumNonMonotonic => point.GetSumLong(),
        MetricType.DoubleSum or MetricType.DoubleSumNonMonotonic => point.GetSumDouble(),
        MetricType.LongGauge => point.GetGaugeLastValueLong(),
        _ => point.GetGaugeLastValueDouble(),
    };

    private static bool IsCounter(MetricType type) => type is MetricType.LongSum or MetricType.DoubleSum;

    private static string LabelsOf(ReadOnlyTagCollection tags)
    {
        if (tags.Count == 0)
            return "";
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in tags)
            labels.TryAdd(Clean(key), Convert.ToString(value, CultureInfo.InvariantCulture) ?? "");
        return string.Join(',', labels.Select(label => $"{label.Key}=\"{Escape(label.Value is "True" or "False" ? label.Value.ToLowerInvariant() : label.Value)}\""));
    }

    private static string Clean(string name)
    {
        var clean = new StringBuilder(name.Length + 1);
        if (char.IsAsciiDigit(name[0]))
            clean.Append('_');
        foreach (var letter in name)
        {
            var kept = char.IsAsciiLetterOrDigit(letter) ? letter : '_';
            if (kept != '_' || clean.Length == 0 || clean[^1] != '_')
                clean.Append(kept);
        }
        return clean.ToString();
    }

    private static string Number(double value) =>
        double.IsPositiveInfinity(value) ? "+Inf" : double.IsNegativeInfinity(value) ? "-Inf" : value.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>UCUM units as instruments use them: the suffix, and what a value is multiplied with to be in base units.</summary>
    private static (string Suffix, double Scale) UnitOf(string? unit, MetricType type) => unit switch
    {
        null or "" => ("", 1),
        "1" => (IsCounter(type) || type.IsHistogram() ? "" : "ratio", 1),
        "%" => ("ratio", 0.01),
        "s" => ("seconds", 1),
        "ms" => ("seconds", 1e-3),
        "us" => ("seconds", 1e-6),
        "ns" => ("seconds", 1e-9),
        "min" => ("seconds", 60),
        "h" => ("seconds", 3600),
        "d" => ("seconds", 86_400),
        "By" => ("bytes", 1),
        "KiBy" => ("bytes", 1024),
        "MiBy" => ("bytes", 1024 * 1024),
        "m" => ("meters", 1),
        "km" => ("meters", 1000),
        "m/s" => ("meters_per_second", 1),
        "J" => ("joules", 1),
        "W" => ("watts", 1),
        "V" => ("volts", 1),
        "Cel" => ("celsius", 1),
        _ when unit[0] == '{' => ("", 1), // a count of things; the name says of which
        _ => (Clean(unit).Trim('_'), 1),
    };
}
