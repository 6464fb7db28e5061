using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Mobility.Contracts;
using Mobility.Platform.Modules;

namespace Mobility.Notifications;

/// <summary>Tells people what happened: codes, welcomes, confirmations, receipts.</summary>
public sealed class NotificationsModule : IModule
{
    /// <inheritdoc/>
    public string Name => "notifications";

    /// <inheritdoc/>
    public IReadOnlyList<string> Needs => [];

    /// <inheritdoc/>
    public void Configure(IModuleBuilder module)
    {
        var mailbox = module.Configuration.GetValue("Notifications:Mailbox",
            string.Equals(module.Configuration[HostDefaults.EnvironmentKey], Environments.Development, StringComparison.OrdinalIgnoreCase));
        IMessageChannel channel = mailbox ? new MailboxChannel() : new HeldChannel();

        module.Subscribe<AccountRegisteredV1>("keep-address", OnAccountRegistered.Handle);
        module.Subscribe<CodeIssuedV1>("send-code", new OnCodeIssued(channel).Handle);
        module.Subscribe<RegistrationRepeatedV1>("warn-owner", new OnRegistrationRepeated(channel).Handle);
        module.Subscribe<AccountBookableV1>("send-welcome", new OnAccountBookable(channel).Handle);
        module.Subscribe<BookingConfirmedV1>("send-confirmation", new OnBookingConfirmed(channel).Handle);
        module.Subscribe<PaymentSettledV1>("send-receipt", new OnPaymentSettled(channel).Handle);

        if (mailbox)
            module.Endpoints(FindMail.Map);
    }
}
