using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Mobility.Contracts;
using Mobility.Identity;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Bus;
using Mobility.Tests.Support;

namespace Mobility.Tests.Identity;

public sealed class TokenTests(IdentityPlatform platform) : IClassFixture<IdentityPlatform>
{
    [Fact, Trait("Req", "IDN-3")]
    public async Task A_refresh_token_is_used_once_and_using_it_again_ends_the_chain()
    {
        var person = await platform.NewPersonAsync();
        var second = await RefreshAsync(person.RefreshToken);
        var third = await RefreshAsync(second);
        (await ErrorOf(await UseAsync(second))).ShouldBe("invalid_grant");
        (await ErrorOf(await UseAsync(third))).ShouldBe("invalid_grant"); // the thief's, or the owner's: nobody knows, so nobody goes on
        (await platform.SignInAsync(person.Email)).RefreshToken.ShouldNotBeNullOrEmpty();
    }

    [Fact, Trait("Req", "IDN-3")]
    public async Task Of_two_who_use_a_refresh_token_at_once_at_most_one_goes_on_and_not_for_long()
    {
        var person = await platform.NewPersonAsync();
        var replies = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => UseAsync(person.RefreshToken)));
        var winners = replies.Where(r => r.IsSuccessStatusCode).ToArray();
        winners.Length.ShouldBe(1);
        var next = (await IdentityPlatform.JsonOf(winners[0], HttpStatusCode.OK)).GetProperty("refresh_token").GetString()!;
        (await ErrorOf(await UseAsync(next))).ShouldBe("invalid_grant");
    }

    [Fact, Trait("Req", "IDN-3")]
    public async Task A_refresh_token_lives_thirty_days_and_an_access_token_fifteen_minutes()
    {
        var person = await platform.NewPersonAsync();
        person.Reply.GetProperty("expires_in").GetInt32().ShouldBe(900);
        platform.Clock.Advance(TimeSpan.FromMinutes(15) - TimeSpan.FromSeconds(1));
        (await person.Client.GetAsync("/v1/accounts/me")).StatusCode.ShouldBe(HttpStatusCode.OK);
        platform.Clock.Advance(TimeSpan.FromSeconds(1));
        (await person.Client.GetAsync("/v1/accounts/me")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        platform.Clock.Advance(TimeSpan.FromDays(29));
        var next = await RefreshAsync(person.RefreshToken);
        platform.Clock.Advance(TimeSpan.FromDays(30));
        (await ErrorOf(await UseAsync(next))).ShouldBe("invalid_grant");
    }

    [Fact]
    public async Task Signing_out_ends_the_chain()
    {
        var person = await platform.NewPersonAsync();
        (await platform.PostFormAsync("/oauth2/revoke", ("token", person.RefreshToken))).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await platform.PostFormAsync("/oauth2/revoke", ("token", "never issued"))).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await ErrorOf(await UseAsync(person.RefreshToken))).ShouldBe("invalid_grant");
    }

    [Fact]
    public async Task A_wrong_password_and_an_unknown_address_get_the_same_answer_and_tries_are_limited()
    {
        var person = await platform.NewPersonAsync();
        var wrong = await platform.TokenAsync(("grant_type", "password"), ("username", person.Email), ("password", "wrong password"));
        var unknown = await platform.TokenAsync(("grant_type", "password"), ("username", platform.NewEmail()), ("password", "wrong password"));
        (wrong.StatusCode, await wrong.Content.ReadAsStringAsync()).ShouldBe((unknown.StatusCode, await unknown.Content.ReadAsStringAsync()));
        for (var i = 2; i < IssueToken.SignInsPerAccount; i++)
            await platform.TokenAsync(("grant_type", "password"), ("username", person.Email), ("password", "wrong password"));
        var limited = await platform.TokenAsync(("grant_type", "password"), ("username", person.Email), ("password", IdentityPlatform.Password));
        limited.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
        limited.Headers.RetryAfter.ShouldNotBeNull();
    }

    [Theory, Trait("Req", "IDN-3")]
    [InlineData("none")]
    [InlineData("hs256_with_public_key")]
    [InlineData("foreign_key")]
    [InlineData("foreign_key_with_our_id")]
    [InlineData("other_audience")]
    [InlineData("other_issuer")]
    [InlineData("expired")]
    [InlineData("not_yet_valid")]
    [InlineData("without_expiry")]
    [InlineData("changed_payload")]
    [InlineData("rs256")]
    [InlineData("litter")]
    public async Task A_token_that_is_not_ours_is_refused(string fault)
    {
        var client = platform.NewClient(Forge(fault));
        var reply = await client.GetAsync("/v1/accounts/me");
        await Replies.RefusedAsync(reply, HttpStatusCode.Unauthorized, "auth.token_required");
        reply.Headers.WwwAuthenticate.ToString().ShouldBe("Bearer");
    }

    [Fact]
    public async Task The_forger_of_the_tests_makes_good_tokens_when_it_leaves_out_the_fault()
    {
        var reply = await platform.NewClient(Forge("no fault")).GetAsync("/v1/accounts/me");
        await Replies.RefusedAsync(reply, HttpStatusCode.NotFound, "identity.account_not_found");
    }

    [Fact, Trait("Req", "IDN-3")]
    public async Task Another_process_verifies_tokens_from_the_published_keys_alone()
    {
        var person = await platform.NewPersonAsync();
        await using var other = OtherProcess(platform.App.Address);
        var verifier = other.GetRequiredService<TokenVerifier>();
        var token = person.Reply.GetProperty("access_token").GetString()!;
        var caller = (await verifier.VerifyAsync(token, CancellationToken.None))!;
        (caller.Subject, caller.Kind).ShouldBe(((await person.IdAsync()).Value, CallerKind.Rider));
        caller.May("account.self").ShouldBeTrue();
        (await verifier.VerifyAsync(Forge("foreign_key"), CancellationToken.None)).ShouldBeNull();
        (await verifier.VerifyAsync(Forge("none"), CancellationToken.None)).ShouldBeNull();
    }

    [Fact]
    public async Task Another_process_without_keys_says_that_identity_is_away()
    {
        await using var other = OtherProcess("http://127.0.0.1:1");
        var away = await Should.ThrowAsync<PeerUnavailableException>(() =>
            other.GetRequiredService<TokenVerifier>().VerifyAsync("a.b.c", CancellationToken.None).AsTask());
        away.Module.ShouldBe("identity");
    }

    [Fact, Trait("Req", "IDN-3"), Trait("Req", "SEC-1")]
    public async Task Another_process_gets_its_own_token_by_client_credentials()
    {
        await using var other = OtherProcess(platform.App.Address);
        var tokens = other.GetRequiredService<RemoteServiceTokens>();
        var token = await tokens.GetAsync(CancellationToken.None);
        (await tokens.GetAsync(CancellationToken.None)).ShouldBe(token);
        var caller = (await platform.Services.GetRequiredService<TokenVerifier>().VerifyAsync(token, CancellationToken.None))!;
        (caller.Kind, caller.May("internal.ask"), caller.Permissions.Count).ShouldBe((CallerKind.Service, true, 1));
        platform.Clock.Advance(TimeSpan.FromMinutes(15));
        (await tokens.GetAsync(CancellationToken.None)).ShouldNotBe(token);
    }

    [Fact, Trait("Req", "IDN-3")]
    public async Task A_vehicle_gets_tokens_with_the_credential_that_staff_gave_it_until_it_is_replaced()
    {
        var vehicle = Id.New<VehicleId>(platform.Clock);
        var first = await CredentialAsync(vehicle);
        var reply = await IdentityPlatform.JsonOf(await MachineAsync(vehicle.ToString(), first), HttpStatusCode.OK);
        reply.GetProperty("scope").GetString().ShouldBe("device.report");
        reply.TryGetProperty("refresh_token", out _).ShouldBeFalse();
        var caller = (await platform.Services.GetRequiredService<TokenVerifier>().VerifyAsync(reply.GetProperty("access_token").GetString()!, CancellationToken.None))!;
        (caller.Subject, caller.Kind).ShouldBe((vehicle.Value, CallerKind.Device));
        var second = await CredentialAsync(vehicle);
        (await MachineAsync(vehicle.ToString(), first)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await BasicAsync(vehicle.ToString(), second)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact, Trait("Req", "IDN-3")]
    public async Task After_a_change_of_keys_old_and_new_tokens_are_good_and_both_keys_are_published()
    {
        var person = await platform.NewPersonAsync();
        var admin = platform.StaffClient();
        (await admin.PostAsync("/v1/signing-keys", null)).StatusCode.ShouldBe(HttpStatusCode.Created);
        await Replies.RefusedAsync(await admin.PostAsync("/v1/signing-keys", null), HttpStatusCode.Conflict, "identity.rotation_under_way");
        var keys = (await IdentityPlatform.JsonOf(await platform.Http.GetAsync("/.well-known/jwks.json"), HttpStatusCode.OK)).GetProperty("keys");
        keys.GetArrayLength().ShouldBe(2);
        keys.EnumerateArray().ShouldAllBe(k => k.GetProperty("alg").GetString() == "ES256" && !HasPrivatePart(k));
        platform.Clock.Advance(SigningKeys.PublishedBeforeSigning);
        var later = await platform.SignInAsync(person.Email);
        KeyOf(later.Reply).ShouldNotBe(KeyOf(person.Reply));
        (await person.Client.GetAsync("/v1/accounts/me")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await later.Client.GetAsync("/v1/accounts/me")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task The_discovery_document_names_the_endpoints()
    {
        var document = await IdentityPlatform.JsonOf(await platform.Http.GetAsync("/.well-known/openid-configuration"), HttpStatusCode.OK);
        document.GetProperty("issuer").GetString().ShouldBe(TokenVerifier.Issuer);
        document.GetProperty("jwks_uri").GetString().ShouldBe($"{platform.App.Address}/.well-known/jwks.json");
    }

    [Theory]
    [InlineData("", "invalid_request")]
    [InlineData("grant_type=password", "invalid_request")]
    [InlineData("grant_type=password&username=%00&password=x", "invalid_request")]
    [InlineData("grant_type=password&username=a&username=b&password=x", "invalid_request")]
    [InlineData("grant_type=password&username=%ff%fe&password=x", "invalid_grant")] // no UTF-8: read as it stands
    [InlineData("grant_type=password&username=a&password=%F0%9F%9B%B4", "invalid_grant")]
    [InlineData("grant_type=magic", "unsupported_grant_type")]
    [InlineData("grant_type=password&client_id=strange&username=a&password=b", "unauthorized_client")]
    [InlineData("grant_type=refresh_token&refresh_token=x", "invalid_grant")]
    [InlineData("grant_type=client_credentials", "invalid_client")]
    [InlineData("grant_type=client_credentials&client_id=other-process&client_secret=wrong", "invalid_client")]
    public async Task A_bad_request_gets_an_oauth_error(string body, string error)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/x-www-form-urlencoded");
        (await ErrorOf(await platform.Http.PostAsync("/oauth2/token", content))).ShouldBe(error);
    }

    [Theory]
    [InlineData("application/json", "{}")]
    [InlineData("multipart/form-data; boundary=x", "--x")]
    [InlineData("application/x-www-form-urlencoded; charset=nonsense", "grant_type=password")]
    public async Task Another_form_of_body_gets_an_oauth_error(string type, string body)
    {
        using var content = new StringContent(body);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        (await ErrorOf(await platform.Http.PostAsync("/oauth2/token", content))).ShouldBe("invalid_request");
    }

    private async Task<string> RefreshAsync(string token) =>
        (await IdentityPlatform.JsonOf(await UseAsync(token), HttpStatusCode.OK)).GetProperty("refresh_token").GetString()!;

    private Task<HttpResponseMessage> UseAsync(string token) => platform.TokenAsync(("grant_type", "refresh_token"), ("refresh_token", token));

    private Task<HttpResponseMessage> MachineAsync(string id, string secret) =>
        platform.TokenAsync(("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret));

    private async Task<HttpResponseMessage> BasicAsync(string id, string secret)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/oauth2/token")
        {
            Content = new FormUrlEncodedContent([KeyValuePair.Create("grant_type", "client_credentials")]),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{id}:{secret}")));
        return await platform.Http.SendAsync(request);
    }

    private async Task<string> CredentialAsync(VehicleId vehicle) =>
        (await IdentityPlatform.JsonOf(await platform.StaffClient("field_technician").PostAsync($"/v1/devices/{vehicle}/credentials", null), HttpStatusCode.Created))
        .GetProperty("clientSecret").GetString()!;

    private static async Task<string?> ErrorOf(HttpResponseMessage reply)
    {
        ((int)reply.StatusCode).ShouldBeInRange(400, 401);
        return JsonSerializer.Deserialize<JsonElement>(await reply.Content.ReadAsStringAsync()).GetProperty("error").GetString();
    }

    private static bool HasPrivatePart(JsonElement key) => key.TryGetProperty("d", out _);

    private static string KeyOf(JsonElement reply) => new JsonWebToken(reply.GetProperty("access_token").GetString()).Kid;

    /// <summary>What a process without Identity has: its address, and nothing else.</summary>
    private ServiceProvider OtherProcess(string identityAddress) => new ServiceCollection()
        .AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Peers:identity"] = identityAddress,
            ["Service:ClientId"] = "other-process",
            ["Service:ClientSecret"] = "a secret of the tests",
        }).Build())
        .AddHttpClient()
        .AddSingleton<Peers>()
        .AddSingleton<TimeProvider>(platform.Clock)
        .AddSingleton<ITokenKeys, RemoteTokenKeys>()
        .AddSingleton<RemoteServiceTokens>()
        .AddSingleton<TokenVerifier>()
        .BuildServiceProvider();

    private string Forge(string fault)
    {
        var now = platform.Clock.GetUtcNow().UtcDateTime;
        var ours = platform.Services.GetRequiredService<SigningKeys>().Current;
        var publicKey = (JsonWebKey)ours.Key;
        var foreign = new ECDsaSecurityKey(ECDsa.Create(ECCurve.NamedCurves.nistP256)) { KeyId = fault == "foreign_key_with_our_id" ? publicKey.Kid : "foreign" };
        var descriptor = new SecurityTokenDescriptor
        {
            Issuer = fault == "other_issuer" ? "somebody" : TokenVerifier.Issuer,
            Audience = fault == "other_audience" ? "another-api" : TokenVerifier.Audience,
            IssuedAt = now,
            NotBefore = fault == "not_yet_valid" ? now.AddHours(1) : now.AddHours(-1),
            Expires = fault switch { "expired" => now, "without_expiry" => null, "not_yet_valid" => now.AddHours(2), _ => now.AddMinutes(5) },
            SigningCredentials = fault switch
            {
                "none" => null,
                "hs256_with_public_key" => new SigningCredentials(
                    new SymmetricSecurityKey([.. Base64UrlEncoder.DecodeBytes(publicKey.X), .. Base64UrlEncoder.DecodeBytes(publicKey.Y)]) { KeyId = publicKey.Kid },
                    SecurityAlgorithms.HmacSha256),
                "rs256" => new SigningCredentials(new RsaSecurityKey(RSA.Create(2048)) { KeyId = publicKey.Kid }, SecurityAlgorithms.RsaSha256),
                "foreign_key" or "foreign_key_with_our_id" => new SigningCredentials(foreign, SecurityAlgorithms.EcdsaSha256),
                _ => ours,
            },
            Claims = new Dictionary<string, object>
            {
                ["sub"] = Id.NewValue(platform.Clock).ToString(),
                [TokenVerifier.KindClaim] = "rider",
                [TokenVerifier.ScopeClaim] = "account.self",
            },
        };
        var token = new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(descriptor);
        return fault switch
        {
            "changed_payload" => ChangePayload(token),
            "litter" => "%%%.x.==",
            _ => token,
        };
    }

    private static string ChangePayload(string token)
    {
        var parts = token.Split('.');
        parts[1] = Base64UrlEncoder.Encode(Base64UrlEncoder.Decode(parts[1]).Replace("account.self", "accounts.manage", StringComparison.Ordinal));
        return string.Join('.', parts);
    }
}
