using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Mobility.Contracts;
using Mobility.Edge.Wire;
using Mobility.Platform;

namespace Mobility.Edge.Provisioning;

/// <summary>What the platform told the device when it enrolled: which vehicle it is, its certificate, and where everything is.</summary>
internal sealed record DeviceIdentity
{
    /// <summary>Where the door is.</summary>
    public sealed record Address(string Host, int Port);

    public required VehicleId Vehicle { get; init; }

    /// <summary>PEM.</summary>
    public required string Certificate { get; init; }

    /// <summary>PEM.</summary>
    public required string Authority { get; init; }

    public required Address Broker { get; init; }

    public required Uri UnlockKeys { get; init; }

    public required Uri UpdateKeys { get; init; }

    public required Uri Renewals { get; init; }

    /// <summary>The door with the certificate and the key that it belongs to.</summary>
    /// <exception cref="CryptographicException">The certificate is of another key.</exception>
    public DoorAddress Door(ECDsa key) => new(Broker.Host, Broker.Port)
    {
        Certificate = X509Certificate2.CreateFromPem(Certificate, key.ExportPkcs8PrivateKeyPem()),
        Authority = X509Certificate2.CreateFromPem(Authority),
    };
}

/// <summary>
/// The folder <c>identity</c> of a device: <c>device.key</c>, which the factory may have put there, and <c>device.json</c>. Here the key is a file; on a board
/// with a secure element it would be there and never leave it.
/// </summary>
internal sealed class IdentityFolder
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly string _keyFile;
    private readonly string _identityFile;

    /// <param name="dataFolder">The agent's own folder.</param>
    /// <exception cref="IOException">The folder cannot be made.</exception>
    public IdentityFolder(string dataFolder)
    {
        var folder = Directory.CreateDirectory(Path.Combine(dataFolder, "identity")).FullName;
        (_keyFile, _identityFile) = (Path.Combine(folder, "device.key"), Path.Combine(folder, "device.json"));
    }

    /// <summary>The device's key; one is made where the factory made none, and is on the disk before anybody hears of it.</summary>
    /// <exception cref="CryptographicException">The file holds no private key.</exception>
    public ECDsa OpenKey()
    {
        if (!File.Exists(_keyFile))
        {
            using var made = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            WholeFile.Write(_keyFile, Encoding.ASCII.GetBytes(made.ExportPkcs8PrivateKeyPem()), OwnerOnly);
        }
        var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(_keyFile));
        return key;
    }

    /// <summary>A request for a certificate, which proves that the device holds its key.</summary>
    public string SigningRequest(string serial)
    {
        using var key = OpenKey();
        return new CertificateRequest(new X500DistinguishedName($"CN={serial}"), key, HashAlgorithmName.SHA256).CreateSigningRequestPem();
    }

    /// <summary>Null until the device has enrolled.</summary>
    /// <exception cref="JsonException">The file is none of ours.</exception>
    public DeviceIdentity? Read() =>
        File.Exists(_identityFile) ? JsonSerializer.Deserialize<DeviceIdentity>(File.ReadAllBytes(_identityFile), MobilityJson.Stored) : null;

    public void Write(DeviceIdentity identity) => WholeFile.Write(_identityFile, JsonSerializer.SerializeToUtf8Bytes(identity, MobilityJson.Stored), OwnerOnly);
}
