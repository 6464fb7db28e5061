using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Mobility.Contracts;
using Mobility.Payments.Provider;
using Mobility.Platform;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;

namespace Mobility.Payments;

/// <summary>
/// Takes the next step of a payment outside any transaction: 1. load; 2. the state says what is next; 3. ask the provider with a key that
/// is the same in every try; 4. append what the answer means. A crash anywhere repeats it; a provider that does not answer is asked
/// again with growing pauses for as long as it takes.
/// </summary>
internal static partial class CallProvider
{
    /// <param name="Payment">The payment.</param>
    /// <param name="Failures">Tries in a row that led nowhere.</param>
    /// <param name="NewMeans">The rider has a new method or credit: an outstanding rest is tried again.</param>
    public sealed record Message(PaymentId Payment, int Failures, bool NewMeans) : IScheduledMessage;

    public static async Task Handle(Message message, Reaction r, CancellationToken ct)
    {
        var (id, provider) = (message.Payment, r.Services.GetRequiredService<IPaymentProvider>());
        var loaded = await r.Work.LoadStoredAsync(PaymentStream.Type, id.Value, ct); // what a provider was told cannot be taken back
        var step = PaymentFlow.Next(loaded.State, r.Now);
        if (step is Step.Nothing or Step.Wait)
        {
            PaymentJournal.ScheduleNext(r.Work, id, loaded.State);
            return;
        }
        try
        {
            var events = step switch
            {
                Step.VoidLocally => [new Voided()],
                Step.PrepareRemainder => await PrepareAsync(loaded.State, message, r, ct),
                _ => PaymentFlow.Answered(loaded.State, step, await AskAsync(provider, id, step, ct)),
            };
            var state = PaymentJournal.Write(r.Work, id, loaded, events, provider.Name);
            var stuck = events.Count == 0 || events is [CaptureDeferred];
            PaymentJournal.ScheduleNext(r.Work, id, state, stuck ? message.Failures + 1 : 0);
        }
        catch (ProviderUnavailableException e)
        {
            LogUnavailable(r.Services.GetRequiredService<ILogger<PaymentsModule>>(), id.ToString(), step.GetType().Name, message.Failures + 1, e.Message);
            var state = step is Step.Capture && !loaded.State.Deferred
                ? PaymentJournal.Write(r.Work, id, loaded, [new CaptureDeferred("provider_unavailable")], provider.Name)
                : loaded.State;
            PaymentJournal.ScheduleNext(r.Work, id, state, message.Failures + 1, e.RetryAt);
        }
    }

    private static async Task<IReadOnlyList<PaymentEvent>> PrepareAsync(PaymentState state, Message message, Reaction r, CancellationToken ct)
    {
        var database = r.Services.GetRequiredService<Database<PaymentsModule>>();
        var balance = await Wallet.BalanceAsync(database, r.Work, state.Rider, state.Charge!.Total.Currency, ct);
        var token = await Methods.NewestAsync(database, state.Rider, cardOnly: true, ct) ?? (state.IsFromWallet ? null : state.Token);
        return PaymentFlow.PrepareRemainder(state, balance, token, message.NewMeans);
    }

    private static Task<Intent> AskAsync(IPaymentProvider provider, PaymentId id, Step step, CancellationToken ct) => step switch
    {
        Step.Authorize authorize => provider.CreateAsync(new IntentRequest(authorize.Amount, authorize.Token, $"{id}:authorize", id.Value.ToString(), CaptureNow: false), ct),
        Step.Refresh refresh => provider.GetAsync(refresh.Intent, ct),
        Step.Capture capture => provider.CaptureAsync(capture.Intent, capture.Amount, $"{id}:capture", ct),
        Step.Cancel cancel => provider.CancelAsync(cancel.Intent, $"{id}:cancel", ct),
        Step.ChargeRemainder { Request: var rest } => provider.CreateAsync(
            new IntentRequest(rest.Amount, rest.Token, $"{id}:remainder:{rest.Number}", id.Value.ToString(), CaptureNow: true), ct),
        _ => throw new InvalidOperationException($"{step.GetType().Name} is nothing to ask a provider."),
    };

    [LoggerMessage(EventId = 5001, Level = LogLevel.Warning, Message = "{Payment} waits with {Step} after {Failures} tries: {Reason}")]
    private static partial void LogUnavailable(ILogger log, string payment, string step, int failures, string reason);
}
