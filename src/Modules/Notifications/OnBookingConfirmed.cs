using Mobility.Contracts;
using Mobility.Platform.Modules;

namespace Mobility.Notifications;

/// <summary>A booking stands: the rider has it in writing.</summary>
internal sealed class OnBookingConfirmed(IMessageChannel channel)
{
    public Task Handle(BookingConfirmedV1 e, Reaction reaction, CancellationToken ct)
    {
        channel.Hand(reaction, new OutgoingMessage(e.Rider, ContactChannel.Email, null, Templates.BookingConfirmed,
            new Dictionary<string, string> { ["booking"] = e.Booking.ToString() }));
        return Task.CompletedTask;
    }
}
