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
            if (!File.Exists(file))
                Create(file);
            return Parse(File.ReadAllText(file), file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PlatformStartException($"The key file {file} cannot be read or made: {e.Message}", e);
        }
    }

    /// <summary>Several processes may start at once: each writes its own file whole, and one of them gets the name.</summary>
    private static void Create(string file)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(file)) is { } folder)
            Directory.CreateDirectory(folder);
        var draft = $"{file}.{Environment.ProcessId}.{RandomNumberGenerator.GetHexString(8)}";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var writer = new StreamWriter(draft, Encoding.ASCII, options))
            writer.Write(Convert.ToBase64String(RandomNumberGenerator.GetBytes(KeyLength)));
        try
        {
            File.Move(draft, file, overwrite: false);
        }
        catch (IOException) when (File.Exists(file))
        {
            File.Delete(draft);
        }
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
