using Microsoft.Extensions.Options;
using Mobility.Payments;
using Mobility.Payments.Provider;
using Mobility.Tests.Support;
using static Mobility.Tests.Payments.PaymentsSamples;

namespace Mobility.Tests.Payments;

public sealed class GuardedProviderTests
{
    private readonly TestClock _clock = new();
    private readonly RememberingProvider _inner = new();
    private readonly PaymentsOptions _options = new() { BreakerPause = TimeSpan.FromSeconds(5), ProviderTimeout = TimeSpan.FromMilliseconds(100) };
    private int _keys;

    private GuardedProvider New() => new(_inner, Options.Create(_options), _clock);

    [Fact, Trait("Req", "GWY-3"), Trait("Req", "PAY-3")]
    public async Task After_three_failures_the_provider_is_left_alone_and_one_probe_decides()
    {
        var guarded = New();
        _inner.IsDown = true;
        for (var i = 0; i < GuardedProvider.FailuresMax; i++)
            (await FailureAsync(guarded)).RetryAt.ShouldBeNull();
        _inner.IsDown = false;
        (await FailureAsync(guarded)).RetryAt.ShouldBe(_clock.GetUtcNow() + _options.BreakerPause, "it is open although the provider is back");
        _clock.Advance(_options.BreakerPause);
        (await CreateAsync(guarded)).Status.ShouldBe(IntentStatus.RequiresCapture);
        (await CreateAsync(guarded)).Status.ShouldBe(IntentStatus.RequiresCapture);
    }

    [Fact, Trait("Req", "GWY-3")]
    public async Task A_probe_that_fails_closes_the_door_again()
    {
        var guarded = New();
        _inner.IsDown = true;
        for (var i = 0; i < GuardedProvider.FailuresMax; i++)
            await FailureAsync(guarded);
        _clock.Advance(_options.BreakerPause);
        (await FailureAsync(guarded)).RetryAt.ShouldBeNull("this one was let through");
        (await FailureAsync(guarded)).RetryAt.ShouldBe(_clock.GetUtcNow() + _options.BreakerPause);
    }

    [Fact, Trait("Req", "GWY-3")]
    public async Task Failures_that_are_not_in_a_row_open_nothing()
    {
        var guarded = New();
        for (var i = 0; i < 5; i++)
        {
            _inner.IsDown = true;
            await FailureAsync(guarded);
            await FailureAsync(guarded);
            _inner.IsDown = false;
            await CreateAsync(guarded);
        }
    }

    [Fact, Trait("Req", "GWY-3")]
    public async Task A_provider_that_does_not_answer_is_unavailable()
    {
        var guarded = new GuardedProvider(new SilentProvider(), Options.Create(_options), _clock);
        (await FailureAsync(guarded)).InnerException.ShouldBeAssignableTo<OperationCanceledException>();
    }

    private Task<Intent> CreateAsync(GuardedProvider provider) => provider.CreateAsync(new IntentRequest(Eur(1000), "tok_visa", $"{++_keys}", "r", false), default);

    private Task<ProviderUnavailableException> FailureAsync(GuardedProvider provider) => Should.ThrowAsync<ProviderUnavailableException>(() => CreateAsync(provider));

    private sealed class SilentProvider : IPaymentProvider
    {
        public string Name => "silent";

        public Task<MethodDescription?> DescribeAsync(string token, CancellationToken ct) => NeverAsync<MethodDescription?>(ct);

        public Task<Intent> CreateAsync(IntentRequest request, CancellationToken ct) => NeverAsync<Intent>(ct);

        public Task<Intent> CaptureAsync(string intent, Mobility.Platform.Money amount, string key, CancellationToken ct) => NeverAsync<Intent>(ct);

        public Task<Intent> CancelAsync(string intent, string key, CancellationToken ct) => NeverAsync<Intent>(ct);

        public Task<Intent> GetAsync(string intent, CancellationToken ct) => NeverAsync<Intent>(ct);

        private static async Task<T> NeverAsync<T>(CancellationToken ct)
        {
            await Task.Delay(Timeout.Infinite, ct);
            throw new InvalidOperationException();
        }
    }
}
