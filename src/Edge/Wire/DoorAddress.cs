using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Mobility.Edge.Wire;

/// <summary>Where the platform's MQTT door is and how the vehicle proves itself there: with its secret, or with its certificate over TLS 1.3.</summary>
/// <param name="Host">Name or address.</param>
/// <param name="Port">Of the plain door with a secret, of the TLS door with a certificate.</param>
public sealed record DoorAddress(string Host, int Port)
{
    /// <summary>The password of the plain door; null with a certificate.</summary>
    public string? Secret { get; init; }

    /// <summary>The vehicle's certificate with its private key; null with a secret.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>The device authority by which the vehicle knows the door; needed with <see cref="Certificate"/>.</summary>
    public X509Certificate2? Authority { get; init; }

    internal SslClientAuthenticationOptions TlsOptions()
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck, // the authority's certificates live a day, the door's are its own
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.Add(Authority ?? throw new InvalidOperationException("TLS needs the device authority's certificate."));
        return new SslClientAuthenticationOptions
        {
            TargetHost = Host,
            EnabledSslProtocols = SslProtocols.Tls13,
            ClientCertificateContext = SslStreamCertificateContext.Create(Certificate!, null, offline: true),
            CertificateChainPolicy = policy,
        };
    }
}
