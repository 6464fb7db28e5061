using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Mobility.Identity;
using Mobility.Tests.Support;

namespace Mobility.Tests.Identity;

public sealed class RegistrationTests(IdentityPlatform platform) : IClassFixture<IdentityPlatform>
{
    [Fact, Trait("Req", "IDN-1")]
    public async Task A_person_becomes_bookable_only_when_every_step_is_done_and_the_next_token_says_so()
    {
        var person = await platform.NewPersonAsync();
        person.Scope.ShouldBe(["account.self", "payments.self", "vehicles.read"]);
        MissingOf(await person.MeAsync()).ShouldBe(["email", "phone", "terms", "payment_method"]);

        (await person.VerifyAsync("email", await platform.CodeOfAsync(person.Email))).StatusCode.ShouldBe(HttpStatusCode.OK);
        var phone = (await person.MeAsync()).GetProperty("phone").GetString()!;
        (await person.VerifyAsync("phone", await platform.CodeOfAsync(phone))).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await person.AcceptTermsAsync()).StatusCode.ShouldBe(HttpStatusCode.OK);
        var before = await person.MeAsync();
        MissingOf(before).ShouldBe(["payment_method"]);
        before.GetProperty("bookable").GetBoolean().ShouldBeFalse();
        (await platform.SignInAsync(person.Email)).Scope.ShouldNotContain("bookings.write");

        await platform.PublishPaymentMethodAsync(await person.IdAsync());
        (await person.MeAsync()).GetProperty("bookable").GetBoolean().ShouldBeTrue();
        var refreshed = await IdentityPlatform.JsonOf(
            await platform.TokenAsync(("grant_type", "refresh_token"), ("refresh_token", person.RefreshToken)), HttpStatusCode.OK);
        refreshed.GetProperty("scope").GetString()!.Split(' ').ShouldBe(["account.self", "bookings.write", "payments.self", "quotes.write", "vehicles.read"]);
        await platform.SettleAsync();
        (await platform.MailOfAsync(person.Email)).Count(m => m.GetProperty("template").GetString() == "welcome").ShouldBe(1);
    }

    [Fact, Trait("Req", "IDN-1")]
    public async Task The_underage_are_refused()
    {
        var almost = platform.Clock.GetUtcNow().AddYears(-18).AddDays(1);
        var reply = await platform.RegisterAsync(IdentityPlatform.Form(platform.NewEmail(), birthDate: almost.ToString("yyyy-MM-dd")));
        await Replies.RefusedAsync(reply, HttpStatusCode.UnprocessableEntity, "identity.underage");
    }

    [Fact]
    public async Task Steps_at_the_same_time_still_make_the_account_bookable()
    {
        for (var round = 0; round < 5; round++)
        {
            var person = await platform.NewPersonAsync();
            var phone = (await person.MeAsync()).GetProperty("phone").GetString()!;
            var (emailCode, phoneCode) = (await platform.CodeOfAsync(person.Email), await platform.CodeOfAsync(phone));
            var id = await person.IdAsync();
            await Task.WhenAll(person.VerifyAsync("email", emailCode), person.VerifyAsync("phone", phoneCode), person.AcceptTermsAsync(),
                platform.PublishPaymentMethodAsync(id));
            await platform.SettleAsync();
            await Support.Eventually.TrueAsync(async () => (await person.MeAsync()).GetProperty("bookable").GetBoolean(), "becoming bookable");
        }
    }

    [Fact]
    public async Task A_known_address_is_answered_like_a_new_one_and_its_owner_is_told()
    {
        var person = await platform.NewPersonAsync();
        var id = await person.IdAsync();
        var again = await platform.RegisterAsync(IdentityPlatform.Form(person.Email.ToUpperInvariant()));
        var other = await platform.RegisterAsync(IdentityPlatform.Form(platform.NewEmail()));
        (again.StatusCode, await again.Content.ReadAsStringAsync()).ShouldBe((other.StatusCode, await other.Content.ReadAsStringAsync()));
        await platform.SettleAsync();
        (await platform.MailOfAsync(person.Email)).Count(m => m.GetProperty("template").GetString() == "registration_repeated").ShouldBe(1);
        (await (await platform.SignInAsync(person.Email)).IdAsync()).ShouldBe(id);
    }

    [Fact]
    public async Task An_address_that_nobody_proved_in_time_may_be_registered_anew_and_the_old_tokens_lead_nowhere()
    {
        var squatter = await platform.NewPersonAsync();
        var id = await squatter.IdAsync();
        platform.Clock.Advance(Codes.Lifetime);
        await platform.RegisterAsync(IdentityPlatform.Form(squatter.Email));
        var owner = await platform.SignInAsync(squatter.Email);
        (await owner.IdAsync()).ShouldNotBe(id);
        (await platform.TokenAsync(("grant_type", "refresh_token"), ("refresh_token", squatter.RefreshToken))).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await squatter.Client.GetAsync("/v1/accounts/me")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact, Trait("Req", "IDN-1")]
    public async Task After_five_wrong_codes_the_right_one_is_refused_too_and_a_new_code_helps()
    {
        var person = await platform.NewPersonAsync();
        var code = await platform.CodeOfAsync(person.Email);
        var wrong = code == "000000" ? "000001" : "000000";
        for (var left = Codes.TriesMax - 1; left >= 0; left--)
        {
            var refused = await IdentityPlatform.JsonOf(await person.VerifyAsync("email", wrong), HttpStatusCode.UnprocessableEntity);
            refused.GetProperty("code").GetString().ShouldBe("identity.code_wrong");
            refused.GetProperty("triesLeft").GetInt32().ShouldBe(left);
        }
        await Replies.RefusedAsync(await person.VerifyAsync("email", code), HttpStatusCode.UnprocessableEntity, "identity.code_used_up");
        (await person.Client.PostAsJsonAsync("/v1/accounts/me/codes", new { channel = "email" })).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        (await person.VerifyAsync("email", await platform.CodeOfAsync(person.Email))).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Of_many_guesses_at_once_five_are_compared()
    {
        var person = await platform.NewPersonAsync();
        var code = await platform.CodeOfAsync(person.Email);
        var wrong = code == "000000" ? "000001" : "000000";
        var replies = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => person.VerifyAsync("email", wrong)));
        var codes = await Task.WhenAll(replies.Select(async r => (await r.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString()));
        codes.Count(c => c == "identity.code_wrong").ShouldBe(Codes.TriesMax);
        codes.Count(c => c == "identity.code_used_up").ShouldBe(20 - Codes.TriesMax);
    }

    [Fact]
    public async Task A_code_is_too_old_after_ten_minutes()
    {
        var person = await platform.NewPersonAsync();
        var code = await platform.CodeOfAsync(person.Email);
        platform.Clock.Advance(Codes.Lifetime);
        await Replies.RefusedAsync(await person.VerifyAsync("email", code), HttpStatusCode.UnprocessableEntity, "identity.code_expired");
    }

    [Fact]
    public async Task Ten_codes_a_day_are_enough()
    {
        var person = await platform.NewPersonAsync();
        for (var i = 1; i < Codes.IssuesPerDayMax; i++)
            (await person.Client.PostAsJsonAsync("/v1/accounts/me/codes", new { channel = "phone" })).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await Replies.RefusedAsync(
            await person.Client.PostAsJsonAsync("/v1/accounts/me/codes", new { channel = "phone" }), HttpStatusCode.TooManyRequests, "identity.too_many_codes");
    }

    [Fact]
    public async Task A_code_is_nowhere_in_identitys_tables_in_clear()
    {
        var person = await platform.NewPersonAsync();
        var code = await platform.CodeOfAsync(person.Email);
        (await platform.ScalarAsync<long>("SELECT count(*) FROM identity.codes")).ShouldBeGreaterThan(0);
        (await platform.ScalarAsync<long>($"""
            SELECT count(*) FROM identity.codes
            WHERE position(convert_to('{code}', 'UTF8') IN hash) > 0 OR hash = sha256(convert_to('{code}', 'UTF8'))
            """)).ShouldBe(0);
    }

    [Fact]
    public async Task A_verified_channel_is_verified_once_and_a_retry_gets_the_same_answer()
    {
        var person = await platform.NewPersonAsync();
        var code = await platform.CodeOfAsync(person.Email);
        var replies = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => person.VerifyAsync("email", code)));
        replies.ShouldContain(r => r.StatusCode == HttpStatusCode.OK);
        replies.ShouldAllBe(r => r.StatusCode == HttpStatusCode.OK || r.StatusCode == HttpStatusCode.UnprocessableEntity);
        (await person.VerifyAsync("email", code)).StatusCode.ShouldBe(HttpStatusCode.OK);
        MissingOf(await person.MeAsync()).ShouldBe(["phone", "terms", "payment_method"]);
    }

    [Fact]
    public async Task Who_forgot_the_password_sets_a_new_one_by_code_and_all_sessions_end()
    {
        var person = await platform.NewPersonAsync();
        (await platform.Http.PostAsJsonAsync("/v1/passwords/codes", new { email = person.Email })).StatusCode.ShouldBe(HttpStatusCode.Accepted);
        (await platform.Http.PostAsJsonAsync("/v1/passwords/codes", new { email = platform.NewEmail() })).StatusCode.ShouldBe(HttpStatusCode.Accepted);
        var code = await platform.CodeOfAsync(person.Email);
        (await person.VerifyAsync("email", code)).StatusCode.ShouldBe(HttpStatusCode.UnprocessableEntity); // a code serves one purpose
        var body = new { email = person.Email, code, password = "another good password" };
        (await platform.Http.PostAsJsonAsync("/v1/passwords", body)).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await Replies.RefusedAsync(
            await platform.Http.PostAsJsonAsync("/v1/passwords", body), HttpStatusCode.UnprocessableEntity, "identity.code_used_up");
        await Replies.RefusedAsync(await platform.Http.PostAsJsonAsync("/v1/passwords", body with { email = platform.NewEmail() }),
            HttpStatusCode.UnprocessableEntity, "identity.code_used_up");
        (await platform.TokenAsync(("grant_type", "refresh_token"), ("refresh_token", person.RefreshToken))).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        MissingOf(await (await platform.SignInAsync(person.Email, body.password)).MeAsync()).ShouldBe(["phone", "terms", "payment_method"]);
    }

    [Theory]
    [InlineData("email", "no-at-sign")]
    [InlineData("email", "two@at@example.org")]
    [InlineData("email", "line\nbreak@example.org")]
    [InlineData("phone", "0151 123")]
    [InlineData("password", "short")]
    [InlineData("displayName", " ")]
    [InlineData("displayName", "line\nbreak")]
    [InlineData("language", "english please")]
    [InlineData("birthDate", "2999-01-01")]
    public async Task What_has_the_wrong_form_is_refused_with_the_field(string field, string value)
    {
        var form = JsonSerializer.SerializeToNode(IdentityPlatform.Form(platform.NewEmail()))!.AsObject();
        form[field] = value;
        var problem = await IdentityPlatform.JsonOf(await platform.RegisterAsync(form), HttpStatusCode.BadRequest);
        problem.GetProperty("field").GetString().ShouldBe(field);
    }

    private static IEnumerable<string?> MissingOf(JsonElement me) => me.GetProperty("missing").EnumerateArray().Select(m => m.GetString());
}
