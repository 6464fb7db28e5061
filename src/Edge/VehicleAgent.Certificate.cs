using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Mobility.Contracts;
using Mobility.Edge.Provisioning;

namespace Mobility.Edge;

/// <summary>Where an enrolled device keeps what it is, and under which name it asks for its next certificate.</summary>
/// <param name="Serial">Printed on the board.</param>
/// <param name="DataFolder">The agent's own folder.</param>
public sealed record CertificateRenewal(string Serial, string DataFolder);

/// <summary>The vehicle's certificate lives a day and is renewed in time; one that ended while the vehicle had no network, too (FLT-11).</summary>
public sealed partial class VehicleAgent
{
    /// <summary>A third of its life: a night without network does not matter.</summary>
    public static readonly TimeSpan CertificateRenewedBefore = TimeSpan.FromHours(8);

    /// <summary>After a failure.</summary>
    public static readonly TimeSpan RenewalTriedEvery = TimeSpan.FromMinutes(1);

    private Task _renewing = Task.CompletedTask;
    private DateTimeOffset _certificateUntil = DateTimeOffset.MaxValue;
    private long _nextRenewalAt;

    /// <summary>Under the lock; gives when it wants to be asked again.</summary>
    private long LookAfterCertificate(long now)
    {
        if (_settings.Renewal is null)
            return long.MaxValue;
        if (now < _nextRenewalAt)
            return _nextRenewalAt;
        _nextRenewalAt = now + Ticks(LookEvery);
        if (_renewing.IsCompleted && _certificateUntil - _clock.GetUtcNow() < CertificateRenewedBefore)
            _renewing = Task.Run(RenewAsync);
        return _nextRenewalAt;
    }

    private async Task RenewAsync()
    {
        var (identity, fault) = await Enrollment.RenewAsync(_settings.Renewal!, CancellationToken.None);
        if (identity is null)
            LogNotRenewed(_log, Vehicle, fault ?? "unknown");
        else
            LogRenewed(_log, Vehicle);
        lock (_gate)
        {
            if (identity is null)
                _nextRenewalAt = _clock.GetTimestamp() + Ticks(RenewalTriedEvery);
            else
                UseCertificate(identity);
        }
    }

    private void UseCertificate(DeviceIdentity identity)
    {
        try
        {
            using var key = new IdentityFolder(_settings.Renewal!.DataFolder).OpenKey();
            var door = identity.Door(key);
            _certificateUntil = new DateTimeOffset(door.Certificate!.NotAfter.ToUniversalTime());
            _link.UseFromNowOn(door);
        }
        catch (CryptographicException e)
        {
            LogNotRenewed(_log, Vehicle, e.Message);
        }
    }

    [LoggerMessage(EventId = 21_041, Level = LogLevel.Warning, Message = "The certificate of {Vehicle} could not be renewed: {Reason}.")]
    private static partial void LogNotRenewed(ILogger log, VehicleId vehicle, string reason);

    [LoggerMessage(EventId = 21_042, Level = LogLevel.Information, Message = "The certificate of {Vehicle} is renewed.")]
    private static partial void LogRenewed(ILogger log, VehicleId vehicle);
}
