using System.Net;
using Microsoft.Extensions.Configuration;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Bus;

namespace Mobility.Tests.Identity;

/// <summary>How often a process asks for the published keys, and what it does while nobody answers.</summary>
public sealed class RemoteTokenKeysTests : IDisposable
{
    private readonly Peer _peer = new();
    private readonly Ticks _clock = new();
    private readonly RemoteTokenKeys _keys;

    public RemoteTokenKeysTests() => _keys = new RemoteTokenKeys(new Peers(
        new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { ["Peers:identity"] = "http://identity.example" }).Build(), _peer), _clock);

    [Fact]
    public async Task Keys_are_remembered_for_five_minutes()
    {
        await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => _keys.GetAsync(null, CancellationToken.None)));
        _clock.Advance(RemoteTokenKeys.RememberedFor - TimeSpan.FromSeconds(1));
        (await _keys.GetAsync(null, CancellationToken.None)).ShouldHaveSingleItem().KeyId.ShouldBe("k1");
        _peer.Asked.ShouldBe(1);
        _clock.Advance(TimeSpan.FromSeconds(1));
        await _keys.GetAsync(null, CancellationToken.None);
        _peer.Asked.ShouldBe(2);
    }

    [Fact]
    public async Task Tokens_with_invented_keys_make_nobody_ask_more_than_every_ten_seconds()
    {
        for (var second = 0; second < 60; second++)
        {
            await _keys.GetAsync($"invented {second}", CancellationToken.None);
            _clock.Advance(TimeSpan.FromSeconds(1));
        }
        _peer.Asked.ShouldBe(6);
    }

    [Fact]
    public async Task Known_keys_go_on_verifying_while_identity_is_away()
    {
        await _keys.GetAsync(null, CancellationToken.None);
        _peer.Away = true;
        _clock.Advance(TimeSpan.FromHours(1));
        (await _keys.GetAsync(null, CancellationToken.None)).ShouldHaveSingleItem();
        (await _keys.GetAsync("new", CancellationToken.None)).ShouldHaveSingleItem();
        _peer.Asked.ShouldBe(2);
    }

    [Fact]
    public async Task Without_any_key_the_peer_is_named_and_asked_again_at_the_next_token()
    {
        _peer.Away = true;
        (await Should.ThrowAsync<PeerUnavailableException>(() => _keys.GetAsync(null, CancellationToken.None))).Module.ShouldBe("identity");
        _peer.Away = false;
        (await _keys.GetAsync(null, CancellationToken.None)).ShouldHaveSingleItem();
    }

    public void Dispose()
    {
        _keys.Dispose();
        _peer.Dispose();
    }

    private sealed class Peer : HttpMessageHandler, IHttpClientFactory
    {
        public int Asked { get; private set; }

        public bool Away { get; set; }

        public HttpClient CreateClient(string name) => new(this, disposeHandler: false);

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Asked++;
            request.RequestUri!.AbsoluteUri.ShouldBe("http://identity.example/.well-known/jwks.json");
            return Away
                ? throw new HttpRequestException("away")
                : Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK)
                {
                    Content = new StringContent("""{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"k1","x":"AA","y":"AA"}]}"""),
                });
        }
    }

    private sealed class Ticks : TimeProvider
    {
        private long _now = 1;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Advance(TimeSpan by) => _now += by.Ticks;
    }
}
