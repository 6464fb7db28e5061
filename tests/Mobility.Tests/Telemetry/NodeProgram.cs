using System.Diagnostics;
using System.Text.Json;
using System.Threading.Channels;
using Mobility.Tests.Support;

namespace Mobility.Tests.Telemetry;

/// <summary>One of the programs in tests/mqtt-client, on the npm packages that the set-up of the tests installed. It says what happens as lines of JSON.</summary>
internal sealed class NodeProgram : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private readonly Process _process;
    private readonly Task<string> _errors;
    private readonly Channel<JsonElement> _events = Channel.CreateUnbounded<JsonElement>();
    private readonly Task _reading;

    private NodeProgram(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync();
        _reading = ReadAsync();
    }

    /// <exception cref="InvalidOperationException">The packages are not there: that fails the test and does not skip it.</exception>
    public static NodeProgram Start(string script, params string[] arguments)
    {
        var packages = Path.Combine(
            Environment.GetEnvironmentVariable("MOBILITY_TOOLS") ?? Repository.PathOf(".mobility", "tools"), "mqtt-client", "node_modules");
        if (!Directory.Exists(Path.Combine(packages, "mqtt")))
            throw new InvalidOperationException($"The npm package mqtt is not in {packages}; ./mobility test installs it.");
        var start = new ProcessStartInfo("node") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["NODE_PATH"] = packages;
        start.ArgumentList.Add(Repository.PathOf("tests", "mqtt-client", script));
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        return new NodeProgram(Process.Start(start)!);
    }

    public Task SayAsync(object command) => SayAsync(JsonSerializer.Serialize(command));

    public async Task SayAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>The next things that happen, which must be these; gives the last.</summary>
    public async Task<JsonElement> ExpectAsync(params string[] happenings)
    {
        JsonElement last = default;
        foreach (var happening in happenings)
        {
            last = await NextAsync(happening);
            last.GetProperty("event").GetString().ShouldBe(happening, last.GetRawText());
        }
        return last;
    }

    /// <summary>The first of these that happens, whatever happens before it: programs say some things in an order of their own.</summary>
    public async Task<JsonElement> WaitForAsync(params string[] happenings)
    {
        while (true)
            if (await NextAsync(string.Join(" or ", happenings)) is var next && happenings.Contains(next.GetProperty("event").GetString()))
                return next;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        await _reading;
        _process.Dispose();
    }

    private async Task<JsonElement> NextAsync(string awaited)
    {
        using var deadline = new CancellationTokenSource(Patience);
        try
        {
            return await _events.Reader.ReadAsync(deadline.Token);
        }
        catch (ChannelClosedException)
        {
            throw new InvalidOperationException($"The program ended before '{awaited}': {await _errors}");
        }
    }

    private async Task ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
            _events.Writer.TryWrite(JsonSerializer.Deserialize<JsonElement>(line));
        _events.Writer.Complete();
    }
}
