using Mobility.Payments.Provider;
using Mobility.Platform;

namespace Mobility.Tests.Payments;

/// <summary>A provider in memory for tests of what runs on a provider; it keeps to the same suite as the simulated one. It can lose answers after the work is done.</summary>
internal sealed class RememberingProvider : IPaymentProvider
{
    private readonly Dictionary<string, string> _byKey = [];
    private readonly Dictionary<string, (Intent Intent, IntentRequest Request)> _intents = [];

    public bool IsDown { get; set; }

    /// <summary>The next calls act and then lose their answer.</summary>
    public int AnswersToLose { get; set; }

    public IReadOnlyCollection<Intent> Intents => [.. _intents.Values.Select(i => i.Intent)];

    public string Name => "remembering";

    public Task<MethodDescription?> DescribeAsync(string token, CancellationToken ct) =>
        Task.FromResult(token.StartsWith("tok_", StringComparison.Ordinal) && token != "tok_unknown" ? new MethodDescription("test", "0000") : null);

    public Task<Intent> CreateAsync(IntentRequest request, CancellationToken ct) => Answer(() =>
    {
        if (_byKey.TryGetValue(request.Key, out var known))
            return _intents[known].Request == request ? known : throw new InvalidOperationException("The key was used for another request.");
        var id = $"pi_{_intents.Count + 1}";
        var zero = Money.Zero(request.Amount.Currency);
        _intents[id] = (request switch
        {
            { Token: "tok_declined" } => new(id, IntentStatus.Declined, request.Amount, zero, null, "card_declined"),
            { Token: "tok_3ds", CaptureNow: false } => new(id, IntentStatus.RequiresAction, request.Amount, zero, $"/challenge/{id}", null),
            { Token: "tok_3ds" or "tok_remainder_declined", CaptureNow: true } => new(id, IntentStatus.Declined, request.Amount, zero, null, "authentication_required"),
            { CaptureNow: true } => new(id, IntentStatus.Succeeded, request.Amount, request.Amount, null, null),
            _ => new(id, IntentStatus.RequiresCapture, request.Amount, zero, null, null),
        }, request);
        _byKey[request.Key] = id;
        return id;
    });

    public Task<Intent> CaptureAsync(string intent, Money amount, string key, CancellationToken ct) => Answer(() =>
    {
        var (now, request) = _intents[intent];
        if (now.Status == IntentStatus.RequiresCapture && amount <= now.Amount)
            _intents[intent] = (request.Token == "tok_capture_declined"
                ? now with { Status = IntentStatus.Declined, Code = "expired_authorization" }
                : now with { Status = IntentStatus.Succeeded, Captured = amount }, request);
        return intent;
    });

    public Task<Intent> CancelAsync(string intent, string key, CancellationToken ct) => Answer(() =>
    {
        var (now, request) = _intents[intent];
        if (now.Status is IntentStatus.RequiresCapture or IntentStatus.RequiresAction or IntentStatus.Processing)
            _intents[intent] = (now with { Status = IntentStatus.Canceled }, request);
        return intent;
    });

    public Task<Intent> GetAsync(string intent, CancellationToken ct) => Answer(() => intent);

    /// <summary>The rider answers the bank.</summary>
    public void AnswerChallenges(bool approved)
    {
        foreach (var (id, (intent, request)) in _intents.Where(i => i.Value.Intent.Status == IntentStatus.RequiresAction).ToArray())
            _intents[id] = (approved
                ? intent with { Status = IntentStatus.RequiresCapture, ActionUrl = null }
                : intent with { Status = IntentStatus.Declined, ActionUrl = null, Code = "authentication_failed" }, request);
    }

    private Task<Intent> Answer(Func<string> act)
    {
        if (IsDown)
            throw new ProviderUnavailableException("down");
        var id = act();
        if (AnswersToLose <= 0)
            return Task.FromResult(_intents[id].Intent);
        AnswersToLose--;
        throw new ProviderUnavailableException("the answer was lost");
    }
}
