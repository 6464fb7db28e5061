using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Configuration;

namespace Mobility.Platform.Auth;

/// <summary>
/// Protects what a module's tables must not give away on their own: private keys (AES-256-GCM) and short secrets (HMAC-SHA-256). The key comes from
/// <c>Module:KeyProtection</c> (32 bytes in base 64) or from the file <c>Module:KeyFile</c>, which is made at first use.
/// </summary>
public sealed class KeyProtection
{
    private const int KeyLength = 32;
    private const int NonceLength = 12;
    private const int TagLength = 16;
    private const int AttemptsMax = 100;
    private static readonly TimeSpan PauseBetweenAttempts = TimeSpan.FromMilliseconds(20);
    private static readonly ManualResetEvent Pause = new(false);
    private readonly Lazy<Keys> _keys;

    /// <summary>Nothing is read before it is needed.</summary>
    /// <param name="section">The module's section of the configuration; two modules have nothing to do with each other's key.</param>
    /// <param name="what">What is encrypted, for example <c>signing keys</c>.</param>
    public KeyProtection(IConfigurationSection section, string what) => _keys = new Lazy<Keys>(() => Keys.From(Read(section), section.Key, what));

    /// <summary>Tells one protecting key from another without telling the key.</summary>
    /// <exception cref="PlatformStartException">The key cannot be read or made.</exception>
    public string Name => _keys.Value.Name;

    /// <summary>Nonce, tag and ciphertext.</summary>
    /// <param name="plain">What is protected.</param>
    /// <param name="purpose">Must be the same when it is read.</param>
    public byte[] Protect(byte[] plain, string purpose)
    {
        var closed = new byte[NonceLength + TagLength + plain.Length];
        var nonce = closed.AsSpan(0, NonceLength);
        RandomNumberGenerator.Fill(nonce);
        using var aes = new AesGcm(_keys.Value.Encryption, TagLength);
        aes.Encrypt(nonce, plain, closed.AsSpan(NonceLength + TagLength), closed.AsSpan(NonceLength, TagLength), Encoding.UTF8.GetBytes(purpose));
        return closed;
    }

    /// <param name="protectedBytes">What <see cref="Protect"/> gave.</param>
    /// <param name="purpose">As it was then.</param>
    /// <exception cref="CryptographicException">Protected with another key or for another purpose, or changed since.</exception>
    public byte[] Unprotect(byte[] protectedBytes, string purpose)
    {
        var plain = new byte[protectedBytes.Length - NonceLength - TagLength];
        using var aes = new AesGcm(_keys.Value.Encryption, TagLength);
        aes.Decrypt(protectedBytes.AsSpan(0, NonceLength), protectedBytes.AsSpan(NonceLength + TagLength), protectedBytes.AsSpan(NonceLength, TagLength), plain,
            Encoding.UTF8.GetBytes(purpose));
        return plain;
    }

    /// <summary>A keyed hash (HMAC-SHA-256), for secrets so short that whoever reads a plain hash would try them all.</summary>
    public byte[] KeyedHash(string text) => HMACSHA256.HashData(_keys.Value.Codes, Encoding.UTF8.GetBytes(text));

    private static byte[] Read(IConfigurationSection section)
    {
        if (section["KeyProtection"] is { Length: > 0 } text)
            return Parse(text, $"{section.Path}:KeyProtection");
        var file = section["KeyFile"] is { Length: > 0 } configured
            ? configured
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify), ".mobility", $"{section.Key.ToLowerInvariant()}.key");
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
        public static Keys From(byte[] key, string module, string what)
        {
            return new Keys(Derive(what), Derive("codes"), Convert.ToHexStringLower(Derive("name")[..8]));

            byte[] Derive(string purpose) =>
                HKDF.DeriveKey(HashAlgorithmName.SHA256, key, KeyLength, info: Encoding.UTF8.GetBytes($"mobility {module.ToLowerInvariant()} {purpose}"));
        }
    }
}
