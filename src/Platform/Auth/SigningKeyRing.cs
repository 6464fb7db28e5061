using System.Security.Cryptography;
using Microsoft.IdentityModel.Tokens;
using Mobility.Platform.Events;

namespace Mobility.Platform.Auth;

/// <summary>
/// The ES256 key pairs that a module signs with, in its table <c>signing_keys</c> or one of the same columns. A new pair is published first and signs only after
/// <see cref="PublishedBeforeSigning"/>, so that everybody who verifies knows it by then; an old one stays published until the last token it signed is over.
/// </summary>
public class SigningKeyRing(ModuleDatabase database, KeyProtection protection, TimeProvider clock, string table = "signing_keys") : IDisposable
{
    /// <summary>Longer than any process remembers the published keys.</summary>
    public static readonly TimeSpan PublishedBeforeSigning = TimeSpan.FromMinutes(10);

    /// <summary>How long an old key stays published after it signed for the last time; the longest life of a token.</summary>
    public static readonly TimeSpan PublishedAfterSigning = TimeSpan.FromHours(24);

    /// <summary>How long the table's content is remembered.</summary>
    public static readonly TimeSpan RememberedFor = TimeSpan.FromMinutes(5);

    /// <summary>A token with an unknown key makes the table be read again, but not more often than this.</summary>
    public static readonly TimeSpan LookAgainEvery = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _reading = new(1);
    private volatile Snapshot? _snapshot;

    /// <summary>What signs now. Needs <see cref="RefreshAsync"/> before, which the start of the process calls.</summary>
    public SigningCredentials Current
    {
        get
        {
            var now = clock.GetUtcNow();
            var keys = _snapshot?.Keys ?? throw new InvalidOperationException("The signing keys are not loaded yet.");
            return keys.LastOrDefault(k => k.SignsFrom <= now)?.Credentials ?? keys[0].Credentials;
        }
    }

    /// <summary>The published keys, oldest first.</summary>
    public IReadOnlyList<JsonWebKey> Published => [.. _snapshot?.Keys.Select(k => k.Public) ?? []];

    /// <summary>What verifies; read again when a key is unknown.</summary>
    public async Task<IReadOnlyList<SecurityKey>> GetAsync(string? unknownKeyId, CancellationToken ct)
    {
        await RefreshAsync(unknownKeyId is null ? RememberedFor : LookAgainEvery, ct);
        return _snapshot!.Verification;
    }

    /// <summary>Reads the keys if what is known is older than the given time; makes the first key where there is none.</summary>
    public async Task RefreshAsync(TimeSpan olderThan, CancellationToken ct)
    {
        if (IsFresh(olderThan))
            return;
        await _reading.WaitAsync(ct);
        try
        {
            if (IsFresh(olderThan))
                return;
            var keys = await ReadAsync(ct);
            if (keys.Count == 0)
            {
                await AddFirstAsync(ct);
                keys = await ReadAsync(ct);
            }
            _snapshot = new Snapshot(keys, [.. keys.Select(k => k.Public)], clock.GetTimestamp());
        }
        finally
        {
            _reading.Release();
        }
    }

    /// <summary>Publishes a new pair that signs soon; the old one retires when its last token is over. Null while a published key waits to sign.</summary>
    public async Task<DateTimeOffset?> RotateAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var signsFrom = now + PublishedBeforeSigning;
        var added = await database.ExecuteAsync(RotateSql, NewRow(now, signsFrom), ct);
        _snapshot = null; // the next look reads the table
        return added > 0 ? signsFrom : null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _reading.Dispose();
        GC.SuppressFinalize(this);
    }

    private object NewRow(DateTimeOffset createdAt, DateTimeOffset signsFrom)
    {
        using var pair = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var parameters = pair.ExportParameters(includePrivateParameters: true);
        var id = Base64UrlEncoder.Encode(SHA256.HashData([.. parameters.Q.X!, .. parameters.Q.Y!])[..12]);
        return new
        {
            Id = id,
            parameters.Q.X,
            parameters.Q.Y,
            Lock = LockName,
            PrivateKey = protection.Protect(parameters.D!, id),
            ProtectedBy = protection.Name,
            createdAt,
            signsFrom,
            retires = signsFrom + PublishedAfterSigning,
        };
    }

    private bool IsFresh(TimeSpan age) => _snapshot is { } known && clock.GetElapsedTime(known.ReadAt) < age;

    private async Task<IReadOnlyList<Key>> ReadAsync(CancellationToken ct)
    {
        var rows = await database.QueryAsync<Row>($"""
            SELECT id, x, y, private_key, protected_by, signs_from FROM {table} WHERE retires_at IS NULL OR retires_at > @now
            ORDER BY signs_from, id LIMIT 100
            """, new { now = clock.GetUtcNow() }, ct);
        return [.. rows.Select(ToKey)];
    }

    private Key ToKey(Row row)
    {
        if (row.ProtectedBy != protection.Name)
            throw new PlatformStartException(
                $"The signing keys of {database.Module} were protected with another key: give back its KeyProtection or KeyFile of the first start.");
        return new Key(
            ToJsonWebKey(row, null),
            new SigningCredentials(ToJsonWebKey(row, protection.Unprotect(row.PrivateKey, row.Id)), SecurityAlgorithms.EcdsaSha256),
            row.SignsFrom);
    }

    // As JSON web keys: the library then makes an ECDsa object per thread, where one shared object would not be safe to use.
    private static JsonWebKey ToJsonWebKey(Row row, byte[]? privateKey) => new()
    {
        Kty = JsonWebAlgorithmsKeyTypes.EllipticCurve,
        Crv = JsonWebKeyECTypes.P256,
        Alg = SecurityAlgorithms.EcdsaSha256,
        Use = JsonWebKeyUseNames.Sig,
        Kid = row.Id,
        X = Base64UrlEncoder.Encode(row.X),
        Y = Base64UrlEncoder.Encode(row.Y),
        D = privateKey is null ? null : Base64UrlEncoder.Encode(privateKey),
    };

    private string LockName => $"{database.Module}.{table}";

    /// <summary>Processes that start together wait for each other at the lock; both statements are one transaction.</summary>
    private Task<int> AddFirstAsync(CancellationToken ct) => database.ExecuteAsync($"""
        SELECT pg_advisory_xact_lock(hashtextextended(@Lock, 0));
        INSERT INTO {table} (id, x, y, private_key, protected_by, created_at, signs_from)
        SELECT @Id, @X, @Y, @PrivateKey, @ProtectedBy, @createdAt, @signsFrom WHERE NOT EXISTS (SELECT FROM {table} WHERE retires_at IS NULL)
        """, NewRow(clock.GetUtcNow(), clock.GetUtcNow()), ct);

    /// <summary>One transaction under the lock of the first key.</summary>
    private string RotateSql => $"""
        SELECT pg_advisory_xact_lock(hashtextextended(@Lock, 0));
        WITH retired AS (
            UPDATE {table} SET retires_at = @retires WHERE retires_at IS NULL AND NOT EXISTS (SELECT FROM {table} WHERE signs_from > @createdAt)
            RETURNING 1)
        INSERT INTO {table} (id, x, y, private_key, protected_by, created_at, signs_from)
        SELECT @Id, @X, @Y, @PrivateKey, @ProtectedBy, @createdAt, @signsFrom WHERE EXISTS (SELECT FROM retired)
        """;

    private sealed record Snapshot(IReadOnlyList<Key> Keys, IReadOnlyList<SecurityKey> Verification, long ReadAt);

    private sealed record Key(JsonWebKey Public, SigningCredentials Credentials, DateTimeOffset SignsFrom);

    private sealed record Row
    {
        public required string Id { get; init; }
        public required byte[] X { get; init; }
        public required byte[] Y { get; init; }
        public required byte[] PrivateKey { get; init; }
        public required string ProtectedBy { get; init; }
        public required DateTimeOffset SignsFrom { get; init; }
    }
}
