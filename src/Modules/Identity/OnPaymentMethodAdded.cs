using Microsoft.Extensions.DependencyInjection;
using Mobility.Contracts;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;

namespace Mobility.Identity;

/// <summary>Payments has a first payment method of the rider: one step less to the first booking.</summary>
internal static class OnPaymentMethodAdded
{
    public static async Task Handle(PaymentMethodAddedV1 e, Reaction reaction, CancellationToken ct)
    {
        var database = reaction.Services.GetRequiredService<Database<IdentityModule>>();
        if (await Accounts.FindAsync(database, e.Account.Value, ct) is { } account) // benchmarks pay with accounts that never registered
            Accounts.Save(reaction.Work, account, account.AddPaymentMethod(reaction.Now));
    }
}
