using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Mobility.Contracts;
using Mobility.Payments.Provider;
using Mobility.Platform.Modules;

namespace Mobility.Payments;

/// <summary>Authorization, capture, ledger, invoices and wallet.</summary>
public sealed class PaymentsModule : IModule
{
    /// <inheritdoc/>
    public string Name => "payments";

    /// <inheritdoc/>
    public IReadOnlyList<string> Needs => [];

    /// <inheritdoc/>
    public void Configure(IModuleBuilder module)
    {
        module.Services.AddSingleton<IValidateOptions<PaymentsOptions>, PaymentsOptionsValidator>();
        module.Services.AddOptions<PaymentsOptions>().Bind(module.Configuration.GetSection(PaymentsOptions.Section)).ValidateOnStart();
        module.Services.AddSingleton<SimulatedSecret>();
        module.Services.AddSingleton<SimulatedPaymentProvider>();
        module.Services.AddSingleton<IPaymentProvider>(p => new GuardedProvider(
            p.GetRequiredService<SimulatedPaymentProvider>(), p.GetRequiredService<IOptions<PaymentsOptions>>(), p.GetRequiredService<TimeProvider>()));

        module.Stream(PaymentStream.Type);
        module.Subscribe<BookingConfirmationRequestedV1>("authorize", OnBookingConfirmationRequested.Handle);
        module.Subscribe<BookingReleasedV1>("void", OnBookingReleased.Handle);
        module.Subscribe<RideChargedV1>("charge", OnRideCharged.Handle);
        module.Scheduled<CallProvider.Message>("call_provider", CallProvider.Handle);
        module.Scheduled<SimulatedWebhook.Message>("simulated_webhook", SimulatedWebhook.Handle);

        module.Endpoints(AddPaymentMethod.Map);
        module.Endpoints(ListPaymentMethods.Map);
        module.Endpoints(RemovePaymentMethod.Map);
        module.Endpoints(GetPayment.Map);
        module.Endpoints(GetInvoices.Map);
        module.Endpoints(GetWallet.Map);
        module.Endpoints(GrantCredit.Map);
        module.Endpoints(ReceiveWebhook.Map);
        module.Endpoints(SimulatedBankPage.Map);
        module.Endpoints(SwitchSimulatedProvider.Map);
        Audits.Declare(module);
    }
}
