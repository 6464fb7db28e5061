using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace Mobility.Identity;

/// <summary>Hashes and checks passwords (PBKDF2 with HMAC-SHA-512). Slow on purpose, so only a few run at a time and rides are not held up.</summary>
internal sealed class Passwords : IDisposable
{
    public const int LengthMin = 8;
    public const int LengthMax = 128;

    /// <summary>Checks that may run at the same time; the rest waits its turn.</summary>
    public const int ParallelMax = 2;

    /// <summary>The rule in words.</summary>
    public static readonly string Rule = $"A password has {LengthMin} to {LengthMax} characters and is not the e-mail address.";

    private static readonly object Nobody = new();
    private readonly PasswordHasher<object> _hasher;
    private readonly SemaphoreSlim _turn = new(ParallelMax);
    private readonly Lazy<string> _decoy;

    public Passwords(IOptions<IdentityOptions> options)
    {
        _hasher = new PasswordHasher<object>(Options.Create(new PasswordHasherOptions { IterationCount = options.Value.PasswordIterations }));
        _decoy = new Lazy<string>(() => _hasher.HashPassword(Nobody, Secrets.New()));
    }

    public static bool IsAcceptable(string password, string email) =>
        password.Length is >= LengthMin and <= LengthMax && !password.Equals(email, StringComparison.OrdinalIgnoreCase);

    public async Task<string> HashAsync(string password, CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        try
        {
            return await Task.Run(() => _hasher.HashPassword(Nobody, password), ct);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Whether the password is right. Where there is no hash the answer takes as long, so that time tells nobody which accounts exist.</summary>
    public async Task<bool> CheckAsync(string? hash, string password, CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        try
        {
            var verdict = await Task.Run(() => _hasher.VerifyHashedPassword(Nobody, hash ?? _decoy.Value, password), ct);
            return hash is not null && verdict != PasswordVerificationResult.Failed;
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();
}

/// <summary>Secrets that machines keep: 256 random bits, so that a plain hash protects them at rest.</summary>
internal static class Secrets
{
    public static string New() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    public static byte[] Hash(string secret) => SHA256.HashData(Encoding.UTF8.GetBytes(secret));
}
