using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Modules;

namespace Mobility.Notifications;

/// <summary>A ride is paid: the receipt.</summary>
internal sealed class OnPaymentSettled(IMessageChannel channel)
{
    public Task Handle(PaymentSettledV1 e, Reaction reaction, CancellationToken ct)
    {
        channel.Hand(reaction, new OutgoingMessage(e.Rider, ContactChannel.Email, null, Templates.Receipt, new Dictionary<string, string>
        {
            ["number"] = e.InvoiceNumber,
            ["total"] = TextOf(e.Total),
            ["captured"] = TextOf(e.Captured),
            ["booking"] = e.Booking.ToString(),
        }));
        return Task.CompletedTask;
    }

    private static string TextOf(Money money) => $"{money.Amount} {money.Currency}";
}
