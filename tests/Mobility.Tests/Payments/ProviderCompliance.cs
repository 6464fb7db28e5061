using Mobility.Payments.Provider;
using Mobility.Platform;

namespace Mobility.Tests.Payments;

/// <summary>What every payment provider must do for us; each implementation runs it.</summary>
public abstract class ProviderCompliance
{
    private static readonly Money TenEuro = new(1000, Currency.Eur);
    private int _keys;

    private protected abstract IPaymentProvider Provider { get; }

    [Fact, Trait("Req", "PAY-2")]
    public async Task Money_is_reserved_first_and_taken_later()
    {
        var held = await CreateAsync("tok_visa");
        held.Status.ShouldBe(IntentStatus.RequiresCapture);
        (held.Amount, held.Captured.Amount).ShouldBe((TenEuro, 0));
        var taken = await Provider.CaptureAsync(held.Id, new(700, Currency.Eur), Key(), default);
        (taken.Status, taken.Captured.Amount).ShouldBe((IntentStatus.Succeeded, 700));
        (await Provider.GetAsync(held.Id, default)).ShouldBe(taken);
    }

    [Fact, Trait("Req", "PAY-3")]
    public async Task The_same_key_reserves_once()
    {
        var key = Key();
        var first = await CreateAsync("tok_visa", key);
        (await CreateAsync("tok_visa", key)).ShouldBe(first);
        (await CreateAsync("tok_visa")).Id.ShouldNotBe(first.Id);
    }

    [Fact, Trait("Req", "PAY-3")]
    public async Task The_same_key_with_another_request_is_a_fault_of_ours()
    {
        var key = Key();
        await CreateAsync("tok_visa", key);
        await Should.ThrowAsync<InvalidOperationException>(() => CreateAsync("tok_slow", key));
    }

    [Fact, Trait("Req", "PAY-3")]
    public async Task Money_is_taken_at_most_once()
    {
        var held = await CreateAsync("tok_visa");
        await Provider.CaptureAsync(held.Id, new(700, Currency.Eur), Key(), default);
        (await Provider.CaptureAsync(held.Id, new(300, Currency.Eur), Key(), default)).Captured.Amount.ShouldBe(700);
    }

    [Fact, Trait("Req", "PAY-3")]
    public async Task More_than_reserved_is_never_taken()
    {
        var held = await CreateAsync("tok_visa");
        var answer = await Provider.CaptureAsync(held.Id, new(1001, Currency.Eur), Key(), default);
        (answer.Status, answer.Captured.Amount).ShouldBe((IntentStatus.RequiresCapture, 0));
    }

    [Fact]
    public async Task What_is_canceled_cannot_be_taken()
    {
        var held = await CreateAsync("tok_visa");
        (await Provider.CancelAsync(held.Id, Key(), default)).Status.ShouldBe(IntentStatus.Canceled);
        (await Provider.CancelAsync(held.Id, Key(), default)).Status.ShouldBe(IntentStatus.Canceled);
        (await Provider.CaptureAsync(held.Id, TenEuro, Key(), default)).Captured.Amount.ShouldBe(0);
    }

    [Fact]
    public async Task What_is_taken_cannot_be_canceled()
    {
        var held = await CreateAsync("tok_visa");
        await Provider.CaptureAsync(held.Id, TenEuro, Key(), default);
        (await Provider.CancelAsync(held.Id, Key(), default)).Status.ShouldBe(IntentStatus.Succeeded);
    }

    [Fact]
    public async Task A_refusal_is_an_answer()
    {
        var declined = await CreateAsync("tok_declined");
        (declined.Status, declined.Code).ShouldBe((IntentStatus.Declined, "card_declined"));
    }

    [Fact, Trait("Req", "PAY-2")]
    public async Task A_bank_may_ask_for_the_rider()
    {
        var asked = await CreateAsync("tok_3ds");
        asked.Status.ShouldBe(IntentStatus.RequiresAction);
        asked.ActionUrl.ShouldNotBeNullOrEmpty();
        (await Provider.CancelAsync(asked.Id, Key(), default)).Status.ShouldBe(IntentStatus.Canceled);
    }

    [Fact]
    public async Task Off_session_money_is_taken_at_once_or_refused()
    {
        var taken = await CreateAsync("tok_visa", captureNow: true);
        (taken.Status, taken.Captured).ShouldBe((IntentStatus.Succeeded, TenEuro));
        (await CreateAsync("tok_3ds", captureNow: true)).Status.ShouldBe(IntentStatus.Declined);
    }

    [Fact]
    public async Task A_capture_may_be_refused_for_good()
    {
        var held = await CreateAsync("tok_capture_declined");
        var answer = await Provider.CaptureAsync(held.Id, TenEuro, Key(), default);
        (answer.Status, answer.Captured.Amount).ShouldBe((IntentStatus.Declined, 0));
    }

    [Fact]
    public async Task Unknown_tokens_are_known_to_be_unknown()
    {
        (await Provider.DescribeAsync("tok_visa", default)).ShouldNotBeNull();
        (await Provider.DescribeAsync("tok_unknown", default)).ShouldBeNull();
    }

    private Task<Intent> CreateAsync(string token, string? key = null, bool captureNow = false) =>
        Provider.CreateAsync(new IntentRequest(TenEuro, token, key ?? Key(), "00000000-0000-0000-0000-000000000001", captureNow), default);

    private string Key() => $"key-{GetHashCode()}-{++_keys}";
}

public sealed class RememberingProviderTests : ProviderCompliance
{
    private protected override IPaymentProvider Provider { get; } = new RememberingProvider();
}
