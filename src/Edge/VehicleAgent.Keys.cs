using Microsoft.Extensions.Logging;
using Mobility.Contracts;
using Mobility.Edge.Unlock;
using Mobility.Edge.Wire;

namespace Mobility.Edge;

/// <summary>The keys of unlock tokens: given, or fetched when the vehicle connects, every hour, and when a token's signature is not convincing.</summary>
public sealed partial class VehicleAgent
{
    /// <summary>A new key is published ten minutes before it signs: a vehicle with network is never behind.</summary>
    public static readonly TimeSpan KeysFetchedEvery = TimeSpan.FromMinutes(5);

    /// <summary>Whoever shows nonsense does not make the vehicle ask the platform again and again.</summary>
    public static readonly TimeSpan KeysFetchedAtMostEvery = TimeSpan.FromSeconds(30);

    private SigningKeys? _keys;
    private Task _fetching = Task.CompletedTask;
    private long _keysAskedAt;
    private bool _hasAskedForKeys;

    private string KeysFile => Path.Combine(_settings.DataFolder, "unlock-keys.json");

    /// <summary>Under the lock; gives when it wants to be asked again.</summary>
    private long LookAfterKeys(long now)
    {
        if (_settings.UnlockKeysUrl is null)
            return long.MaxValue;
        var age = _clock.GetElapsedTime(_keysAskedAt, now);
        if (_link.State == LinkState.Connected && (!_hasAskedForKeys || age >= KeysFetchedEvery))
            Fetch(now);
        return now + Ticks(KeysFetchedAtMostEvery);
    }

    private Task Fetch(long now)
    {
        if (!_fetching.IsCompleted || (_hasAskedForKeys && _clock.GetElapsedTime(_keysAskedAt, now) < KeysFetchedAtMostEvery))
            return _fetching;
        (_hasAskedForKeys, _keysAskedAt) = (true, now);
        return _fetching = Task.Run(FetchAsync);
    }

    private async Task FetchAsync()
    {
        var (keys, fault) = await KeyFetch.FetchAsync(_settings.UnlockKeysUrl!, KeysFile);
        if (fault is not null)
            LogNoKeys(_log, Vehicle, fault);
        lock (_gate)
        {
            _keys = keys ?? _keys;
            _hasAskedForKeys = keys is not null || _keys is not null; // with none at all it asks again at the next beat that may
        }
    }

    /// <summary>The token may be signed with a key that is newer than ours: the platform is asked once, if it can be.</summary>
    private async Task<SigningKeys?> NewerKeysAsync(SigningKeys? known)
    {
        Task fetching;
        lock (_gate)
        {
            if (_settings.UnlockKeysUrl is null || _link.State != LinkState.Connected || _isStopped)
                return null;
            fetching = Fetch(_clock.GetTimestamp());
        }
        await fetching;
        lock (_gate)
            return ReferenceEquals(_keys, known) ? null : _keys;
    }

    [LoggerMessage(EventId = 21_030, Level = LogLevel.Warning, Message = "{Vehicle} could not fetch the keys of unlock tokens: {Reason}.")]
    private static partial void LogNoKeys(ILogger log, VehicleId vehicle, string reason);
}
