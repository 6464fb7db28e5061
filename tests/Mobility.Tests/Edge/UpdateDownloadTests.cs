using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Mobility.Edge.Updates;
using Mobility.Edge.Wire;
using Mobility.Tests.Support;

namespace Mobility.Tests.Edge;

/// <summary>The way of an image from a server that may break, lie or be somebody else, to the agent and back.</summary>
public sealed class UpdateDownloadTests : IDisposable
{
    private const string Header = """{"alg":"ES256","typ":"update+jwt","kid":"k1"}""";
    private const string ReturnHeader = """{"alg":"ES256","typ":"update-return+jwt","kid":"k1"}""";
    private readonly string _folder = Directory.CreateTempSubdirectory("mobility-download-").FullName;
    private readonly TokenMint _mint = new();

    public void Dispose()
    {
        _mint.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact, Trait("Req", "FLT-10")]
    public async Task A_download_that_breaks_goes_on_where_it_was()
    {
        var image = RandomNumberGenerator.GetBytes(300_000);
        using var server = new ImageServer(image) { CutAfter = 100_000 };
        var file = Path.Combine(_folder, "image");
        var manifest = ManifestOf(3, image);
        (await UpdateDownload.FetchAsync(server.Url, manifest, file, CancellationToken.None)).IsThere.ShouldBeFalse();
        File.Exists(file).ShouldBeFalse();
        server.CutAfter = null;
        (await UpdateDownload.FetchAsync(server.Url, manifest, file, CancellationToken.None)).IsThere.ShouldBeTrue();
        (await File.ReadAllBytesAsync(file)).ShouldBe(image);
        server.Sent.ShouldBeLessThanOrEqualTo(image.Length + 1); // nothing came twice
        Directory.GetFiles(_folder).ShouldHaveSingleItem();
    }

    [Fact, Trait("Req", "FLT-10")]
    public async Task What_is_not_the_signed_image_is_thrown_away()
    {
        var image = RandomNumberGenerator.GetBytes(1_000);
        var file = Path.Combine(_folder, "image");
        using var other = new ImageServer(RandomNumberGenerator.GetBytes(1_000));
        (await UpdateDownload.FetchAsync(other.Url, ManifestOf(3, image), file, CancellationToken.None)).ShouldBe((false, true, "image_wrong_hash"));
        using var endless = new ImageServer(RandomNumberGenerator.GetBytes(5_000_000));
        (await UpdateDownload.FetchAsync(endless.Url, ManifestOf(3, image), file, CancellationToken.None)).ShouldBe((false, true, "image_wrong_size"));
        Directory.GetFiles(_folder).ShouldBeEmpty();
    }

    [Fact, Trait("Req", "FLT-10")]
    public async Task The_agent_installs_what_is_offered_and_returns_when_it_is_told_to_and_heeds_no_forgery()
    {
        var image = Encoding.UTF8.GetBytes("image nine");
        using var foreign = new TokenMint();
        using var server = new ImageServer(image) { Keys = _mint.Jwks };
        await using var door = new ScriptedDoor();
        await using var vehicle = EdgeVehicle.Start(door.Port, new TestClock(), with: settings => settings with { UpdateKeysUrl = server.KeysUrl });
        await vehicle.AllAcknowledgedAsync();
        ushort id = 100;
        await OfferAsync(9, foreign.Sign(Header, Claims(9, image)), "/image");
        await ToldAsync("update_refused", 9, "manifest_not_authentic");
        await OfferAsync(9, _mint.Sign(ReturnHeader, Claims(9, image)), "/image"); // an order to return installs nothing
        await ToldAsync("update_refused", 9, "manifest_not_authentic");
        await OfferAsync(9, _mint.Sign(Header, Claims(9, image)), "http://example.org/image"); // neither TLS nor this machine
        await ToldAsync("update_refused", 9, "image_address_refused");
        server.Sent.ShouldBe(0);

        await OfferAsync(9, _mint.Sign(Header, Claims(9, image)), "/image");
        await Eventually.TrueAsync(() => Task.FromResult(vehicle.Agent.WantsRestart), "the image is installed");
        await vehicle.CrashAndRestartAsync();
        await ToldAsync("update_applied", 9, null);

        await OfferAsync(9, foreign.Sign(ReturnHeader, """{"version":9}"""), null);
        await OfferAsync(8, _mint.Sign(ReturnHeader, """{"version":8}"""), null); // of one that it does not run
        await OfferAsync(9, _mint.Sign(ReturnHeader, """{"version":9}"""), null);
        vehicle.Agent.WantsRestart.ShouldBeTrue();
        await ToldAsync("update_rolled_back", 9, "recalled");
        await vehicle.CrashAndRestartAsync();
        StateOf(vehicle).ShouldBe(new SlotState(Slot.A, 0, null, 9, null, null));
        await vehicle.AllAcknowledgedAsync();
        await OfferAsync(9, _mint.Sign(Header, Claims(9, image)), "/image"); // it is never tried again, and that is no news
        await OfferAsync(10, _mint.Sign(ReturnHeader, """{"version":10}"""), null); // withdrawn before it was installed
        StateOf(vehicle).FloorVersion.ShouldBe(10);
        vehicle.Agent.WantsRestart.ShouldBeFalse();
        door.Of("events/").Select(e => e.GetProperty("sequence").GetInt64()).Distinct().Count().ShouldBe(5);

        async Task OfferAsync(long version, string manifest, string? url)
        {
            var name = $"{vehicle.Agent.Vehicle}";
            await Eventually.TrueAsync(() => Task.FromResult(vehicle.Agent.Link == LinkState.Connected && door.IsConnected(name)), "it is connected");
            await door.SendAsync("updates", name, JsonSerializer.Serialize(new { version, manifest, url }), ++id);
            await Eventually.TrueAsync(() => Task.FromResult(door.AcknowledgedCommands.Contains(id) && !vehicle.Agent.HasOffer), "it has heard and answered");
        }

        Task ToldAsync(string kind, long version, string? reason) => Eventually.TrueAsync(() => Task.FromResult(door.Of("events/") is [.., var last]
            && last.GetProperty("kind").GetString() == kind && last.GetProperty("version").GetInt64() == version
            && (reason is null || last.GetProperty("reason").GetString() == reason)), $"{kind} {reason}");
    }

    /// <summary>Read beside the agent, which goes on writing it.</summary>
    private static SlotState StateOf(EdgeVehicle vehicle) =>
        JsonSerializer.Deserialize<SlotState>(File.ReadAllBytes(Path.Combine(vehicle.Folder, "updates", "state.json")))!;

    private static UpdateManifest ManifestOf(long version, byte[] image) => new(version, Convert.ToHexStringLower(SHA256.HashData(image)), image.Length);

    private static string Claims(long version, byte[] image) =>
        $$"""{"version":{{version}},"sha256":"{{Convert.ToHexStringLower(SHA256.HashData(image))}}","size":{{image.Length}}}""";

    /// <summary>Serves one image and a key set, as badly as a test wants.</summary>
    private sealed class ImageServer : IDisposable
    {
        private readonly HttpListener _listener = new();
        private readonly byte[] _image;
        private int _sent;

        public ImageServer(byte[] image)
        {
            _image = image;
            using (var probe = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0))
            {
                probe.Start();
                Url = new Uri($"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}/image");
            }
            _listener.Prefixes.Add(new Uri(Url, "/").AbsoluteUri);
            _listener.Start();
            _ = ServeAsync();
        }

        public Uri Url { get; }

        public Uri KeysUrl => new(Url, "/v1/update-keys");

        public string Keys { get; init; } = "{}";

        public int? CutAfter { get; set; }

        public int Sent => Volatile.Read(ref _sent);

        public void Dispose() => _listener.Close();

        private async Task ServeAsync()
        {
            try
            {
                while (true)
                    await AnswerAsync(await _listener.GetContextAsync());
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                // the test is over
            }
        }

        private async Task AnswerAsync(HttpListenerContext context)
        {
            try
            {
                if (context.Request.Url!.AbsolutePath != "/image")
                {
                    await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(Keys));
                    context.Response.Close();
                    return;
                }
                var from = context.Request.Headers["Range"] is { } range ? int.Parse(range["bytes=".Length..].TrimEnd('-'), System.Globalization.CultureInfo.InvariantCulture) : 0;
                context.Response.StatusCode = from > 0 ? 206 : 200;
                context.Response.ContentLength64 = _image.Length - from;
                var until = Math.Min(_image.Length, from + (CutAfter ?? _image.Length));
                await context.Response.OutputStream.WriteAsync(_image.AsMemory(from, until - from));
                Interlocked.Add(ref _sent, until - from);
                if (until < _image.Length)
                    context.Response.Abort();
                else
                    context.Response.Close();
            }
            catch (Exception e) when (e is HttpListenerException or InvalidOperationException or IOException)
            {
                // the agent had enough
            }
        }
    }
}
