using Mobility.Contracts;
using Mobility.Platform.Modules;

namespace Mobility.Notifications;

/// <summary>A code goes to the address that it shall prove.</summary>
internal sealed class OnCodeIssued(IMessageChannel channel)
{
    public Task Handle(CodeIssuedV1 e, Reaction reaction, CancellationToken ct)
    {
        if (e.ExpiresAt > reaction.Now) // after a long standstill nobody wants yesterday's codes
            channel.Hand(reaction, new OutgoingMessage(e.Account, e.Channel, e.Address, Templates.Code, new Dictionary<string, string> { ["code"] = e.Code }));
        return Task.CompletedTask;
    }
}
