using System.Security.Cryptography;
using System.Text;
using Mobility.Platform;

namespace Mobility.Telemetry.Mqtt;

/// <summary>
/// Protects the device authority's private key at rest (AES-256-GCM) with a key from <c>Telemetry:KeyProtection</c> or from the file <c>Telemetry:KeyFile</c>,
/// which is made at first use. Identity protects its signing keys the same way; the two keys have nothing to do with each other.
/// </summary>
internal sealed class DeviceKeyProtection
{
    private const int KeyLength = 32;
    private const int NonceLength = 12;
    private const int TagLength = 16;
    private readonly byte[] _encryption;

    private DeviceKeyProtection(byte[] key)
    {
        _encryption = Derive(key, "device authority");
        Name = Convert.ToHexStringLower(Derive(key, "name")[..8]);
    }

    /// <summary>Tells one protecting key from another without telling the key.</summary>
    public string Name { get; }

    /// <exception cref="PlatformStartException">The key cannot be read or made.</exception>
    public static DeviceKeyProtection Open(TelemetryOptions options)
    {
        if (options.KeyProtection is { Length: > 0 } text)
            return new DeviceKeyProtection(Parse(text, "Telemetry:KeyProtection"));
        var file = options.KeyFile is { Length: > 0 } configured
            ? configured
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify), ".mobility", "telemetry.key");
        try
        {
            return new DeviceKeyProtection(Parse(ReadOrMake(file), file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PlatformStartException($"The key file {file} cannot be read or made: {e.Message}", e);
        }
    }

    public byte[] Protect(byte[] plain, string purpose)
    {
        var closed = new byte[NonceLength + TagLength + plain.Length];
        RandomNumberGenerator.Fill(closed.AsSpan(0, NonceLength));
        using var aes = new AesGcm(_encryption, TagLength);
        aes.Encrypt(closed.AsSpan(0, NonceLength), plain, closed.AsSpan(NonceLength + TagLength), closed.AsSpan(NonceLength, TagLength), Encoding.UTF8.GetBytes(purpose));
        return closed;
    }

    /// <exception cref="CryptographicException">Protected with another key or for another purpose, or changed since.</exception>
    public byte[] Unprotect(byte[] closed, string purpose)
    {
        var plain = new byte[closed.Length - NonceLength - TagLength];
        using var aes = new AesGcm(_encryption, TagLength);
        aes.Decrypt(closed.AsSpan(0, NonceLength), closed.AsSpan(NonceLength + TagLength), closed.AsSpan(NonceLength, TagLength), plain, Encoding.UTF8.GetBytes(purpose));
        return plain;
    }

    /// <summary>Whoever comes first writes the file whole before others may read it: the open file is the lock.</summary>
    private static string ReadOrMake(string file)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var stream = new FileStream(file, options);
        if (stream.Length == 0)
        {
            stream.Write(Encoding.ASCII.GetBytes(Convert.ToBase64String(RandomNumberGenerator.GetBytes(KeyLength))));
            stream.Flush(flushToDisk: true);
            stream.Position = 0;
        }
        using var reader = new StreamReader(stream, Encoding.ASCII);
        return reader.ReadToEnd();
    }

    private static byte[] Parse(string text, string where)
    {
        Span<byte> key = stackalloc byte[KeyLength + 1];
        return Convert.TryFromBase64String(text.Trim(), key, out var length) && length == KeyLength
            ? key[..KeyLength].ToArray()
            : throw new PlatformStartException($"{where} must hold {KeyLength} bytes in base 64.");
    }

    private static byte[] Derive(byte[] key, string purpose) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key, KeyLength, info: Encoding.UTF8.GetBytes($"mobility telemetry {purpose}"));
}
