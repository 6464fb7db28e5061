using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.RegularExpressions;
using Mobility.Platform.Observability;
using Mobility.Tests.Support;
using OpenTelemetry.Metrics;

namespace Mobility.Tests.Observability;

/// <summary>
/// Other tests stop hosts of their own in this process, and OpenTelemetry then drops the metrics that have the same name here (its issue 6412). The platform is one host in
/// a process, so only its tests must wait until no other host stops.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class NoHostStopsMeanwhile
{
    public const string Name = "no host stops meanwhile";
}

/// <summary>What a scraper reads.</summary>
[Collection(NoHostStopsMeanwhile.Name)]
public sealed partial class MetricsTests(ObservedFixture fixture) : IClassFixture<ObservedFixture>
{
    [Fact, Trait("Req", "OBS-2")]
    public async Task Metrics_pass_promtool()
    {
        using var meter = new Meter("Mobility.Test");
        meter.CreateCounter<long>("mobility.test.odd", "By", "Has a \\ and a\nnew line.").Add(5, new KeyValuePair<string, object?>("odd.label", "a \"quoted\"\n\\ value"));
        meter.CreateHistogram<double>("mobility.test.wait", "ms", "Milliseconds become seconds.").Record(20);
        meter.CreateUpDownCounter<int>("mobility.test.entry.count", "{entry}").Add(3);
        await fixture.Http.PostAsJsonAsync("/v1/notes", new { text = "measured" });
        await fixture.Http.GetAsync("/v1/nowhere");
        var text = await ScrapeAsync("mobility_test_entries 3");

        var (exitCode, output) = await RunPromtoolAsync(text);

        output.ShouldBe("");
        exitCode.ShouldBe(0);
    }

    [Fact, Trait("Req", "OBS-2")]
    public async Task Requests_database_operations_and_the_bus_are_measured()
    {
        await fixture.Http.PostAsJsonAsync("/v1/notes", new { text = "heard" });
        await ScrapeAsync("mobility_bus_delivered_total{subscription=\"observed.hear\"}"); // perhaps another test's note
        var text = await ScrapeAsync("mobility_bus_lag{subscription=\"observed.hear\"} 0");

        text.ShouldMatch("""http_server_request_duration_seconds_bucket\{http_request_method="POST",http_response_status_code="201",http_route="/v1/notes".*le="0.02"\} \d""");
        text.ShouldContain("# TYPE http_server_request_duration_seconds histogram");
        text.ShouldContain("# TYPE db_client_operation_duration_seconds histogram");
        text.ShouldContain("# TYPE dotnet_gc_collections_total counter");
        text.ShouldContain("mobility_bus_lag{subscription=\"observed.hear\"} 0");
        text.ShouldContain("mobility_view_lag_age_seconds{view=\"observed.view:note_list\"} 0");
        text.ShouldNotContain("Password");
    }

    [Fact, Trait("Req", "OBS-2")]
    public async Task Buckets_are_cumulative_and_end_with_the_count()
    {
        using var meter = new Meter("Mobility.TestBuckets");
        var histogram = meter.CreateHistogram<double>("mobility.test.span", "s");
        foreach (var value in (double[])[0.002, 0.002, 0.02, 7, 700])
            histogram.Record(value);
        var text = await ScrapeAsync("mobility_test_span_seconds_count");
        var buckets = Bucket().Matches(text).Select(m => (Bound: m.Groups[1].Value, Count: long.Parse(m.Groups[2].Value, CultureInfo.InvariantCulture))).ToArray();

        buckets.Select(b => b.Count).ShouldBeInOrder();
        buckets[^1].ShouldBe(("+Inf", 5L));
        buckets.Single(b => b.Bound == "0.02").Count.ShouldBe(3);
        text.ShouldContain("mobility_test_span_seconds_count 5");
        text.ShouldContain("mobility_test_span_seconds_sum 707.024");
    }

    [Theory]
    [InlineData("http.server.request.duration", "s", MetricType.Histogram, "http_server_request_duration_seconds")]
    [InlineData("mobility.bus.parked", "{message}", MetricType.LongSum, "mobility_bus_parked_total")]
    [InlineData("dotnet.process.cpu.count", "{cpu}", MetricType.LongSumNonMonotonic, "dotnet_process_cpus")]
    [InlineData("dotnet.assembly.count", "{assembly}", MetricType.LongSumNonMonotonic, "dotnet_assemblies")]
    [InlineData("dotnet.gc.heap.total_allocated", "By", MetricType.LongSum, "dotnet_gc_heap_total_allocated_bytes_total")]
    [InlineData("already_total", null, MetricType.DoubleSum, "already_total")]
    [InlineData("share", "%", MetricType.DoubleGauge, "share_ratio")]
    [InlineData("9 odd--name", "1", MetricType.DoubleGauge, "_9_odd_name_ratio")]
    public void Names_take_the_form_that_Prometheus_expects(string instrument, string? unit, MetricType type, string expected) =>
        PrometheusText.NameOf(instrument, unit, type).ShouldBe(expected);

    [Fact]
    public async Task Scrapes_at_the_same_time_take_turns()
    {
        var texts = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => fixture.Http.GetStringAsync("/metrics")));

        foreach (var text in texts)
            text.ShouldEndWith("\n");
    }

    private Task<string> ScrapeAsync(string expected) =>
        Eventually.GetAsync(() => fixture.Http.GetStringAsync("/metrics"), text => text.Contains(expected, StringComparison.Ordinal), expected);

    private static async Task<(int ExitCode, string Output)> RunPromtoolAsync(string text)
    {
        using var promtool = Process.Start(new ProcessStartInfo(FindPromtool(), "check metrics")
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        await promtool.StandardInput.WriteAsync(text);
        promtool.StandardInput.Close();
        var output = await promtool.StandardOutput.ReadToEndAsync() + await promtool.StandardError.ReadToEndAsync();
        await promtool.WaitForExitAsync();
        return (promtool.ExitCode, output);
    }

    private static string FindPromtool()
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/bin").Append("/var/lib/mobility/tools/bin");
        return folders.Select(folder => Path.Combine(folder, "promtool")).FirstOrDefault(File.Exists)
            ?? throw new InvalidOperationException("promtool is not installed (Debian package prometheus); ./mobility test installs it.");
    }

    [GeneratedRegex("""^mobility_test_span_seconds_bucket\{le="([^"]+)"\} (\d+)$""", RegexOptions.Multiline)]
    private static partial Regex Bucket();
}
