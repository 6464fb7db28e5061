using Mobility.Contracts;
using Mobility.Platform.Modules;

namespace Mobility.Notifications;

/// <summary>Somebody registered: from now on we know how to reach them.</summary>
internal static class OnAccountRegistered
{
    public static Task Handle(AccountRegisteredV1 e, Reaction reaction, CancellationToken ct)
    {
        reaction.Work.Execute("""
            INSERT INTO addresses (account, email, phone, display_name, language) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (account) DO UPDATE SET email = excluded.email, phone = excluded.phone, display_name = excluded.display_name, language = excluded.language
            """, e.Account.Value, e.Email, e.Phone, e.DisplayName, e.Language);
        return Task.CompletedTask;
    }
}
