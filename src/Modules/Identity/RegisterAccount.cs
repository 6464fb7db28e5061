using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;
using Mobility.Platform.Http;

namespace Mobility.Identity;

/// <summary>
/// A person becomes a rider who must prove e-mail and phone next. The answer never tells whether the address is known: its owner is told by mail instead.
/// An address that nobody proved while its code lived is given up, so that nobody can block somebody else's address.
/// </summary>
internal static partial class RegisterAccount
{
    public const int AgeMin = 18;
    public const int EmailLengthMax = 254; // RFC 5321
    public const int NameLengthMax = 100;
    private static readonly DateOnly EarliestBirth = new(1900, 1, 1);

    /// <summary>What a person says.</summary>
    public sealed record Body(string Email, string Phone, string Password, string DisplayName, string Language, DateOnly BirthDate);

    /// <summary>Always the same.</summary>
    public sealed record Reply(string Next);

    public static Problem? Check(Body body, DateOnly today)
    {
        var shape = new Fields()
            .Must(body.Email.Length <= EmailLengthMax && EmailForm().IsMatch(body.Email), "email", "An e-mail address is name@host, in ASCII.")
            .Must(PhoneForm().IsMatch(body.Phone), "phone", "A phone number is in E.164 form, for example +4915112345678.")
            .Must(Passwords.IsAcceptable(body.Password, body.Email), "password", Passwords.Rule)
            .Text(body.DisplayName, "displayName", NameLengthMax)
            .Must(!body.DisplayName.Any(char.IsControl), "displayName", "A name has no control characters.")
            .Must(LanguageForm().IsMatch(body.Language), "language", "A language is a BCP 47 tag, for example de or en-GB.")
            .Must(body.BirthDate >= EarliestBirth && body.BirthDate <= today, "birthDate", "The date of birth is in the past.");
        if (shape.Problem is { } problem)
            return problem;
        return IsAdult(body.BirthDate, today)
            ? null
            : Problem.Unprocessable("identity.underage", $"Riders are at least {AgeMin} years old.", "birthDate");
    }

    /// <summary>Grown up on the eighteenth birthday; born on 29 February that is 1 March in a year without one.</summary>
    public static bool IsAdult(DateOnly birthDate, DateOnly today)
    {
        var (month, day, year) = (birthDate.Month, birthDate.Day, birthDate.Year + AgeMin);
        var grownUp = month == 2 && day == 29 && !DateTime.IsLeapYear(year) ? new DateOnly(year, 3, 1) : new DateOnly(year, month, day);
        return today >= grownUp;
    }

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/v1/accounts", Handle).WithName("RegisterAccount").OpenToAll()
        .LimitPerMinute("registration", 20).Produces<Reply>(StatusCodes.Status202Accepted).ProducesProblem(400).ProducesProblem(422).ProducesProblem(429);

    private static async Task<IResult> Handle(
        Body body, CommandRunner<IdentityModule> runner, Database<IdentityModule> database, Passwords passwords, KeyProtection protection, RateLimiter limiter,
        TimeProvider clock, CancellationToken ct)
    {
        if (Check(body, DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime)) is { } refused)
            return refused.ToResult();
        var hash = await passwords.HashAsync(body.Password, ct); // also for a known address: the same time passes
        var account = Id.New<AccountId>(clock);
        var work = runner.NewWork("registration");
        Add(work, account, body, hash);
        Codes.Issue(work, protection, account, ContactChannel.Email, body.Email, Codes.ToVerify);
        Codes.Issue(work, protection, account, ContactChannel.Phone, body.Phone, Codes.ToVerify);
        work.Publish(account.Value, new AccountRegisteredV1(account, body.Email, body.Phone, body.DisplayName, body.Language));
        if ((await work.CommitAsync(ct)).Outcome != CommitOutcome.Committed)
            await TellOwnerAsync(runner, database, limiter, body.Email, ct);
        return TypedResults.Json(new Reply("verify"), MobilityJson.Http, statusCode: StatusCodes.Status202Accepted);
    }

    private static void Add(Work work, AccountId account, Body body, string hash)
    {
        work.OnLaw("accounts_email", () => Problem.Conflict("identity.address_known", "The address is known."));
        work.Execute("""
            DELETE FROM accounts a WHERE email_key = $1 AND email_verified_at IS NULL
                AND NOT EXISTS (SELECT FROM codes c WHERE c.account = a.id AND c.channel = 'email' AND c.expires_at > $2)
            """, Accounts.KeyOf(body.Email), work.Now);
        work.Execute("""
            INSERT INTO accounts (id, kind, email, email_key, phone, display_name, language, birth_date, roles, password_hash, created_at, version)
            VALUES ($1, 'rider', $2, $3, $4, $5, $6, $7, '{}', $8, $9, 1)
            """, account.Value, body.Email, Accounts.KeyOf(body.Email), body.Phone, body.DisplayName, body.Language, body.BirthDate, hash, work.Now);
    }

    /// <summary>Whoever tries addresses must not be able to flood their owners.</summary>
    private static async Task TellOwnerAsync(
        CommandRunner<IdentityModule> runner, Database<IdentityModule> database, RateLimiter limiter, string email, CancellationToken ct)
    {
        if (limiter.TryTake("registration_repeated", Accounts.KeyOf(email), 1) is not null || await Accounts.FindByEmailAsync(database, email, ct) is not { } owner)
            return;
        var work = runner.NewWork("registration");
        work.Publish(owner.Id, new RegistrationRepeatedV1(new AccountId(owner.Id), owner.Email));
        await work.CommitAsync(ct);
    }

    [GeneratedRegex("^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}))+\\z")]
    internal static partial Regex EmailForm();

    [GeneratedRegex("^\\+[1-9][0-9]{6,14}\\z")]
    private static partial Regex PhoneForm();

    [GeneratedRegex("^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}\\z")]
    private static partial Regex LanguageForm();
}
