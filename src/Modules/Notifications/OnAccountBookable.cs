using Mobility.Contracts;
using Mobility.Platform.Modules;

namespace Mobility.Notifications;

/// <summary>A rider can book now: a welcome.</summary>
internal sealed class OnAccountBookable(IMessageChannel channel)
{
    public Task Handle(AccountBookableV1 e, Reaction reaction, CancellationToken ct)
    {
        channel.Hand(reaction, new OutgoingMessage(e.Account, ContactChannel.Email, null, Templates.Welcome, new Dictionary<string, string>()));
        return Task.CompletedTask;
    }
}
