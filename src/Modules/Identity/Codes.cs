using System.Security.Cryptography;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;

namespace Mobility.Identity;

/// <summary>Six-digit codes that prove a channel: issued, hashed at rest, counted, used once.</summary>
internal static class Codes
{
    public const int TriesMax = 5;
    public const int IssuesPerDayMax = 10;
    public const string ToVerify = "verify";
    public const string ToSetPassword = "password";
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    /// <summary>What a try at a code finds: the row as it was counted, null where there is none or its tries are used up.</summary>
    public sealed record Counted(byte[] Hash, DateTime ExpiresAt, int Tries);

    /// <summary>The rule of codes; null when the code is right.</summary>
    public static Problem? Judge(Counted? counted, ReadOnlySpan<byte> hash, DateTimeOffset now)
    {
        if (counted is null)
            return new Problem(ProblemKind.Unprocessable, "identity.code_used_up", "This code cannot be used any more; ask for a new one.", "code");
        if (counted.ExpiresAt <= now.UtcDateTime)
            return new Problem(ProblemKind.Unprocessable, "identity.code_expired", "The code is too old; ask for a new one.", "code");
        if (CryptographicOperations.FixedTimeEquals(counted.Hash, hash))
            return null;
        return new Problem(ProblemKind.Unprocessable, "identity.code_wrong", "The code is wrong.", "code")
        {
            Extensions = new Dictionary<string, object?> { ["triesLeft"] = TriesMax - counted.Tries },
        };
    }

    public static string NameOf(ContactChannel channel) => channel == ContactChannel.Email ? "email" : "phone";

    /// <summary>Adds a new code to the work: the old one dies, the new one goes out.</summary>
    public static void Issue(Work work, KeyProtection protection, AccountId account, ContactChannel channel, string address, string purpose)
    {
        var code = RandomNumberGenerator.GetInt32(1_000_000).ToString("D6");
        var expiresAt = work.Now + Lifetime;
        work.ExecuteOrRefuse($"too_many_codes_{NameOf(channel)}", """
            INSERT INTO codes (account, channel, purpose, hash, expires_at, tries, issues, issues_since) VALUES ($1, $2, $3, $4, $5, 0, 1, $6)
            ON CONFLICT (account, channel, purpose) DO UPDATE SET hash = excluded.hash, expires_at = excluded.expires_at, tries = 0,
                issues = CASE WHEN codes.issues_since <= $7 THEN 1 ELSE codes.issues + 1 END,
                issues_since = CASE WHEN codes.issues_since <= $7 THEN excluded.issues_since ELSE codes.issues_since END
            WHERE codes.issues < $8 OR codes.issues_since <= $7 RETURNING 1
            """,
            () => new Problem(ProblemKind.TooMany, "identity.too_many_codes", $"At most {IssuesPerDayMax} codes a day; try again tomorrow."),
            account.Value, NameOf(channel), purpose, HashOf(protection, account.Value, channel, purpose, code), expiresAt, work.Now, work.Now - Day,
            IssuesPerDayMax);
        work.Publish(account.Value, new CodeIssuedV1(account, channel, address, code, expiresAt));
    }

    /// <summary>Counts the try first and judges then: of any number of guesses at once no more than <see cref="TriesMax"/> are compared.</summary>
    public static async Task<Problem?> TryAsync(
        Database<IdentityModule> database, KeyProtection protection, Guid account, ContactChannel channel, string purpose, string code, DateTimeOffset now,
        CancellationToken ct)
    {
        var counted = await database.QuerySingleOrDefaultAsync<Counted>("""
            UPDATE codes SET tries = tries + 1 WHERE account = @account AND channel = @channel AND purpose = @purpose AND tries < @TriesMax
            RETURNING hash, expires_at, tries
            """, new { account, channel = NameOf(channel), purpose, TriesMax }, ct);
        return Judge(counted, HashOf(protection, account, channel, purpose, code), now);
    }

    /// <summary>
    /// A code that was used is dead; its row stays, because it counts how many were issued today. Of two that use it at once one wins.
    /// </summary>
    public static void Consume(Work work, Guid account, ContactChannel channel, string purpose) => work.ExecuteOrRefuse("code_used", """
        UPDATE codes SET expires_at = $4, tries = $5 WHERE account = $1 AND channel = $2 AND purpose = $3 AND expires_at > $4 RETURNING 1
        """, () => new Problem(ProblemKind.Unprocessable, "identity.code_used_up", "This code cannot be used any more; ask for a new one.", "code"),
        account, NameOf(channel), purpose, work.Now, TriesMax);

    private static byte[] HashOf(KeyProtection protection, Guid account, ContactChannel channel, string purpose, string code) =>
        protection.KeyedHash($"{account:N}|{NameOf(channel)}|{purpose}|{code}");

    public static bool IsWellFormed(string? code) => code is { Length: 6 } && code.All(char.IsAsciiDigit);
}
