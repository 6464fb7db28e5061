using Mobility.Contracts;
using Mobility.Platform.Modules;

namespace Mobility.Notifications;

/// <summary>Somebody tried to register an address that has an account: its owner hears of it, and nobody else.</summary>
internal sealed class OnRegistrationRepeated(IMessageChannel channel)
{
    public Task Handle(RegistrationRepeatedV1 e, Reaction reaction, CancellationToken ct)
    {
        channel.Hand(reaction, new OutgoingMessage(e.Account, ContactChannel.Email, e.Email, Templates.RegistrationRepeated, new Dictionary<string, string>()));
        return Task.CompletedTask;
    }
}
