using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Mobility.Platform.Observability;

/// <summary>
/// Traces and metrics of the process, by the OpenTelemetry SDK over the framework's own sources and meters. Traces leave by OTLP, and are not made at all when
/// no collector is configured; metrics are aggregated in memory and read at <c>GET /metrics</c>.
/// </summary>
public sealed class SignalExport : IDisposable
{
    /// <summary>The share of traces that is recorded when configuration names no other (<c>Otlp:SampleRatio</c>).</summary>
    public const double SampleRatioDefault = 0.05;

    /// <summary>A text this young answers the next scrape too, so that an open endpoint cannot be made to work without end.</summary>
    public static readonly TimeSpan TextLivesFor = TimeSpan.FromMilliseconds(250);

    private static readonly TimeSpan CollectWithin = TimeSpan.FromSeconds(5);
    private static readonly string[] Sources = ["Mobility.*", "Microsoft.AspNetCore", "System.Net.Http", "Npgsql"];
    private static readonly string[] Meters =
        ["Mobility.*", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime", "Npgsql"];

    /// <summary>Measured at every statement, and told by other signals already.</summary>
    private static readonly string[] Unused =
        ["db.client.operation.npgsql.executing", "db.client.operation.npgsql.bytes_written", "db.client.operation.npgsql.bytes_read"];

    /// <summary>Bounds in seconds; fine where our aims lie (5 to 50 ms).</summary>
    private static readonly double[] SecondsBounds = [0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private readonly SemaphoreSlim _oneScrape = new(1);
    private readonly PrometheusText _text = new();
    private readonly MeterProvider _meters;
    private readonly TracerProvider? _tracer;
    private long _collectedAt;

    /// <summary>Begins to listen.</summary>
    public SignalExport(IConfiguration configuration)
    {
        var resource = ResourceBuilder.CreateDefault().AddService("mobility", serviceVersion: VersionOf(typeof(SignalExport).Assembly));
        _meters = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter(Meters).AddView(ViewOf)
            .AddReader(new BaseExportingMetricReader(_text)).Build();
        if (EndpointOf(configuration) is not { } endpoint)
            return;
        var ratio = Math.Clamp(configuration.GetValue("Otlp:SampleRatio", SampleRatioDefault), 0, 1);
        var http = string.Equals(configuration["Otlp:Protocol"] ?? configuration["OTEL_EXPORTER_OTLP_PROTOCOL"], "http/protobuf", StringComparison.Ordinal);
        _tracer = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource)
            .SetSampler(new ParentBasedSampler(new TraceIdRatioBasedSampler(ratio)))
            .AddSource(Sources)
            .AddOtlpExporter(otlp =>
            {
                otlp.Protocol = http ? OtlpExportProtocol.HttpProtobuf : OtlpExportProtocol.Grpc;
                otlp.Endpoint = http ? new Uri($"{endpoint.TrimEnd('/')}/v1/traces") : new Uri(endpoint);
                if (configuration["Otlp:Headers"] is { Length: > 0 } headers)
                    otlp.Headers = headers;
            })
            .Build();
    }

    /// <summary>Whether traces leave this process.</summary>
    public bool Traces => _tracer is not null;

    /// <summary>The metrics of this moment in the Prometheus text format; scrapes take turns.</summary>
    public async Task<string> ReadMetricsAsync(CancellationToken ct)
    {
        await _oneScrape.WaitAsync(ct);
        try
        {
            if (_collectedAt == 0 || Stopwatch.GetElapsedTime(_collectedAt) > TextLivesFor)
            {
                _text.Collect!((int)CollectWithin.TotalMilliseconds); // set by the reader
                _collectedAt = Stopwatch.GetTimestamp();
            }
            return _text.Text;
        }
        finally
        {
            _oneScrape.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _tracer?.Dispose();
        _meters.Dispose();
        _oneScrape.Dispose();
    }

    /// <summary>The version that the build gave an assembly.</summary>
    public static string VersionOf(System.Reflection.Assembly assembly) =>
        System.Reflection.CustomAttributeExtensions.GetCustomAttribute<System.Reflection.AssemblyInformationalVersionAttribute>(assembly)?.InformationalVersion
        ?? assembly.GetName().Version?.ToString() ?? "unknown";

    private static string? EndpointOf(IConfiguration configuration) =>
        new[] { configuration["Otlp:Endpoint"], configuration["OTEL_EXPORTER_OTLP_ENDPOINT"] }.FirstOrDefault(text => !string.IsNullOrWhiteSpace(text));

    private static MetricStreamConfiguration? ViewOf(Instrument instrument) =>
        Unused.Contains(instrument.Name) ? MetricStreamConfiguration.Drop
        : instrument.Unit == "s" && instrument.GetType() is { IsGenericType: true } type && type.GetGenericTypeDefinition() == typeof(Histogram<>)
            ? new ExplicitBucketHistogramConfiguration { Boundaries = SecondsBounds }
            : null;
}

/// <summary>How a process gets its telemetry.</summary>
public static class SignalExportServices
{
    /// <summary>Registers <see cref="SignalExport"/>; resolve it once at start, so that it hears everything.</summary>
    public static IServiceCollection AddTelemetry(this IServiceCollection services) => services.AddSingleton<SignalExport>();
}
