using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Identity;
using Mobility.Platform;
using Mobility.Platform.Http;
using Mobility.Tests.Identity;
using Mobility.Tests.Support;

namespace Mobility.Tests.Notifications;

public sealed class MailboxTests(IdentityPlatform platform) : IClassFixture<IdentityPlatform>
{
    [Fact]
    public async Task A_receipt_reaches_the_rider_in_their_language_and_once()
    {
        var rider = await platform.NewPersonAsync(language: "de-DE");
        await PublishAsync(await rider.IdAsync(), new Money(1234, Currency.Eur));
        var receipts = (await platform.MailOfAsync(rider.Email)).Where(m => m.GetProperty("template").GetString() == "receipt").ToArray();
        receipts.Length.ShouldBe(1);
        receipts[0].GetProperty("subject").GetString().ShouldBe("Ihre Rechnung T-1");
        receipts[0].GetProperty("body").GetString()!.ShouldContain("12,34 EUR");
        receipts[0].GetProperty("to").GetString().ShouldBe(rider.Email);
    }

    [Fact]
    public async Task A_receipt_of_an_account_without_an_address_harms_nobody()
    {
        await PublishAsync(Id.New<AccountId>(platform.Clock), new Money(1, Currency.Eur));
        (await platform.Http.GetAsync("/dev/mailbox.json")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await platform.ScalarAsync<long>("SELECT count(*) FROM notifications.inbox")).ShouldBe(0);
    }

    [Fact]
    public async Task The_page_escapes_what_people_wrote()
    {
        var rider = await platform.NewPersonAsync();
        await PublishAsync(await rider.IdAsync(), new Money(1, Currency.Eur));
        var reply = await platform.Http.GetAsync($"/dev/mailbox?to={Uri.EscapeDataString(rider.Email)}");
        var page = await reply.Content.ReadAsStringAsync();
        reply.StatusCode.ShouldBe(HttpStatusCode.OK);
        page.ShouldContain("Robin &lt;b&gt;Rider&lt;/b&gt;");
        page.ShouldNotContain("<b>Rider");
        (await platform.Http.GetStringAsync("/dev/mailbox?to=%22%3E%3Cscript%3E")).ShouldNotContain("<script>");
    }

    [Theory]
    [InlineData("/dev/mailbox.json?limit=0")]
    [InlineData("/dev/mailbox.json?limit=201")]
    [InlineData("/dev/mailbox.json?limit=many")]
    public async Task A_bad_limit_is_refused(string path) => (await platform.Http.GetAsync(path)).StatusCode.ShouldBe(HttpStatusCode.BadRequest);

    private async Task PublishAsync(AccountId rider, Money total)
    {
        var work = platform.Services.GetRequiredService<CommandRunner<IdentityModule>>().NewWork("test");
        var booking = Id.New<BookingId>(platform.Clock);
        work.Publish(booking.Value, new PaymentSettledV1(
            booking, rider, Id.New<PaymentId>(platform.Clock), Id.New<InvoiceId>(platform.Clock), "T-1", total, total));
        await work.CommitAsync(CancellationToken.None);
        await platform.SettleAsync();
    }
}

/// <summary>The mailbox shows codes to everybody, so it must not be there by oversight.</summary>
public sealed class NoMailboxTests(PlatformFixture platform) : IClassFixture<PlatformFixture>
{
    [Theory]
    [InlineData("/dev/mailbox")]
    [InlineData("/dev/mailbox.json")]
    public async Task Without_configuration_there_is_no_mailbox(string path) => (await platform.Http.GetAsync(path)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
}
