using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mobility.Platform;

namespace Mobility.Telemetry.Mqtt;

/// <summary>A P-256 key that whoever sent it holds, as its PKCS #10 proves. What else such a request wants is not ours to grant.</summary>
/// <param name="Key">The public key.</param>
/// <param name="KeyHash">SHA-256 of its SubjectPublicKeyInfo.</param>
internal sealed record SigningRequest(PublicKey Key, byte[] KeyHash)
{
    private const int KeySizeBits = 256;

    public static Problem Bad =>
        Problem.Unprocessable("telemetry.bad_certificate_request", "This is no signing request (PKCS #10, PEM) of a P-256 key.", "request");

    /// <summary>Null when it is no PKCS #10 of a P-256 key, or is not signed with that key.</summary>
    public static SigningRequest? Read(string pem)
    {
        try
        {
            var key = CertificateRequest.LoadSigningRequestPem(pem, HashAlgorithmName.SHA256).PublicKey;
            using var curve = key.GetECDsaPublicKey();
            return curve is { KeySize: KeySizeBits } ? new SigningRequest(key, SHA256.HashData(key.ExportSubjectPublicKeyInfo())) : null;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or NotSupportedException)
        {
            return null;
        }
    }
}
