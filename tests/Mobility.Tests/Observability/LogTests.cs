using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Mobility.Platform.Observability;
using Mobility.Tests.Support;

namespace Mobility.Tests.Observability;

/// <summary>What stands in a log line, and what never does.</summary>
public sealed partial class LogTests
{
    [Theory, Trait("Req", "OBS-1")]
    [InlineData("mail to jo.doe+x@example.co.uk failed", "mail to *** failed")]
    [InlineData("Key (email)=(jo@example.com) already exists", "Key (email)=(***) already exists")]
    [InlineData("call +1 201 555-0123 now", "call *** now")]
    [InlineData("GET /dev/mailbox.json?to=jo%40example.com&from=%2B4915112345678", "GET /dev/mailbox.json?to=***&from=***")]
    [InlineData("at 40.71782, -74.04313.", "at ***, ***.")]
    [InlineData("took 12.5 ms of 3.25 s, version 10.0.1234", "took 12.5 ms of 3.25 s, version 10.0.1234")]
    public void Free_text_loses_addresses_numbers_and_coordinates(string text, string expected) => LogScrubber.Clean(text).ShouldBe(expected);

    [Fact, Trait("Req", "OBS-1")]
    public void A_value_is_logged_only_when_its_type_or_its_name_is_allowed()
    {
        LogScrubber.Show("Email", "jo").ShouldBe("***");
        LogScrubber.Show("Latitude", 40.7).ShouldBe("***");
        LogScrubber.Show("Anything", 42).ShouldBe("42");
        LogScrubber.Show("Anything", Guid.Empty).ShouldBe("00000000-0000-0000-0000-000000000000");
        LogScrubber.Show("Vehicle", new Contracts.VehicleId(Guid.Empty)).ShouldStartWith("veh");
        LogScrubber.Show("Subscription", "booking.settle").ShouldBe("booking.settle");
        LogScrubber.Show("Path", "/dev/mailbox/jo@example.com").ShouldBe("/dev/mailbox/***"); // an allowed name is no free pass
    }

    [Fact, Trait("Req", "OBS-3")]
    public void A_line_is_one_JSON_object_with_trace_span_and_correlation()
    {
        using var activity = new Activity("test").Start();
        var lines = new Lines(json: true);
        using (LogLine.Correlate(lines.Logger, "the flow"))
            LogSomething(lines.Logger, new InvalidOperationException("jo@example.com\nsecond line"), "jo@example.com", 7, "booking.settle");
        var line = lines.Written.ShouldHaveSingleItem();
        var json = JsonDocument.Parse(line).RootElement;

        line.ShouldEndWith("\n");
        line.TrimEnd('\n').ShouldNotContain('\n');
        json.GetProperty("timestamp").GetDateTimeOffset().ShouldBe(TestClock.Start);
        json.GetProperty("level").GetString().ShouldBe("warn");
        json.GetProperty("event_id").GetInt32().ShouldBe(9);
        json.GetProperty("message").GetString().ShouldBe("Rider *** did 7 of booking.settle.");
        json.GetProperty("trace_id").GetString().ShouldBe(activity.TraceId.ToString());
        json.GetProperty("span_id").GetString().ShouldBe(activity.SpanId.ToString());
        json.GetProperty("correlation").GetString().ShouldBe("the flow");
        json.GetProperty("fields").GetProperty("Count").GetInt32().ShouldBe(7);
        json.GetProperty("fields").GetProperty("Email").GetString().ShouldBe("***");
        json.GetProperty("exception").GetProperty("type").GetString().ShouldBe("System.InvalidOperationException");
        line.ShouldNotContain("example.com");
    }

    [Fact, Trait("Req", "OBS-3")]
    public void A_line_of_text_stays_one_line()
    {
        var lines = new Lines(json: false);
        LogSomething(lines.Logger, new InvalidOperationException("first\nsecond"), "jo@example.com", 7, "line\nbreak");

        lines.Written.ShouldHaveSingleItem().ShouldStartWith(
            "2026-06-01T08:00:00.000Z warn  Mobility.Test[9] Rider *** did 7 of line break. System.InvalidOperationException: first second");
        lines.Written.Single().Count(c => c == '\n').ShouldBe(1);
    }

    [Theory]
    [InlineData("{{literal}} {Count:000} {Missing}", "{literal} 007 ***")]
    [InlineData("no placeholder", "no placeholder")]
    [InlineData("open {Count", "open {Count")]
    public void Templates_are_filled_as_the_framework_fills_them(string template, string expected) =>
        LogScrubber.Fill(template, [new("Count", 7)]).ShouldBe(expected);

    [LoggerMessage(EventId = 9, Level = LogLevel.Warning, Message = "Rider {Email} did {Count} of {Subscription}.")]
    private static partial void LogSomething(ILogger log, Exception exception, string email, int count, string subscription);

    /// <summary>A logger that writes lines into memory.</summary>
    internal sealed class Lines : ILoggerProvider, ISupportExternalScope
    {
        private readonly LogLine _line;
        private IExternalScopeProvider? _scopes;

        public Lines(bool json)
        {
            _line = new LogLine(new Fixed(new LogLineOptions { Json = json }), new TestClock());
            Logger = LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(this)).CreateLogger("Mobility.Test");
        }

        public ConcurrentQueue<string> Written { get; } = new();

        /// <summary>What our own code logged, before anything was hidden.</summary>
        public ConcurrentQueue<string> Ours { get; } = new();

        public ILogger Logger { get; }

        public ILogger CreateLogger(string categoryName) => new Writer(this, categoryName);

        public void SetScopeProvider(IExternalScopeProvider scopeProvider) => _scopes = scopeProvider;

        public void Dispose()
        {
        }

        private sealed class Writer(Lines lines, string category) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state) where TState : notnull => lines._scopes?.Push(state);

            public bool IsEnabled(LogLevel logLevel) => true;

            public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            {
                using var writer = new StringWriter();
                lines._line.Write(new LogEntry<TState>(logLevel, category, eventId, state, exception, formatter), lines._scopes, writer);
                lines.Written.Enqueue(writer.ToString());
                if (category.StartsWith("Mobility.", StringComparison.Ordinal))
                    lines.Ours.Enqueue($"{formatter(state, exception)} {exception}");
            }
        }

        private sealed class Fixed(LogLineOptions options) : IOptionsMonitor<LogLineOptions>
        {
            public LogLineOptions CurrentValue => options;

            public LogLineOptions Get(string? name) => options;

            public IDisposable? OnChange(Action<LogLineOptions, string?> listener) => null;
        }
    }
}
