using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;

namespace Mobility.Identity;

/// <summary>A person's account as its row; each step of the way to the first booking is a pure change of it.</summary>
internal sealed record Account
{
    /// <summary>The terms that riders accept now; an older acceptance stays valid for those who booked before.</summary>
    public const string CurrentTerms = "2026-11";

    public required Guid Id { get; init; }
    public required string Kind { get; init; }
    public required string Email { get; init; }
    public string? Phone { get; init; }
    public required string DisplayName { get; init; }
    public required string Language { get; init; }
    public required string[] Roles { get; init; }
    public string? PasswordHash { get; init; }
    public DateTimeOffset? EmailVerifiedAt { get; init; }
    public DateTimeOffset? PhoneVerifiedAt { get; init; }
    public string? TermsVersion { get; init; }
    public DateTimeOffset? TermsAcceptedAt { get; init; }
    public DateTimeOffset? PaymentMethodAt { get; init; }
    public DateTimeOffset? BookableAt { get; init; }
    public required int Version { get; init; }

    public CallerKind CallerKind => Kind == "staff" ? CallerKind.Staff : CallerKind.Rider;

    public IReadOnlyList<string> EffectiveRoles => Kind == "staff" ? Roles : [BookableAt is null ? Identity.Roles.Rider : Identity.Roles.BookableRider];

    public IReadOnlyList<string> Permissions => Identity.Roles.PermissionsOf(EffectiveRoles);

    /// <summary>What a rider still has to do before the first booking, in the order of the way.</summary>
    public IReadOnlyList<string> Missing =>
        Kind == "staff"
            ? []
            : [.. new[]
            {
                EmailVerifiedAt is null ? "email" : null, PhoneVerifiedAt is null ? "phone" : null,
                TermsAcceptedAt is null ? "terms" : null, PaymentMethodAt is null ? "payment_method" : null,
            }.OfType<string>()];

    public bool IsProven(ContactChannel channel) => (channel == ContactChannel.Email ? EmailVerifiedAt : PhoneVerifiedAt) is not null;

    public string? AddressOf(ContactChannel channel) => channel == ContactChannel.Email ? Email : Phone;

    public Account Prove(ContactChannel channel, DateTimeOffset now) =>
        (channel == ContactChannel.Email ? this with { EmailVerifiedAt = EmailVerifiedAt ?? now } : this with { PhoneVerifiedAt = PhoneVerifiedAt ?? now }).Complete(now);

    public Account AcceptTerms(string version, DateTimeOffset now) =>
        (TermsVersion == version ? this : this with { TermsVersion = version, TermsAcceptedAt = now }).Complete(now);

    public Account AddPaymentMethod(DateTimeOffset now) => (this with { PaymentMethodAt = PaymentMethodAt ?? now }).Complete(now);

    private Account Complete(DateTimeOffset now) => Kind == "rider" && BookableAt is null && Missing.Count == 0 ? this with { BookableAt = now } : this;
}

/// <summary>Reads and writes account rows.</summary>
internal static class Accounts
{
    public static Problem NotFound => Problem.NotFound("identity.account_not_found", "There is no such account.");

    /// <summary>The form in which e-mail addresses are compared.</summary>
    public static string KeyOf(string email) => email.Trim().ToLowerInvariant();

    public static Task<Account?> FindAsync(Database<IdentityModule> database, Guid id, CancellationToken ct) =>
        database.QuerySingleOrDefaultAsync<Account>($"{Select} WHERE id = @id", new { id }, ct);

    public static Task<Account?> FindByEmailAsync(Database<IdentityModule> database, string email, CancellationToken ct) =>
        database.QuerySingleOrDefaultAsync<Account>($"{Select} WHERE email_key = @key", new { key = KeyOf(email) }, ct);

    /// <summary>Stores a change and announces the account once it is bookable. If the row moved since it was read, the work is decided again.</summary>
    public static void Save(Work work, Account before, Account after)
    {
        if (before == after)
            return;
        work.ExecuteOrRetry("""
            UPDATE accounts SET email_verified_at = $3, phone_verified_at = $4, terms_version = $5, terms_accepted_at = $6, payment_method_at = $7,
                bookable_at = $8, version = version + 1
            WHERE id = $1 AND version = $2 RETURNING 1
            """, after.Id, before.Version, after.EmailVerifiedAt, after.PhoneVerifiedAt, after.TermsVersion, after.TermsAcceptedAt, after.PaymentMethodAt,
            after.BookableAt);
        if (before.BookableAt is null && after.BookableAt is not null)
            work.Publish(after.Id, new AccountBookableV1(new AccountId(after.Id)));
    }

    private const string Select = """
        SELECT id, kind, email, phone, display_name, language, roles, password_hash, email_verified_at, phone_verified_at, terms_version, terms_accepted_at,
            payment_method_at, bookable_at, version
        FROM accounts
        """;
}
