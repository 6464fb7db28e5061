using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Auth;
using Mobility.Platform.Events;

namespace Mobility.Telemetry.Mqtt;

/// <summary>Signs the certificates of vehicles and knows its own again. A port, so that another module, or a hardware module, may take it over.</summary>
internal interface IDeviceAuthority
{
    /// <summary>The authority's own certificate, which vehicles trust.</summary>
    Task<X509Certificate2> CertificateAsync(CancellationToken ct);

    /// <summary>Signs a vehicle's key, of which its sender has proved that he holds it.</summary>
    Task<X509Certificate2> SignAsync(VehicleId vehicle, PublicKey key, CancellationToken ct);
}

/// <summary>
/// The platform's own certificate authority for devices: one P-256 key, made at first use, in the database protected with a key that is not in the database.
/// Vehicles' certificates live a day, so that a stolen one is soon worth nothing.
/// </summary>
internal sealed class DeviceAuthority(Database<TelemetryModule> database, IOptions<TelemetryOptions> options, IConfiguration configuration, TimeProvider clock)
    : IDeviceAuthority, IDisposable
{
    /// <summary>FLT-11: short-lived, renewed by the vehicle.</summary>
    public static readonly TimeSpan CertificateLifetime = TimeSpan.FromHours(24);

    public static readonly TimeSpan AuthorityLifetime = TimeSpan.FromDays(3_650);
    public static readonly TimeSpan ServerLifetime = TimeSpan.FromDays(90);
    public const int RequestLengthMax = 8_192;

    private const string Id = "devices";
    private static readonly TimeSpan ClockSlack = TimeSpan.FromHours(1);
    private static readonly Oid ClientUse = new("1.3.6.1.5.5.7.3.2");
    private static readonly Oid ServerUse = new("1.3.6.1.5.5.7.3.1");

    private readonly SemaphoreSlim _opening = new(1);
    private volatile X509Certificate2? _authority;
    private readonly Lock _serverGate = new();
    private (SslStreamCertificateContext Context, DateTimeOffset Until)? _server;

    /// <summary>The vehicle that a certificate of this authority names.</summary>
    public static VehicleId? VehicleOf(X509Certificate2 certificate) =>
        VehicleId.TryParse(certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false), null, out var vehicle) ? vehicle : null;

    public async Task PrepareAsync(CancellationToken ct)
    {
        await OpenAsync(ct);
        ServerContext();
    }

    public async Task<X509Certificate2> CertificateAsync(CancellationToken ct) => await OpenAsync(ct);

    public async Task<X509Certificate2> SignAsync(VehicleId vehicle, PublicKey key, CancellationToken ct)
    {
        var authority = await OpenAsync(ct);
        var request = new CertificateRequest(new X500DistinguishedName($"CN={vehicle}"), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([ClientUse], false));
        var now = clock.GetUtcNow();
        var certificate = request.Create(authority, now - ClockSlack, now + CertificateLifetime, Serial());
        await database.ExecuteAsync("""
            INSERT INTO device_certificates (serial, vehicle, issued_at, expires_at) VALUES (@serial, @vehicle, @now, @until)
            """, new { serial = certificate.SerialNumber, vehicle = vehicle.Value, now, until = now + CertificateLifetime }, ct);
        return certificate;
    }

    /// <summary>TLS 1.3 only, and only for who brings a certificate of this authority.</summary>
    public SslServerAuthenticationOptions ServerOptions() => new()
    {
        EnabledSslProtocols = SslProtocols.Tls13,
        ServerCertificateContext = ServerContext(),
        ClientCertificateRequired = true,
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck, // our own table is asked at CONNECT
        RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is X509Certificate2 c && IsOurs(c),
    };

    public void Dispose()
    {
        _opening.Dispose();
        _authority?.Dispose();
    }

    internal bool IsOurs(X509Certificate2 certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(_authority!);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime = clock.GetUtcNow().UtcDateTime;
        chain.ChainPolicy.VerificationTimeIgnored = false;
        chain.ChainPolicy.ApplicationPolicy.Add(ClientUse);
        return chain.Build(certificate);
    }

    private SslStreamCertificateContext ServerContext()
    {
        lock (_serverGate)
            return CurrentServerContext();
    }

    private SslStreamCertificateContext CurrentServerContext()
    {
        var now = clock.GetUtcNow();
        if (_server is { } known && known.Until - ServerLifetime / 2 > now)
            return known.Context;
        var authority = _authority ?? throw new InvalidOperationException("The authority is not open yet.");
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Mobility MQTT", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([ServerUse], false));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(options.Value.MqttHostName);
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(authority, now - ClockSlack, now + ServerLifetime, Serial());
        var withKey = certificate.CopyWithPrivateKey(key);
        _server = (SslStreamCertificateContext.Create(withKey, [X509CertificateLoader.LoadCertificate(authority.RawData)], offline: true), now + ServerLifetime);
        return _server.Value.Context;
    }

    private async Task<X509Certificate2> OpenAsync(CancellationToken ct)
    {
        if (_authority is { } open)
            return open;
        await _opening.WaitAsync(ct);
        try
        {
            if (_authority is { } opened)
                return opened;
            var protection = new KeyProtection(configuration.GetSection("Telemetry"), "device authority");
            var row = await ReadAsync(ct);
            if (row is null)
            {
                await MakeAsync(protection, ct);
                row = await ReadAsync(ct) ?? throw new InvalidOperationException("The device authority disappeared.");
            }
            if (row.ProtectedBy != protection.Name)
                throw new PlatformStartException(
                    "The device authority's key was protected with another key: give back Telemetry:KeyProtection or Telemetry:KeyFile of the first start.");
            using var certificate = X509CertificateLoader.LoadCertificate(row.Certificate);
            using var key = ECDsa.Create();
            key.ImportPkcs8PrivateKey(protection.Unprotect(row.PrivateKey, Id), out _);
            return _authority = certificate.CopyWithPrivateKey(key);
        }
        finally
        {
            _opening.Release();
        }
    }

    private Task<Row?> ReadAsync(CancellationToken ct) => database.QuerySingleOrDefaultAsync<Row>(
        "SELECT certificate, private_key, protected_by FROM device_authorities WHERE id = @Id", new { Id }, ct);

    /// <summary>Of processes that start together one makes it.</summary>
    private async Task MakeAsync(KeyProtection protection, CancellationToken ct)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Mobility Device Authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        var now = clock.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now - ClockSlack, now + AuthorityLifetime);
        await database.ExecuteAsync("""
            INSERT INTO device_authorities (id, certificate, private_key, protected_by, created_at) VALUES (@Id, @certificate, @key, @by, @now)
            ON CONFLICT (id) DO NOTHING
            """, new { Id, certificate = certificate.RawData, key = protection.Protect(key.ExportPkcs8PrivateKey(), Id), by = protection.Name, now }, ct);
    }

    private static byte[] Serial()
    {
        var serial = RandomNumberGenerator.GetBytes(16);
        serial[0] = (byte)((serial[0] & 0x3F) | 0x40); // positive, and always as long
        return serial;
    }

    private sealed record Row
    {
        public required byte[] Certificate { get; init; }

        public required byte[] PrivateKey { get; init; }

        public required string ProtectedBy { get; init; }
    }
}
