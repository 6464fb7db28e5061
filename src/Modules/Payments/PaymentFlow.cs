using System.Diagnostics;
using Mobility.Payments.Provider;
using Mobility.Platform;

namespace Mobility.Payments;

/// <summary>What is to be done next about a payment. It follows from the state alone, so any order of inputs and any crash ends in the same place.</summary>
internal abstract record Step
{
    internal sealed record Nothing : Step;

    internal sealed record Wait(DateTimeOffset Until) : Step;

    internal sealed record Authorize(Money Amount, string Token) : Step;

    internal sealed record Refresh(string Intent) : Step;

    internal sealed record Capture(string Intent, Money Amount) : Step;

    internal sealed record Cancel(string Intent) : Step;

    internal sealed record VoidLocally : Step;

    /// <summary>Look at the wallet and the methods: how can the rest be paid?</summary>
    internal sealed record PrepareRemainder : Step;

    internal sealed record ChargeRemainder(RemainderRequested Request) : Step;
}

/// <summary>The process of one payment as pure functions: state → next step, and step × answer → events.</summary>
internal static class PaymentFlow
{
    /// <summary>How long the reservation is kept for a fee that does not come.</summary>
    public static readonly TimeSpan FeeAwaited = TimeSpan.FromHours(24);

    /// <summary>Charges of an outstanding rest that are tried by themselves; after that it waits for the rider's new method or credit.</summary>
    public const int RemainderTriesMax = 10;

    private static readonly TimeSpan RemainderPauseMax = TimeSpan.FromHours(24);
    private static readonly TimeSpan PollFirst = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan PauseMax = TimeSpan.FromMinutes(5);

    public static Step Next(PaymentState state, DateTimeOffset now)
    {
        switch (state.Hold)
        {
            case Hold.Requested:
                return new Step.Authorize(state.Requested!.Value, state.Token!);
            case Hold.ActionRequired or Hold.Pending:
                return state.Released is not null || state.Charge is not null ? new Step.Cancel(state.Intent!) : new Step.Refresh(state.Intent!);
            case Hold.Held when state.Charge is { } charge && state.Intent is not null:
                var due = Money.Min(charge.Total - (state.Credit ?? Money.Zero(charge.Total.Currency)), state.Authorized!.Value);
                return due.Amount > 0 ? new Step.Capture(state.Intent, due) : new Step.Cancel(state.Intent);
            case Hold.Held when state.Charge is null && state.FeeDue && now < state.ReleasedAt + FeeAwaited:
                return new Step.Wait(state.ReleasedAt + FeeAwaited);
            case Hold.Held when state.Charge is null && state.Released is not null:
                return state.Intent is null ? new Step.VoidLocally() : new Step.Cancel(state.Intent);
            default:
                return state.Charge is null || state.IsSettled ? new Step.Nothing()
                    : state.Remainder is { } remainder ? new Step.ChargeRemainder(remainder)
                    : new Step.PrepareRemainder();
        }
    }

    /// <summary>What the provider's answer means. Throws when it contradicts a law: then a person must look.</summary>
    public static IReadOnlyList<PaymentEvent> Answered(PaymentState state, Step step, Intent answer) => step switch
    {
        Step.Authorize or Step.Refresh => Authorization(state, answer),
        Step.Capture capture => Capture(state, capture, answer),
        Step.Cancel => answer.Status switch
        {
            IntentStatus.Canceled or IntentStatus.Declined => [new Voided()],
            IntentStatus.Succeeded => throw new InvalidOperationException($"The provider says that {answer.Id} was captured; we never asked for it."),
            _ => [],
        },
        Step.ChargeRemainder charge => Remainder(state, charge.Request, answer),
        _ => throw new UnreachableException(),
    };

    /// <summary>How the rest of a charge is paid now: credit first, then the rider's card; otherwise it is left outstanding.</summary>
    public static IReadOnlyList<PaymentEvent> PrepareRemainder(PaymentState state, Money balance, string? token, bool newMeans)
    {
        var events = new List<PaymentEvent>();
        var due = state.Due!.Value;
        if (Money.Min(balance, due) is { Amount: > 0 } credit)
        {
            events.Add(new CreditApplied(credit));
            due -= credit;
        }
        if (due.Amount == 0)
            events.Add(new Settled());
        else if (token is not null && (newMeans || state.RemainderTries < RemainderTriesMax))
            events.Add(new RemainderRequested(state.RemainderTries + 1, token, due));
        else if (state.OutstandingReason is null)
            events.Add(new LeftOutstanding(due, token is null ? "no_payment_method" : "given_up"));
        return events;
    }

    /// <summary>When the next step is due; null when something else must happen first.</summary>
    /// <param name="state">After the last step.</param>
    /// <param name="next">What follows.</param>
    /// <param name="failures">Tries of this step in a row that led nowhere; 0 after progress.</param>
    /// <param name="now">Now.</param>
    public static DateTimeOffset? DueAt(PaymentState state, Step next, int failures, DateTimeOffset now) => next switch
    {
        Step.Nothing => null,
        Step.Wait wait => wait.Until,
        Step.PrepareRemainder when state.RemainderTries >= RemainderTriesMax => null,
        Step.PrepareRemainder when state.OutstandingReason is not null && state.RemainderTries == 0 => null,
        Step.PrepareRemainder when state.RemainderTries > 0 => now + RemainderPause(state.RemainderTries),
        Step.Refresh => now + Longer(PollFirst, failures),
        _ => now + (failures == 0 ? TimeSpan.Zero : Longer(TimeSpan.FromSeconds(1), failures - 1)),
    };

    private static IReadOnlyList<PaymentEvent> Authorization(PaymentState state, Intent answer) => answer.Status switch
    {
        IntentStatus.RequiresCapture or IntentStatus.Succeeded => [new Authorized(answer.Id, answer.Amount)],
        IntentStatus.RequiresAction => state.Hold == Hold.ActionRequired ? [] : [new ActionRequired(answer.Id, answer.ActionUrl!)],
        IntentStatus.Processing => state.Hold == Hold.Pending ? [] : [new AuthorizationPending(answer.Id)],
        IntentStatus.Declined => [new Declined(answer.Code ?? "declined")],
        IntentStatus.Canceled => [new Declined("canceled")],
        _ => throw new UnreachableException(),
    };

    private static IReadOnlyList<PaymentEvent> Capture(PaymentState state, Step.Capture step, Intent answer)
    {
        switch (answer.Status)
        {
            case IntentStatus.Succeeded:
                if (answer.Captured != step.Amount || answer.Captured > state.Authorized!.Value)
                    throw new InvalidOperationException($"{answer.Captured} were captured from {answer.Id} instead of {step.Amount}.");
                return state.Due == answer.Captured
                    ? [new Captured(answer.Id, answer.Captured), new Settled()]
                    : [new Captured(answer.Id, answer.Captured)];
            case IntentStatus.Declined or IntentStatus.Canceled:
                return [new CaptureFailed(answer.Code ?? "canceled")];
            default:
                return state.Deferred ? [] : [new CaptureDeferred(answer.Code ?? "processing")];
        }
    }

    private static IReadOnlyList<PaymentEvent> Remainder(PaymentState state, RemainderRequested request, Intent answer)
    {
        switch (answer.Status)
        {
            case IntentStatus.Succeeded:
                if (answer.Captured != request.Amount || state.Due != request.Amount)
                    throw new InvalidOperationException($"{answer.Captured} were taken with {answer.Id} instead of {request.Amount}.");
                return [new RemainderCaptured(request.Number, answer.Id, answer.Captured), new Settled()];
            case IntentStatus.Processing:
                return [];
            default:
                // Nobody is there to answer the bank's question: off session, a wish for action is a refusal.
                var code = answer.Code ?? "authentication_required";
                return state.OutstandingReason is null
                    ? [new RemainderDeclined(request.Number, code), new LeftOutstanding(request.Amount, code)]
                    : [new RemainderDeclined(request.Number, code)];
        }
    }

    private static TimeSpan RemainderPause(int tries) =>
        TimeSpan.FromHours(1) * Math.Min(RemainderPauseMax / TimeSpan.FromHours(1), 1 << Math.Min(tries - 1, 10));

    private static TimeSpan Longer(TimeSpan first, int failures) =>
        TimeSpan.FromSeconds(Math.Min(PauseMax.TotalSeconds, first.TotalSeconds * (1 << Math.Min(failures, 10))));
}
