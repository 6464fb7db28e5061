using Microsoft.Extensions.Options;
using Mobility.Platform;

namespace Mobility.Payments.Provider;

/// <summary>
/// Stands before a provider: a time limit per call, and a breaker that opens after three failures in a row, lets nobody through for a
/// while, and then one call only, which decides (GWY-3). Ours rather than Polly's because that one counts ratios over a window, in which
/// a provider that dies under load stays "mostly fine" for half a minute.
/// </summary>
internal sealed class GuardedProvider(IPaymentProvider inner, IOptions<PaymentsOptions> options, TimeProvider clock) : IPaymentProvider
{
    public const int FailuresMax = 3;

    private readonly Lock _gate = new();
    private int _failures;
    private DateTimeOffset _closedUntil = DateTimeOffset.MinValue;
    private bool _probing;

    public string Name => inner.Name;

    public Task<MethodDescription?> DescribeAsync(string token, CancellationToken ct) => GuardAsync(t => inner.DescribeAsync(token, t), ct);

    public Task<Intent> CreateAsync(IntentRequest request, CancellationToken ct) => GuardAsync(t => inner.CreateAsync(request, t), ct);

    public Task<Intent> CaptureAsync(string intent, Money amount, string key, CancellationToken ct) => GuardAsync(t => inner.CaptureAsync(intent, amount, key, t), ct);

    public Task<Intent> CancelAsync(string intent, string key, CancellationToken ct) => GuardAsync(t => inner.CancelAsync(intent, key, t), ct);

    public Task<Intent> GetAsync(string intent, CancellationToken ct) => GuardAsync(t => inner.GetAsync(intent, t), ct);

    private async Task<T> GuardAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken ct)
    {
        Enter();
        // The limit is the machine's time, not the injected one: the provider outside does not live in a simulated day.
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(options.Value.ProviderTimeout);
        try
        {
            var answer = await call(limit.Token);
            Leave(failed: false);
            return answer;
        }
        catch (ProviderUnavailableException)
        {
            Leave(failed: true);
            throw;
        }
        catch (Exception e) when (!ct.IsCancellationRequested && e is OperationCanceledException or HttpRequestException or TimeoutException)
        {
            Leave(failed: true);
            throw new ProviderUnavailableException("The provider did not answer in time.", e);
        }
        catch
        {
            // Not the provider's fault, but a probe must not stay open for ever.
            Leave(failed: false);
            throw;
        }
    }

    private void Enter()
    {
        lock (_gate)
        {
            if (_failures < FailuresMax)
                return;
            var now = clock.GetUtcNow();
            if (now < _closedUntil || _probing)
                throw new ProviderUnavailableException("The provider failed three times in a row and is left alone for a while.")
                {
                    RetryAt = now < _closedUntil ? _closedUntil : now + options.Value.BreakerPause,
                };
            _probing = true;
        }
    }

    private void Leave(bool failed)
    {
        lock (_gate)
        {
            _probing = false;
            _failures = failed ? Math.Min(_failures + 1, FailuresMax) : 0;
            if (failed && _failures == FailuresMax)
                _closedUntil = clock.GetUtcNow() + options.Value.BreakerPause;
        }
    }
}
