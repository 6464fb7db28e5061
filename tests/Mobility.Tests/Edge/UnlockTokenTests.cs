using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.IdentityModel.Tokens;
using Mobility.Contracts;
using Mobility.Edge;
using Mobility.Edge.Unlock;
using Mobility.Platform;
using Mobility.Tests.Support;

namespace Mobility.Tests.Edge;

/// <summary>Tokens of the tests' own key: made by hand, so that everything about them can be wrong.</summary>
internal sealed class TokenMint : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public SigningKeys Keys => SigningKeys.Parse(Jwks);

    public string Jwks
    {
        get
        {
            var point = _key.ExportParameters(false).Q;
            var (x, y) = (Base64UrlEncoder.Encode(point.X), Base64UrlEncoder.Encode(point.Y));
            return $$"""{"keys":[{"kty":"EC","crv":"P-256","use":"sig","alg":"ES256","kid":"k1","x":"{{x}}","y":"{{y}}"}]}""";
        }
    }

    public string Sign(string header, string payload) => Sign(header, payload, text => _key.SignData(text, HashAlgorithmName.SHA256));

    public static string Sign(string header, string payload, Func<byte[], byte[]> sign)
    {
        var text = $"{Base64UrlEncoder.Encode(header)}.{Base64UrlEncoder.Encode(payload)}";
        return $"{text}.{Base64UrlEncoder.Encode(sign(Encoding.ASCII.GetBytes(text)))}";
    }

    public string Token(VehicleId vehicle, DateTimeOffset issued, string? header = null, string? nonce = null, string issuer = "mobility.fleet", int lives = 60) =>
        Sign(header ?? Header, Payload(vehicle, issued, nonce, issuer, lives));

    public const string Header = """{"alg":"ES256","typ":"unlock+jwt","kid":"k1"}""";

    public static string Payload(VehicleId vehicle, DateTimeOffset issued, string? nonce = null, string issuer = "mobility.fleet", int lives = 60) =>
        $$"""
        {"iss":"{{issuer}}","aud":"{{vehicle}}","sub":"rider","jti":"{{nonce ?? Guid.CreateVersion7().ToString("N")}}","iat":{{issued.ToUnixTimeSeconds()}},
        "exp":{{issued.ToUnixTimeSeconds() + lives}},"booking":"{{Id.New<BookingId>(TimeProvider.System)}}"}
        """;

    public void Dispose() => _key.Dispose();
}

/// <summary>UNL-2: what opens a vehicle without network, and what does not.</summary>
public sealed class UnlockTokenTests : IDisposable
{
    private readonly TestClock _clock = new();
    private readonly TokenMint _mint = new();
    private readonly VehicleId _vehicle = Id.New<VehicleId>(TimeProvider.System);

    public void Dispose() => _mint.Dispose();

    [Fact, Trait("Req", "UNL-2")]
    public async Task A_token_opens_its_vehicle_once_without_network_even_if_the_vehicle_restarts_in_between()
    {
        await using var vehicle = Offline();
        var token = _mint.Token(_vehicle, _clock.GetUtcNow());
        (await vehicle.Agent.OpenAsync(token)).ShouldBe("opened");
        vehicle.Board.Read().IsLocked.ShouldBeFalse();
        vehicle.Board.TrySetLock(true);
        (await vehicle.Agent.OpenAsync(token)).ShouldBe("refused token_used");
        await vehicle.CrashAndRestartAsync();
        (await vehicle.Agent.OpenAsync(token)).ShouldBe("refused token_used");
        vehicle.Board.Read().IsLocked.ShouldBeTrue();
        vehicle.Agent.Counts.EventsWaiting.ShouldBe(1); // unlocked, to be told when there is a network
    }

    [Fact, Trait("Req", "UNL-2")]
    public async Task A_token_that_is_shown_twice_at_once_opens_once()
    {
        await using var vehicle = Offline();
        var token = _mint.Token(_vehicle, _clock.GetUtcNow());
        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => vehicle.Agent.OpenAsync(token))));
        answers.Count(answer => answer == "opened").ShouldBe(1);
    }

    [Fact, Trait("Req", "UNL-2")]
    public async Task A_wrong_token_opens_nothing_and_the_answer_says_why()
    {
        var now = _clock.GetUtcNow();
        var other = Id.New<VehicleId>(TimeProvider.System);
        using var foreign = new TokenMint();
        var good = _mint.Token(_vehicle, now);
        var parts = good.Split('.');
        await Check("token_malformed", "");
        await Check("token_malformed", "not a token");
        await Check("token_malformed", good + new string('x', CheckedToken.LengthMax));
        await Check("token_wrong_vehicle", _mint.Token(other, now));
        await Check("token_expired", _mint.Token(_vehicle, now.AddSeconds(-66)));
        await Check("token_not_yet_valid", _mint.Token(_vehicle, now.AddSeconds(10)));
        await Check("token_lives_too_long", _mint.Token(_vehicle, now, lives: 61));
        await Check("token_malformed", _mint.Token(_vehicle, now, lives: -1));
        await Check("token_not_authentic", foreign.Token(_vehicle, now));
        await Check("token_not_authentic", $"{parts[0]}.{Base64UrlEncoder.Encode(TokenMint.Payload(_vehicle, now.AddSeconds(5)))}.{parts[2]}");
        await Check("token_not_authentic", $"{Base64UrlEncoder.Encode("""{"alg":"none","typ":"unlock+jwt"}""")}.{parts[1]}.");
        await Check("token_wrong_issuer", _mint.Token(_vehicle, now, issuer: "mobility"));
        await Check("token_wrong_type", _mint.Token(_vehicle, now, header: """{"alg":"ES256","typ":"at+jwt","kid":"k1"}"""));
        await Check("token_wrong_type", _mint.Token(_vehicle, now, header: """{"alg":"ES256","kid":"k1"}"""));
        await Check("token_malformed", _mint.Token(_vehicle, now, nonce: " ".Trim()));
        await Check("token_malformed", _mint.Token(_vehicle, now, nonce: new string('n', CheckedToken.NonceLengthMax + 1)));
        // The public key as the secret of an HMAC: the oldest trick against verifiers that believe the header.
        var confused = TokenMint.Sign(TokenMint.Header.Replace("ES256", "HS256", StringComparison.Ordinal), TokenMint.Payload(_vehicle, now),
            text => HMACSHA256.HashData(Encoding.UTF8.GetBytes(_mint.Jwks), text));
        var (token, refusal) = await CheckedToken.CheckAsync(confused, _vehicle, _mint.Keys, now);
        token.ShouldBeNull();
        refusal.ShouldBeOneOf("token_wrong_algorithm", "token_not_authentic");
        (await CheckedToken.CheckAsync(good, _vehicle, _mint.Keys, now)).Refusal.ShouldBeNull();

        async Task Check(string expected, string text) => (await CheckedToken.CheckAsync(text, _vehicle, _mint.Keys, now)).Refusal.ShouldBe(expected, text);
    }

    [Fact]
    public async Task Who_tries_again_and_again_is_not_heard_for_a_while_and_the_operator_is_told()
    {
        await using var vehicle = Offline();
        for (var i = 0; i < VehicleAgent.AttemptsMax; i++)
            (await vehicle.Agent.OpenAsync("x")).ShouldBe("refused token_malformed");
        (await vehicle.Agent.OpenAsync(_mint.Token(_vehicle, _clock.GetUtcNow()))).ShouldBe("refused too_many_attempts");
        vehicle.Agent.Counts.EventsWaiting.ShouldBe(1);
    }

    [Fact, Trait("Req", "UNL-2")]
    public async Task A_phone_opens_over_the_simulated_radio_and_the_platform_hears_of_it_later_with_the_token()
    {
        await using var vehicle = Offline();
        var path = Path.Combine(vehicle.Folder, "radio");
        await using var radio = SimulatedRadio.Open(path, vehicle.Agent.OpenAsync, _clock);
        var token = _mint.Token(_vehicle, _clock.GetUtcNow());
        (await SayAsync(path, _mint.Token(Id.New<VehicleId>(TimeProvider.System), _clock.GetUtcNow()))).ShouldBe("refused token_wrong_vehicle\n");
        (await SayAsync(path, token)).ShouldBe("opened\n");
        var file = Path.Combine(vehicle.Folder, "file");
        await File.WriteAllTextAsync(file, "somebody's");
        Should.Throw<IOException>(() => SimulatedRadio.Open(file, vehicle.Agent.OpenAsync, _clock));
        await using var door = new ScriptedDoor(_awayPort);
        await vehicle.AllAcknowledgedAsync();
        var told = door.Of("events/").ShouldHaveSingleItem();
        told.GetProperty("kind").GetString().ShouldBe("unlocked");
        told.GetProperty("token").GetString().ShouldBe(token);
        told.TryGetProperty("command", out _).ShouldBeFalse();
        told.GetProperty("odometerMeters").GetInt64().ShouldBe(1_000);
    }

    private int _awayPort;

    private EdgeVehicle Offline()
    {
        using (var probe = new TcpListener(System.Net.IPAddress.Loopback, 0))
        {
            probe.Start();
            _awayPort = ((System.Net.IPEndPoint)probe.LocalEndpoint).Port;
        }
        return EdgeVehicle.Start(_awayPort, _clock, (_vehicle, "secret"), settings => settings with { UnlockKeys = _mint.Keys });
    }

    private static async Task<string> SayAsync(string path, string line)
    {
        using var phone = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await phone.ConnectAsync(new UnixDomainSocketEndPoint(path));
        await phone.SendAsync(Encoding.UTF8.GetBytes(line + "\n"));
        var answer = new byte[256];
        return Encoding.UTF8.GetString(answer, 0, await phone.ReceiveAsync(answer));
    }
}
