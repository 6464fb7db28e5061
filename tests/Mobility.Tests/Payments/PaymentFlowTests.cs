using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Payments;
using Mobility.Payments.Provider;
using Mobility.Platform;
using Mobility.Tests.Support;
using Npgsql;

namespace Mobility.Tests.Payments;

/// <summary>The whole module on a real platform: bus, schedule, provider, webhooks, ledger.</summary>
public sealed class PaymentFlowTests(PaymentsPlatform platform) : IClassFixture<PaymentsPlatform>
{
    [Fact, Trait("Req", "PAY-2"), Trait("Req", "PAY-4")]
    public async Task A_ride_is_authorized_captured_invoiced_and_settled()
    {
        var rider = await platform.NewRiderAsync("tok_visa");
        var booking = await rider.ConfirmAsync();
        (await rider.StatusAsync(booking)).ShouldBe("authorized");
        await rider.ChargeAsync(booking, 640);
        var payment = await rider.PaymentAsync(booking);
        (payment.GetProperty("status").GetString(), AmountOf(payment, "captured"), AmountOf(payment, "due")).ShouldBe(("settled", 640, 0));
        var invoice = (await rider.InvoicesAsync()).ShouldHaveSingleItem();
        invoice.GetProperty("number").GetString()!.ShouldStartWith("TINY-2026-");
        (AmountOf(invoice, "total"), AmountOf(invoice, "net") + AmountOf(invoice, "vat")).ShouldBe((640, 640));
        invoice.TryGetProperty("paidAt", out _).ShouldBeTrue();
        (await rider.Client.GetFromJsonAsync<JsonElement>($"/v1/invoices/{invoice.GetProperty("id").GetString()}")).GetProperty("lines").GetArrayLength().ShouldBe(1);
        (await CountAsync($"SELECT count(*) FROM bus.messages WHERE key = '{booking.Value}' AND type IN ('payments.authorized.v1', 'payments.settled.v1')")).ShouldBe(2);
        await platform.AuditAsync();
    }

    [Theory, Trait("Req", "PAY-2")]
    [InlineData("tok_declined", "card_declined")]
    [InlineData("tok_insufficient_funds", "insufficient_funds")]
    [InlineData(null, "no_payment_method")]
    public async Task A_refusal_is_told_with_its_reason(string? token, string code)
    {
        var rider = await platform.NewRiderAsync(token is null ? [] : [token]);
        var payment = await rider.PaymentAsync(await rider.ConfirmAsync());
        (payment.GetProperty("status").GetString(), payment.GetProperty("declineCode").GetString()).ShouldBe(("declined", code));
        await platform.AuditAsync();
    }

    [Theory, Trait("Req", "PAY-2")]
    [InlineData("approve", "authorized")]
    [InlineData("decline", "declined")]
    public async Task The_rider_answers_the_bank_on_its_page(string answer, string status)
    {
        var rider = await platform.NewRiderAsync("tok_3ds");
        var booking = await rider.ConfirmAsync();
        var url = (await rider.PaymentAsync(booking)).GetProperty("actionUrl").GetString()!;
        (await platform.Http.GetStringAsync(url)).ShouldContain("Is this payment yours?");
        (await platform.Http.PostAsync($"{url}/{answer}", null)).StatusCode.ShouldBe(HttpStatusCode.OK);
        await platform.SettleAsync();
        (await rider.StatusAsync(booking)).ShouldBe(status);
        (await platform.Http.PostAsync($"{url}/approve", null)).StatusCode.ShouldBe(HttpStatusCode.Conflict);
        await platform.AuditAsync();
    }

    [Theory, Trait("Req", "PAY-3"), Trait("Req", "EVT-8")]
    [InlineData("tok_slow")]
    [InlineData("tok_timeout")]
    [InlineData("tok_webhook_twice")]
    [InlineData("tok_webhook_first")]
    [InlineData("tok_capture_fails_once")]
    public async Task A_difficult_provider_takes_the_money_exactly_once(string token)
    {
        var rider = await platform.NewRiderAsync(token);
        var booking = await rider.ConfirmAsync();
        await AdvanceUntilAsync(async () => await rider.StatusAsync(booking) == "authorized");
        await rider.ChargeAsync(booking, 700);
        await AdvanceUntilAsync(async () => await rider.StatusAsync(booking) == "settled");
        (await CountAsync($"SELECT count(*) FROM payments.sim_intents WHERE reference = '{PaymentOf(booking)}'")).ShouldBe(1);
        (await CountAsync($"SELECT sum(captured)::bigint FROM payments.sim_intents WHERE reference = '{PaymentOf(booking)}'")).ShouldBe(700);
        (await CountAsync($"SELECT count(*) FROM bus.messages WHERE key = '{booking.Value}' AND type = 'payments.settled.v1'")).ShouldBe(1);
        await platform.AuditAsync();
    }

    [Fact, Trait("Req", "PAY-8"), Trait("Req", "PAY-3")]
    public async Task An_outage_queues_the_charge_and_loses_nothing()
    {
        var rider = await platform.NewRiderAsync("tok_visa");
        var booking = await rider.ConfirmAsync();
        await platform.SwitchProviderAsync(down: true);
        try
        {
            await rider.ChargeAsync(booking, 700);
            var payment = await rider.PaymentAsync(booking);
            (payment.GetProperty("status").GetString(), payment.GetProperty("queued").GetBoolean()).ShouldBe(("capturing", true));
            (await rider.InvoicesAsync()).ShouldHaveSingleItem().TryGetProperty("paidAt", out _).ShouldBeFalse("what is owed is a fact, paid or not");
            for (var i = 0; i < 30; i++)
            {
                platform.Clock.Advance(TimeSpan.FromMinutes(5));
                await platform.SettleAsync();
            }
            await platform.AuditAsync();
        }
        finally
        {
            await platform.SwitchProviderAsync(down: false);
        }
        // After so many tries the pauses are long.
        await AdvanceUntilAsync(async () => await rider.StatusAsync(booking) == "settled", TimeSpan.FromMinutes(2));
        await platform.AuditAsync();
    }

    [Fact]
    public async Task A_released_booking_frees_the_money()
    {
        var rider = await platform.NewRiderAsync("tok_visa");
        var booking = await rider.ConfirmAsync();
        await rider.ReleaseAsync(booking);
        (await rider.StatusAsync(booking)).ShouldBe("voided");
        (await platform.ScalarAsync<string>($"SELECT status FROM payments.sim_intents WHERE reference = '{PaymentOf(booking)}'")).ShouldBe("canceled");
        await platform.AuditAsync();
    }

    [Fact, Trait("Req", "EVT-9")]
    public async Task A_release_that_overtakes_the_confirmation_leaves_nothing_reserved()
    {
        var rider = await platform.NewRiderAsync("tok_visa");
        var booking = platform.NewBooking();
        await rider.ReleaseAsync(booking, ReleaseReason.Expired);
        await rider.ConfirmAsync(booking: booking);
        platform.Clock.Advance(TimeSpan.FromMinutes(1)); // the wrong guess that the stream is new is tried again later
        await platform.SettleAsync();
        (await rider.StatusAsync(booking)).ShouldBe("voided");
        (await CountAsync($"SELECT count(*) FROM payments.sim_intents WHERE reference = '{PaymentOf(booking)}' AND status = 'requires_capture'")).ShouldBe(0);
        await platform.AuditAsync();
    }

    [Fact]
    public async Task A_fee_is_taken_from_the_kept_reservation_and_the_rest_is_freed()
    {
        var rider = await platform.NewRiderAsync("tok_visa");
        var booking = await rider.ConfirmAsync(5000);
        await rider.ReleaseAsync(booking, ReleaseReason.NoShow, feeDue: true);
        (await rider.StatusAsync(booking)).ShouldBe("authorized");
        await rider.ChargeAsync(booking, 900);
        (await rider.StatusAsync(booking)).ShouldBe("settled");
        await platform.AuditAsync();
    }

    [Fact, Trait("Req", "PAY-4")]
    public async Task A_ride_dearer_than_its_reservation_is_collected_in_two_parts()
    {
        var rider = await platform.NewRiderAsync("tok_visa");
        var booking = await rider.ConfirmAsync();
        await rider.ChargeAsync(booking, 2300);
        var payment = await rider.PaymentAsync(booking);
        (payment.GetProperty("status").GetString(), AmountOf(payment, "captured")).ShouldBe(("settled", 2300));
        (await CountAsync($"SELECT count(*) FROM payments.captures WHERE payment_id = '{PaymentOf(booking)}'")).ShouldBe(2);
        await platform.AuditAsync();
    }

    [Fact, Trait("Req", "PAY-4")]
    public async Task A_reservation_of_money_that_the_bank_dropped_is_taken_once_more_without_the_rider()
    {
        var rider = await platform.NewRiderAsync("tok_capture_declined");
        var booking = await rider.ConfirmAsync();
        await rider.ChargeAsync(booking, 1800);
        await platform.SettleAsync();
        (await rider.StatusAsync(booking)).ShouldBe("settled");
        AmountOf(await rider.PaymentAsync(booking), "captured").ShouldBe(1800);
        await platform.AuditAsync();
    }

    [Fact, Trait("Req", "PAY-4")]
    public async Task What_a_card_does_not_pay_stays_outstanding_until_another_card_does()
    {
        const long captured = 1000;
        var rider = await platform.NewRiderAsync("tok_remainder_declined");
        var booking = await rider.ConfirmAsync();
        await rider.ChargeAsync(booking, 1800);
        await platform.SettleAsync();
        var payment = await rider.PaymentAsync(booking);
        (payment.GetProperty("status").GetString(), AmountOf(payment, "captured"), AmountOf(payment, "due")).ShouldBe(("outstanding", captured, 1800 - captured));
        await platform.AuditAsync();
        await rider.AddMethodAsync("tok_visa");
        await platform.SettleAsync();
        (await rider.StatusAsync(booking)).ShouldBe("settled");
        (await CountAsync($"SELECT count(*) FROM payments.outstanding WHERE payment_id = '{PaymentOf(booking)}'")).ShouldBe(0);
        await platform.AuditAsync();
    }

    [Fact, Trait("Req", "PAY-6")]
    public async Task Credit_is_spent_first()
    {
        var rider = await platform.NewRiderAsync("tok_visa");
        await platform.GrantAsync(rider.Account, 500);
        (await rider.BalanceAsync()).ShouldBe(500);
        var booking = await rider.ConfirmAsync();
        await rider.ChargeAsync(booking, 800);
        var payment = await rider.PaymentAsync(booking);
        (AmountOf(payment, "fromCredit"), AmountOf(payment, "captured"), await rider.BalanceAsync()).ShouldBe((500, 300, 0));
        await platform.AuditAsync();
    }

    [Fact, Trait("Req", "PAY-6"), Trait("Req", "BKG-8")]
    public async Task A_wallet_pays_from_its_balance_only()
    {
        var rider = await platform.NewRiderAsync("wallet");
        (await rider.StatusAsync(await rider.ConfirmAsync(600))).ShouldBe("declined");
        await platform.GrantAsync(rider.Account, 1000);
        var first = await rider.ConfirmAsync(600);
        (await rider.BalanceAsync()).ShouldBe(400, "600 are kept for the ride");
        (await rider.StatusAsync(await rider.ConfirmAsync(600))).ShouldBe("declined", "the same money is not kept twice");
        await rider.ChargeAsync(first, 450);
        (await rider.StatusAsync(first)).ShouldBe("settled");
        (await rider.BalanceAsync()).ShouldBe(550);
        var released = await rider.ConfirmAsync(500);
        await rider.ReleaseAsync(released);
        (await rider.BalanceAsync()).ShouldBe(550);
        await platform.AuditAsync();
    }

    [Fact, Trait("Req", "PAY-6")]
    public async Task A_wallet_that_falls_short_owes_until_it_has_credit()
    {
        var rider = await platform.NewRiderAsync("wallet");
        await platform.GrantAsync(rider.Account, 500);
        var booking = await rider.ConfirmAsync(500);
        await rider.ChargeAsync(booking, 900);
        (await rider.StatusAsync(booking)).ShouldBe("outstanding");
        await platform.GrantAsync(rider.Account, 150);
        AmountOf(await rider.PaymentAsync(booking), "due").ShouldBe(250);
        await platform.GrantAsync(rider.Account, 1000);
        (await rider.StatusAsync(booking)).ShouldBe("settled");
        (await rider.BalanceAsync()).ShouldBe(750);
        await platform.AuditAsync();
    }

    [Fact, Trait("Req", "PAY-6")]
    public async Task A_grant_is_given_once_per_key()
    {
        var rider = await platform.NewRiderAsync();
        using var staff = platform.StaffClient();
        staff.DefaultRequestHeaders.Add("Idempotency-Key", $"grant-{rider.Account}");
        var path = $"/v1/accounts/{rider.Account}/credits";
        var body = new { amount = new { amount = 300, currency = "EUR" }, reason = "Sorry." };
        var replies = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => staff.PostAsJsonAsync(path, body)));
        replies.ShouldAllBe(r => r.StatusCode == HttpStatusCode.Created);
        (await rider.BalanceAsync()).ShouldBe(300);
        (await staff.PostAsJsonAsync(path, body with { reason = "Another." })).StatusCode.ShouldBe(HttpStatusCode.UnprocessableEntity);
        (await rider.Client.PostAsJsonAsync(path, body)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        await platform.AuditAsync();
    }

    [Fact, Trait("Req", "PAY-4")]
    public async Task Many_charges_at_once_get_numbers_without_a_gap()
    {
        var rider = await platform.NewRiderAsync("tok_visa");
        await platform.GrantAsync(rider.Account, 1_234);
        var bookings = Enumerable.Range(0, 120).Select(_ => platform.NewBooking()).ToArray();
        await platform.PublishAsync([.. bookings.Select(b => (b.Value, (IContractEvent)new BookingConfirmationRequestedV1(b, rider.Account, PaymentsPlatform.City, new(500, Currency.Eur))))]);
        await platform.SettleAsync();
        await Task.WhenAll(bookings.Chunk(7).Select(some => platform.PublishAsync([.. some.Select(b => rider.ChargeOf(b, 100))])));
        await platform.SettleAsync();
        foreach (var booking in bookings)
            (await rider.StatusAsync(booking)).ShouldBe("settled");
        (await rider.BalanceAsync()).ShouldBe(0);
        await platform.AuditAsync();
    }

    [Fact, Trait("Req", "PAY-3")]
    public async Task A_message_that_is_delivered_again_charges_nothing_again()
    {
        var rider = await platform.NewRiderAsync("tok_visa");
        var booking = await rider.ConfirmAsync();
        await rider.ConfirmAsync(booking: booking);
        await rider.ChargeAsync(booking, 640);
        await rider.ChargeAsync(booking, 640);
        await rider.ReleaseAsync(booking);
        (await rider.StatusAsync(booking)).ShouldBe("settled");
        (await rider.InvoicesAsync()).Length.ShouldBe(1);
        (await CountAsync($"SELECT sum(captured)::bigint FROM payments.sim_intents WHERE reference = '{PaymentOf(booking)}'")).ShouldBe(640);
        platform.Clock.Advance(TimeSpan.FromMinutes(1));
        await platform.AuditAsync();
    }

    [Theory, Trait("Req", "PAY-3")]
    [InlineData("INSERT INTO ledger_entries (posting_id, line, kind, reference, account, amount, currency, at) VALUES ('00000000-0000-0000-0000-000000000001', 1, 'x', '00000000-0000-0000-0000-000000000001', 'goodwill', 5, 'EUR', '2026-01-01Z')")]
    [InlineData("UPDATE ledger_entries SET amount = amount + 1")]
    [InlineData("DELETE FROM ledger_entries")]
    [InlineData("TRUNCATE ledger_entries")]
    [InlineData("DELETE FROM captures")]
    [InlineData("INSERT INTO captures VALUES ('00000000-0000-0000-0000-000000000001', 0, 'x', 100, 101, 'EUR', '2026-01-01Z')")]
    [InlineData("INSERT INTO wallets VALUES ('00000000-0000-0000-0000-000000000001', 'EUR', -1)")]
    [InlineData("INSERT INTO methods VALUES ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000001', '4242 4242 4242 4242', 'v', '4', '2026-01-01Z')")]
    public async Task The_database_itself_refuses_to_break_the_law(string sql)
    {
        var refused = await Should.ThrowAsync<PostgresException>(() => platform.Database.ExecuteAsync(sql, null, CancellationToken.None));
        refused.SqlState.ShouldBe(PostgresErrorCodes.CheckViolation);
    }

    [Fact]
    public async Task Other_peoples_money_is_not_shown()
    {
        var rider = await platform.NewRiderAsync("tok_visa");
        var booking = await rider.ConfirmAsync();
        await rider.ChargeAsync(booking, 640);
        var invoice = (await rider.InvoicesAsync())[0].GetProperty("id").GetString();
        var stranger = await platform.NewRiderAsync();
        (await stranger.Client.GetAsync($"/v1/payments/{booking}")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await stranger.Client.GetAsync($"/v1/invoices/{invoice}")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await stranger.Client.GetAsync($"/v1/invoices?account={rider.Account}")).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await stranger.InvoicesAsync()).ShouldBeEmpty();
        using var staff = platform.StaffClient();
        (await staff.GetAsync($"/v1/payments/{booking}")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await staff.GetAsync($"/v1/invoices?account={rider.Account}")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await platform.Http.GetAsync($"/v1/payments/{booking}")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Fact, Trait("Req", "PAY-2")]
    public async Task Methods_are_tokens_listed_by_their_last_digits_and_removed_by_their_owner()
    {
        var rider = await platform.NewRiderAsync("tok_visa", "tok_slow");
        (await rider.PostMethodAsync("tok_visa")).StatusCode.ShouldBe(HttpStatusCode.Created, "the same token again is the same method");
        var methods = (await rider.Client.GetFromJsonAsync<JsonElement>("/v1/payments/methods")).EnumerateArray().ToArray();
        methods.Select(m => m.GetProperty("last4").GetString()).ShouldBe(["0077", "4242"]);
        (await rider.PostMethodAsync("4242 4242 4242 4242")).StatusCode.ShouldBe(HttpStatusCode.UnprocessableEntity);
        (await rider.PostMethodAsync("tok_nobody_knows")).StatusCode.ShouldBe(HttpStatusCode.UnprocessableEntity);
        (await rider.PostMethodAsync("")).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        var id = methods[0].GetProperty("id").GetString();
        (await (await platform.NewRiderAsync()).Client.DeleteAsync($"/v1/payments/methods/{id}")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await rider.Client.DeleteAsync($"/v1/payments/methods/{id}")).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        (await CountAsync($"SELECT count(*) FROM bus.messages WHERE key = '{rider.Account.Value}' AND type = 'payments.method_added.v1'")).ShouldBe(1);
    }

    [Fact, Trait("Req", "PAY-3")]
    public async Task A_webhook_without_a_true_signature_is_refused()
    {
        var rider = await platform.NewRiderAsync("tok_3ds");
        var booking = await rider.ConfirmAsync();
        var body = Encoding.UTF8.GetBytes($$"""{"intent":"sim_pi_x","reference":"{{PaymentOf(booking)}}","status":"requires_capture"}""");
        (await PostWebhookAsync(body, SimulatedWebhook.Sign(new byte[32], platform.Clock.GetUtcNow(), body))).ShouldBe(HttpStatusCode.BadRequest);
        (await PostWebhookAsync(body, "")).ShouldBe(HttpStatusCode.BadRequest);
        (await PostWebhookAsync(new byte[ReceiveWebhook.BodyBytesMax + 1], "t=1,v1=0")).ShouldBe(HttpStatusCode.BadRequest);
        var secret = await platform.Services.GetRequiredService<SimulatedSecret>().GetAsync(CancellationToken.None);
        (await PostWebhookAsync(body, SimulatedWebhook.Sign(secret, platform.Clock.GetUtcNow(), body))).ShouldBe(HttpStatusCode.NoContent);
        await platform.SettleAsync();
        (await rider.StatusAsync(booking)).ShouldBe("action_required", "a notice is a hint to ask, never a fact");
        var nonsense = "[]"u8.ToArray();
        (await PostWebhookAsync(nonsense, SimulatedWebhook.Sign(secret, platform.Clock.GetUtcNow(), nonsense))).ShouldBe(HttpStatusCode.BadRequest);
    }

    private async Task<HttpStatusCode> PostWebhookAsync(byte[] body, string signature)
    {
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new("application/json");
        using var request = new HttpRequestMessage(HttpMethod.Post, SimulatedWebhook.Path) { Content = content };
        request.Headers.TryAddWithoutValidation(SimulatedWebhook.SignatureHeader, signature);
        return (await platform.Http.SendAsync(request)).StatusCode;
    }

    private Task AdvanceUntilAsync(Func<Task<bool>> condition, TimeSpan? step = null) => Eventually.TrueAsync(async () =>
    {
        await platform.SettleAsync();
        if (await condition())
            return true;
        platform.Clock.Advance(step ?? TimeSpan.FromSeconds(5));
        return false;
    }, "the payment's end");

    private async Task<long> CountAsync(string sql) => await platform.ScalarAsync<long>(sql);

    private static Guid PaymentOf(BookingId booking) => PaymentStream.IdOf(booking).Value;

    private static long AmountOf(JsonElement view, string name) => view.GetProperty(name).GetProperty("amount").GetInt64();
}
