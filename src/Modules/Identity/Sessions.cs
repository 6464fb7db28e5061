using Mobility.Platform;
using Mobility.Platform.Events;

namespace Mobility.Identity;

/// <summary>Sign-ins and their refresh tokens. A token is used once; using it again ends the whole chain, because one of two users is a thief.</summary>
internal static class Sessions
{
    /// <summary>Requirement catalogue, section 5, row 36.</summary>
    public static readonly TimeSpan RefreshLifetime = TimeSpan.FromDays(30);

    /// <summary>Opens a session and returns its first refresh token. Sessions of this account that are over for good are swept on the way.</summary>
    public static async Task<string> OpenAsync(Database<IdentityModule> database, Guid account, TimeProvider clock, CancellationToken ct)
    {
        var token = Secrets.New();
        var now = clock.GetUtcNow();
        // Data-modifying parts of one statement see the same snapshot, and a foreign key is checked at its end.
        await database.ExecuteAsync("""
            WITH swept AS (
                DELETE FROM sessions s WHERE s.account = @account AND s.started_at < @now
                    AND NOT EXISTS (SELECT FROM refresh_tokens t WHERE t.session = s.id AND t.expires_at > @now)),
            opened AS (INSERT INTO sessions (id, account, started_at) VALUES (@session, @account, @now))
            INSERT INTO refresh_tokens (hash, session, issued_at, expires_at) VALUES (@hash, @session, @now, @expires)
            """, new { account, session = Id.NewValue(clock), now, hash = Secrets.Hash(token), expires = now + RefreshLifetime }, ct);
        return token;
    }

    /// <summary>Exchanges a refresh token for the next one; null when it is unknown, too old, used or its session is over.</summary>
    public static async Task<(Guid Account, string Token)?> RotateAsync(Database<IdentityModule> database, string token, TimeProvider clock, CancellationToken ct)
    {
        var next = Secrets.New();
        var now = clock.GetUtcNow();
        var account = await database.QuerySingleOrDefaultAsync<Guid?>("""
            WITH used AS (
                UPDATE refresh_tokens t SET used_at = @now FROM sessions s
                WHERE t.hash = @hash AND t.used_at IS NULL AND t.expires_at > @now AND s.id = t.session AND s.ended_at IS NULL
                RETURNING t.session, s.account),
            added AS (INSERT INTO refresh_tokens (hash, session, issued_at, expires_at) SELECT @nextHash, session, @now, @expires FROM used)
            SELECT account FROM used
            """, new { now, hash = Secrets.Hash(token), nextHash = Secrets.Hash(next), expires = now + RefreshLifetime }, ct);
        if (account is { } id)
            return (id, next);
        await EndIfReusedAsync(database, token, now, ct);
        return null;
    }

    /// <summary>Ends the session of a refresh token, used or not; nothing happens when it is unknown (RFC 7009).</summary>
    public static Task<int> EndAsync(Database<IdentityModule> database, string token, TimeProvider clock, CancellationToken ct) => database.ExecuteAsync("""
        UPDATE sessions SET ended_at = @now, ended_for = 'revoked' WHERE ended_at IS NULL AND id = (SELECT session FROM refresh_tokens WHERE hash = @hash)
        """, new { now = clock.GetUtcNow(), hash = Secrets.Hash(token) }, ct);

    private static Task<int> EndIfReusedAsync(Database<IdentityModule> database, string token, DateTimeOffset now, CancellationToken ct) => database.ExecuteAsync("""
        UPDATE sessions SET ended_at = @now, ended_for = 'reuse'
        WHERE ended_at IS NULL AND id = (SELECT session FROM refresh_tokens WHERE hash = @hash AND used_at IS NOT NULL)
        """, new { now, hash = Secrets.Hash(token) }, ct);
}
