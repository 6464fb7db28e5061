using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Configuration;
using Mobility.Platform;

namespace Mobility.Identity;

/// <summary>
/// Protects what the database must not give away on its own: private signing keys (AES-256-GCM) and six-digit codes (HMAC-SHA-256). The key comes from
/// <c>Identity:KeyProtection</c> (32 bytes in base 64) or from the file <c>Identity:KeyFile</c>, which is made at the first start.
/// </summary>
internal sealed class KeyProtection
{
    private const int KeyLength = 32;
    private const int NonceLength = 12;
    private const int TagLength = 16;
    private const int AttemptsMax = 100;
    private static readonly TimeSpan PauseBetweenAttempts = TimeSpan.FromMilliseconds(20);
    private static readonly ManualResetEvent Pause = new(false);
    private readonly Lazy<Keys> _keys;

    public KeyProtection(IConfiguration configuration) => _keys = new Lazy<Keys>(() => Keys.From(Read(configuration)));

    /// <summary>Tells one protecting key from another without telling the key.</summary>
    public string Name => _keys.Value.Name;

    /// <summary>Nonce, tag and ciphertext.</summary>
    /// <param name="plain">What is protected.</param>
    /// <param name="purpose">Must be the same when it is read.</param>
    public byte[] Protect(byte[] plain, string purpose)
    {
        var sealed_ = new byte[NonceLength + TagLength + plain.Length];
        var nonce = sealed_.AsSpan(0, NonceLength);
        RandomNumberGenerator.Fill(nonce);
        using var aes = new AesGcm(_keys.Value.Encryption, TagLength);
        aes.Encrypt(nonce, plain, sealed_.AsSpan(NonceLength + TagLength), sealed_.AsSpan(NonceLength, TagLength), Encoding.UTF8.GetBytes(purpose));
        return sealed_;
    }

    /// <exception cref="CryptographicException">Protected with another key or for another purpose, or changed since.</exception>
    public byte[] Unprotect(byte[] protectedBytes, string purpose)
    {
        var plain = new byte[protectedBytes.Length - NonceLength - TagLength];
        using var aes = new AesGcm(_keys.Value.Encryption, TagLength);
        aes.Decrypt(protectedBytes.AsSpan(0, NonceLength), protectedBytes.AsSpan(NonceLength + TagLength), protectedBytes.AsSpan(NonceLength, TagLength), plain,
            Encoding.UTF8.GetBytes(purpose));
        return plain;
    }

    /// <summary>A keyed hash: a million codes are tried in no time, so whoever reads the table must not be able to.</summary>
    public byte[] HashOfCode(Guid account, string channel, string purpose, string code) =>
        HMACSHA256.HashData(_keys.Value.Codes, Encoding.UTF8.GetBytes($"{account:N}|{channel}|{purpose}|{code}"));

    private static byte[] Read(IConfiguration configuration)
    {
        if (configuration["Identity:KeyProtection"] is { Length: > 0 } text)
            return Parse(text, "Identity:KeyProtection");
        var file = configuration["Identity:KeyFile"] is { Length: > 0 } configured
            ? configured
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify), ".mobility", "identity.key");
        try
        {
            return Parse(ReadOrMake(file), file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PlatformStartException($"The key file {file} cannot be read or made: {e.Message}", e);
        }
    }

    /// <summary>
    /// Several processes may start at once, and not every file system has hard links or an atomic rename without overwriting. So the file itself is the lock:
    /// whoever opens it alone and finds it empty fills it; the others are refused while it is open and look again. A crash in between leaves an empty file,
    /// which the next start fills. A file that may only be read, as a mounted secret, is never opened for writing.
    /// </summary>
    private static string ReadOrMake(string file)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                if (File.Exists(file) && File.ReadAllText(file) is { Length: > 0 } kept)
                    return kept;
                return Fill(file);
            }
            // Somebody else has it open. Whether that or a broken disk, the file system does not say, so the tries are bounded.
            catch (IOException e) when (e is not (DirectoryNotFoundException or PathTooLongException) && attempt < AttemptsMax)
            {
                Pause.WaitOne(PauseBetweenAttempts);
            }
        }
    }

    private static string Fill(string file)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(file)) is { } folder)
            Directory.CreateDirectory(folder);
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var stream = new FileStream(file, options);
        if (stream.Length > 0)
            return new StreamReader(stream, Encoding.ASCII).ReadToEnd();
        var text = Convert.ToBase64String(RandomNumberGenerator.GetBytes(KeyLength));
        stream.Write(Encoding.ASCII.GetBytes(text));
        stream.Flush(flushToDisk: true);
        return text;
    }

    private static byte[] Parse(string text, string where)
    {
        Span<byte> key = stackalloc byte[KeyLength + 1];
        return Convert.TryFromBase64String(text.Trim(), key, out var length) && length == KeyLength
            ? key[..KeyLength].ToArray()
            : throw new PlatformStartException($"{where} must hold {KeyLength} bytes in base 64.");
    }

    private sealed record Keys(byte[] Encryption, byte[] Codes, string Name)
    {
        public static Keys From(byte[] key) => new(Derive(key, "signing keys"), Derive(key, "codes"), Convert.ToHexStringLower(Derive(key, "name")[..8]));

        private static byte[] Derive(byte[] key, string purpose) =>
            HKDF.DeriveKey(HashAlgorithmName.SHA256, key, KeyLength, info: Encoding.UTF8.GetBytes($"mobility identity {purpose}"));
    }
}
