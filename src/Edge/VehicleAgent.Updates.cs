using Microsoft.Extensions.Logging;
using Mobility.Contracts;

namespace Mobility.Edge;

/// <summary>
/// Updates: whoever fetched one, the agent itself or somebody with a cable, puts <c>image</c> and then <c>manifest</c> into the folder <c>updates/incoming</c>; the agent verifies and installs it, asks for
/// a restart, and after it proves the new image or leaves it.
/// </summary>
public sealed partial class VehicleAgent
{
    /// <summary>An image on trial is healthy when the door acknowledges something; one that cannot reach the door for so long is left.</summary>
    public static readonly TimeSpan HealthWithin = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);
    private Task _updating = Task.CompletedTask;
    private long _nextLookAt;

    private string Incoming => Path.Combine(_settings.DataFolder, "updates", "incoming");

    /// <summary>Under the lock. Gives when it wants to be asked again.</summary>
    private long LookAfterUpdates(long now)
    {
        if (now < _nextLookAt)
            return _nextLookAt;
        _nextLookAt = now + Ticks(LookEvery);
        if (WantsRestart || !_updating.IsCompleted)
            return _nextLookAt;
        if (_updateKeys is not null && !_slots.State.IsOnTrial && File.Exists(Path.Combine(Incoming, "manifest")))
            _updating = Task.Run(InstallAsync);
        else
            FollowOffer(now);
        if (_updating.IsCompleted && _slots.State.IsOnTrial)
            JudgeTrial(now);
        return _nextLookAt;
    }

    private void JudgeTrial(long now)
    {
        if (_link.WasAcknowledged)
        {
            _slots.Prove();
            Tell(new EventBody { Kind = "update_applied", Version = _slots.State.Version });
        }
        else if (_clock.GetElapsedTime(_startedAt, now) > HealthWithin)
        {
            LeaveImage(_slots.GiveUp(), "not_healthy");
        }
    }

    private void LeaveImage(long failed, string reason)
    {
        WantsRestart = true;
        Tell(new EventBody { Kind = "update_rolled_back", Version = failed, Reason = reason });
    }

    private async Task InstallAsync()
    {
        string? refusal;
        try
        {
            var manifest = await File.ReadAllTextAsync(Path.Combine(Incoming, "manifest"));
            await using (var image = File.OpenRead(Path.Combine(Incoming, "image")))
                refusal = await _slots.InstallAsync(manifest.Trim(), image, _updateKeys!, CancellationToken.None);
            File.Delete(Path.Combine(Incoming, "manifest"));
            File.Delete(Path.Combine(Incoming, "image"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogUpdateFault(_log, e, Vehicle);
            return; // it is tried again
        }
        lock (_gate)
        {
            if (refusal is null)
                WantsRestart = true;
            else if (!_isStopped)
                Tell(new EventBody { Kind = "update_refused", Reason = refusal });
        }
        LogUpdate(_log, Vehicle, refusal ?? "installed");
    }

    [LoggerMessage(EventId = 21_020, Level = LogLevel.Warning, Message = "{Vehicle} has an update: {Reason}.")]
    private static partial void LogUpdate(ILogger log, VehicleId vehicle, string reason);

    [LoggerMessage(EventId = 21_021, Level = LogLevel.Error, Message = "{Vehicle} could not read or write its update.")]
    private static partial void LogUpdateFault(ILogger log, Exception exception, VehicleId vehicle);
}
