using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Identity;

/// <summary>A person sees the own account and what is missing before the first booking.</summary>
internal static class GetMyAccount
{
    /// <summary>The account as its owner sees it. Permissions are those that the next token will carry.</summary>
    public sealed record View(
        AccountId Id, CallerKind Kind, string Email, string? Phone, string DisplayName, string Language, IReadOnlyList<string> Roles,
        IReadOnlyList<string> Permissions, bool Bookable, IReadOnlyList<string> Missing, string CurrentTerms, string? AcceptedTerms);

    public static View ToView(Account account) => new(
        new AccountId(account.Id), account.CallerKind, account.Email, account.Phone, account.DisplayName, account.Language, account.EffectiveRoles,
        account.Permissions, account.BookableAt is not null, account.Missing, Account.CurrentTerms, account.TermsVersion);

    public static void Map(IEndpointRouteBuilder app) => app.MapGet("/v1/accounts/me", Handle).WithName("GetMyAccount").RequirePermission("account.self")
        .Produces<View>().ProducesProblem(404);

    private static async Task<IResult> Handle(Caller caller, Database<IdentityModule> database, CancellationToken ct) =>
        await Accounts.FindAsync(database, caller.Subject, ct) is { } account ? TypedResults.Ok(ToView(account)) : Accounts.NotFound.ToResult();
}
