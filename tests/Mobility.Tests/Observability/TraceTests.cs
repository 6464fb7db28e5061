using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using Mobility.Tests.Support;

namespace Mobility.Tests.Observability;

/// <summary>One request can be followed by its trace id.</summary>
public sealed class TraceTests(ObservedFixture fixture) : IClassFixture<ObservedFixture>
{
    [Fact, Trait("Req", "OBS-1")]
    public async Task A_trace_goes_through_the_request_the_database_and_the_reactions()
    {
        using var recorder = new TraceRecorder();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/notes") { Content = JsonContent.Create(new { text = "remind traced" }) };
        request.Headers.Add("traceparent", $"00-{recorder.TraceId}-00f067aa0ba902b7-01");

        (await fixture.Http.SendAsync(request)).StatusCode.ShouldBe(HttpStatusCode.Created);

        var spans = await recorder.WaitForAsync("POST /v1/notes", "observed.hear process", "observed commit", "observed.remind process");
        var server = spans.Single(s => s.Source.Name == "Microsoft.AspNetCore");
        server.Kind.ShouldBe(ActivityKind.Server);
        server.GetTagItem("http.route").ShouldBe("/v1/notes");
        server.GetTagItem("http.request.method").ShouldBe("POST");
        server.GetTagItem("http.response.status_code").ShouldBe(201);
        spans.Single(s => s.OperationName == "observed.hear process").ParentSpanId.ShouldBe(server.SpanId);
        spans.Where(s => s.Source.Name == "Npgsql").Select(s => s.Parent?.OperationName ?? "").ShouldContain("observed.hear process");
        spans.Where(s => s.Source.Name == "Npgsql").ShouldContain(s => s.ParentSpanId == server.SpanId);
        fixture.Module.Heard.ShouldContain(("remind traced", recorder.TraceId));
        spans.SelectMany(s => s.TagObjects).ShouldNotContain(t => t.Key.Contains("connection_string", StringComparison.Ordinal));
        spans.SelectMany(s => s.TagObjects).ShouldNotContain(t => (t.Value as string ?? "").Contains("remind traced", StringComparison.Ordinal)); // statements come without values
    }

    [Fact, Trait("Req", "OBS-1")]
    public async Task A_refused_request_tells_its_trace_id()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/ops/lag");
        var trace = ActivityTraceId.CreateRandom().ToString();
        request.Headers.Add("traceparent", $"00-{trace}-00f067aa0ba902b7-00");

        (await (await fixture.Http.SendAsync(request)).Content.ReadAsStringAsync()).ShouldContain($"\"traceId\":\"{trace}\"");
    }
}

/// <summary>Records the spans of one trace.</summary>
internal sealed class TraceRecorder : IDisposable
{
    private readonly ActivityListener _listener;
    private readonly ConcurrentQueue<Activity> _spans = new();

    public TraceRecorder()
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is "Microsoft.AspNetCore" or "System.Net.Http" or "Npgsql" || source.Name.StartsWith("Mobility.", StringComparison.Ordinal),
            Sample = (ref ActivityCreationOptions<ActivityContext> o) => o.TraceId.ToString() == TraceId ? ActivitySamplingResult.AllDataAndRecorded : ActivitySamplingResult.None,
            ActivityStopped = span =>
            {
                if (span.TraceId.ToString() == TraceId)
                    _spans.Enqueue(span);
            },
        };
        ActivitySource.AddActivityListener(_listener);
    }

    public string TraceId { get; } = ActivityTraceId.CreateRandom().ToString();

    public async Task<IReadOnlyList<Activity>> WaitForAsync(params string[] names) => await Eventually.GetAsync(
        () => Task.FromResult(_spans.ToArray()),
        spans => names.All(name => spans.Any(s => s.DisplayName == name)),
        string.Join(", ", names));

    public void Dispose() => _listener.Dispose();
}
