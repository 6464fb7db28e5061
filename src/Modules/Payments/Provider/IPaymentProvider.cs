using Mobility.Platform;

namespace Mobility.Payments.Provider;

/// <summary>
/// A company that holds and takes money, shaped like payment intents with manual capture. Answers are values; an exception of type
/// <see cref="ProviderUnavailableException"/> means that nobody knows whether the call took effect, so it is asked again with the same
/// key: the same key never acts twice. What every implementation must do is written down as tests (ProviderCompliance).
/// </summary>
internal interface IPaymentProvider
{
    /// <summary>Lower case; names the clearing account in the ledger.</summary>
    string Name { get; }

    /// <summary>What a method token stands for; null for a token that the provider never gave out.</summary>
    Task<MethodDescription?> DescribeAsync(string token, CancellationToken ct);

    /// <summary>Reserves money, or takes it at once when the request says so.</summary>
    Task<Intent> CreateAsync(IntentRequest request, CancellationToken ct);

    /// <summary>Takes a part or all of what is reserved and frees the rest; possible once. An intent in another state is answered as it is.</summary>
    Task<Intent> CaptureAsync(string intent, Money amount, string key, CancellationToken ct);

    /// <summary>Frees what is reserved. An intent that is captured or canceled is answered as it is.</summary>
    Task<Intent> CancelAsync(string intent, string key, CancellationToken ct);

    /// <summary>How an intent stands.</summary>
    Task<Intent> GetAsync(string intent, CancellationToken ct);
}

/// <summary>What a provider is asked to reserve or take.</summary>
/// <param name="Amount">Greater than zero.</param>
/// <param name="Token">The method; never card data.</param>
/// <param name="Key">Idempotency key.</param>
/// <param name="Reference">Ours; comes back with webhooks.</param>
/// <param name="CaptureNow">Take the money at once, without the rider being there (off session).</param>
internal sealed record IntentRequest(Money Amount, string Token, string Key, string Reference, bool CaptureNow);

internal enum IntentStatus
{
    RequiresCapture,
    RequiresAction,
    Processing,
    Declined,
    Succeeded,
    Canceled,
}

/// <summary>An intent as the provider sees it.</summary>
/// <param name="Id">The provider's.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="Amount">Reserved.</param>
/// <param name="Captured">Taken.</param>
/// <param name="ActionUrl">Where the rider proves to be the rider; only with RequiresAction.</param>
/// <param name="Code">Why it was declined, or why the last capture did not work.</param>
internal sealed record Intent(string Id, IntentStatus Status, Money Amount, Money Captured, string? ActionUrl, string? Code);

/// <summary>What a rider may see of a method.</summary>
internal sealed record MethodDescription(string Brand, string Last4);

/// <summary>The provider did not answer in time, or said that it cannot now.</summary>
internal sealed class ProviderUnavailableException(string reason, Exception? cause = null) : Exception(reason, cause)
{
    /// <summary>When it makes sense to ask again; null when unknown.</summary>
    public DateTimeOffset? RetryAt { get; init; }
}
