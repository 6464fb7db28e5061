using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Identity;
using Mobility.Platform;
using Mobility.Platform.Http;
using Mobility.Tests.Support;

namespace Mobility.Tests.Identity;

/// <summary>A platform with a mailbox and without limits per minute, and the words that the tests of Identity use.</summary>
public sealed class IdentityPlatform : PlatformFixture
{
    public const string Password = "correct horse battery";
    private int _persons;

    protected override IReadOnlyDictionary<string, string?> Settings => new Dictionary<string, string?>
    {
        ["Notifications:Mailbox"] = "true",
        ["Identity:KeyProtection"] = Convert.ToBase64String(new byte[32]),
        ["Identity:Services:other-process"] = "a secret of the tests",
        ["RateLimits:registration"] = "100000",
        ["RateLimits:token"] = "100000",
        ["RateLimits:verification"] = "100000",
        ["RateLimits:codes"] = "100000",
    };

    public string NewEmail() => $"person{Interlocked.Increment(ref _persons)}@Example.org";

    public static object Form(string email, string phone = "+4915112345678", string birthDate = "1990-02-03", string language = "en") =>
        new { email, phone, password = Password, displayName = "Robin <b>Rider</b>", language, birthDate };

    public async Task<HttpResponseMessage> RegisterAsync(object form) => await Http.PostAsJsonAsync("/v1/accounts", form);

    /// <summary>Registers and signs in.</summary>
    public async Task<Person> NewPersonAsync(string language = "en")
    {
        var email = NewEmail();
        (await RegisterAsync(Form(email, $"+49151{Interlocked.Increment(ref _persons):D8}", language: language))).StatusCode.ShouldBe(HttpStatusCode.Accepted);
        return await SignInAsync(email);
    }

    public async Task<Person> SignInAsync(string email, string password = Password)
    {
        var reply = await JsonOf(await TokenAsync(("grant_type", "password"), ("username", email), ("password", password)), HttpStatusCode.OK);
        var client = NewClient(reply.GetProperty("access_token").GetString());
        return new Person(email, client, reply.GetProperty("refresh_token").GetString()!, reply);
    }

    public Task<HttpResponseMessage> TokenAsync(params (string Name, string Value)[] fields) => PostFormAsync("/oauth2/token", fields);

    public async Task<HttpResponseMessage> PostFormAsync(string path, params (string Name, string Value)[] fields)
    {
        using var form = new FormUrlEncodedContent(fields.Select(f => KeyValuePair.Create(f.Name, f.Value)));
        return await Http.PostAsync(path, form);
    }

    /// <summary>The newest code that reached an address.</summary>
    public async Task<string> CodeOfAsync(string address)
    {
        await SettleAsync();
        var mail = await MailOfAsync(address);
        return mail.First(m => m.GetProperty("template").GetString() == "code").GetProperty("values").GetProperty("code").GetString()!;
    }

    public async Task<IReadOnlyList<JsonElement>> MailOfAsync(string address) =>
        [.. (await Http.GetFromJsonAsync<JsonElement>($"/dev/mailbox.json?to={Uri.EscapeDataString(address)}")).GetProperty("messages").EnumerateArray()];

    /// <summary>What Payments says when a rider has a first payment method.</summary>
    public async Task PublishPaymentMethodAsync(AccountId account)
    {
        var work = Services.GetRequiredService<CommandRunner<IdentityModule>>().NewWork("test");
        work.Publish(account.Value, new PaymentMethodAddedV1(account));
        await work.CommitAsync(CancellationToken.None);
        await SettleAsync();
    }

    public static async Task<JsonElement> JsonOf(HttpResponseMessage reply, HttpStatusCode expected)
    {
        var text = await reply.Content.ReadAsStringAsync();
        reply.StatusCode.ShouldBe(expected, text);
        return JsonSerializer.Deserialize<JsonElement>(text);
    }
}

/// <summary>Somebody who signed in.</summary>
public sealed record Person(string Email, HttpClient Client, string RefreshToken, JsonElement Reply)
{
    public async Task<JsonElement> MeAsync() => await Client.GetFromJsonAsync<JsonElement>("/v1/accounts/me");

    public async Task<AccountId> IdAsync() => Id.Parse<AccountId>((await MeAsync()).GetProperty("id").GetString()!);

    public Task<HttpResponseMessage> VerifyAsync(string channel, string code) => Client.PostAsJsonAsync("/v1/accounts/me/verify", new { channel, code });

    public Task<HttpResponseMessage> AcceptTermsAsync() => Client.PostAsJsonAsync("/v1/accounts/me/terms", new { version = Account.CurrentTerms });

    public IReadOnlyList<string> Scope => Reply.GetProperty("scope").GetString()!.Split(' ');
}
