using Mobility.Platform.Events;

namespace Mobility.Identity;

/// <summary>Machines with a secret: services and vehicles.</summary>
internal static class Clients
{
    /// <summary>Gives a machine a secret; an earlier secret is dead from now on.</summary>
    public static Task<int> PutAsync(
        Database<IdentityModule> database, string id, string kind, Guid subject, string secret, IReadOnlyList<string> permissions, DateTimeOffset now,
        CancellationToken ct) => database.ExecuteAsync("""
        INSERT INTO clients (id, kind, subject, secret_hash, permissions, created_at) VALUES (@id, @kind, @subject, @hash, @permissions, @now)
        ON CONFLICT (id) DO UPDATE SET secret_hash = excluded.secret_hash, permissions = excluded.permissions, created_at = excluded.created_at
        WHERE clients.kind = excluded.kind
        """, new { id, kind, subject, hash = Secrets.Hash(secret), permissions = permissions.ToArray(), now }, ct);
}
