using Mobility.Contracts;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;

namespace Mobility.Notifications;

/// <summary>A message to a person, not yet in words.</summary>
/// <param name="Account">To whom.</param>
/// <param name="Channel">By which way.</param>
/// <param name="Address">Where the event brought it; null to use the account's address.</param>
/// <param name="Template">One of <see cref="Templates"/>.</param>
/// <param name="Values">Texts by placeholder.</param>
internal sealed record OutgoingMessage(AccountId Account, ContactChannel Channel, string? Address, string Template, IReadOnlyDictionary<string, string> Values);

/// <summary>
/// Hands messages on. It is called inside a reaction and may only add to its work, so that a message leaves exactly when the event is done with; a provider
/// schedules its call to the outside world and is retried by the platform.
/// </summary>
internal interface IMessageChannel
{
    /// <summary>Hands one message on.</summary>
    void Hand(Reaction reaction, OutgoingMessage message);
}

/// <summary>For development: what would be sent is delivered to a mailbox that the page <c>/dev/mailbox</c> shows. Nothing leaves the machine.</summary>
internal sealed class MailboxChannel : IMessageChannel
{
    public void Hand(Reaction reaction, OutgoingMessage message) => Store.Add(reaction.Work, reaction.Message.Id, message, "delivered");
}

/// <summary>Where no provider is configured: messages are kept until there is one, and counted; codes are not kept, since they would be too old.</summary>
internal sealed class HeldChannel : IMessageChannel
{
    public void Hand(Reaction reaction, OutgoingMessage message)
    {
        NotificationsMetrics.Held.Add(1, new KeyValuePair<string, object?>("template", message.Template));
        if (message.Template != Templates.Code)
            Store.Add(reaction.Work, reaction.Message.Id, message, "held");
    }
}

/// <summary>The one table of messages.</summary>
internal static class Store
{
    /// <summary>One insert per message and no look-up: receipts come hundreds a second.</summary>
    public static void Add(Work work, Guid id, OutgoingMessage message, string status) => work.Execute(
        "INSERT INTO mailbox (id, account, channel, address, template, data, status, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        id, message.Account.Value, message.Channel == ContactChannel.Email ? "email" : "phone", message.Address, message.Template, Json.Of(message.Values), status,
        work.Now);
}
