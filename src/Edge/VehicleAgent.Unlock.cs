using Mobility.Edge.Unlock;

namespace Mobility.Edge;

/// <summary>The lock on a phone's token, without network.</summary>
public sealed partial class VehicleAgent
{
    /// <summary>Refused tokens within <see cref="AttemptsWithin"/>; then the vehicle listens to nobody for as long (UNL-5: somebody tries).</summary>
    public const int AttemptsMax = 5;

    /// <summary>See <see cref="AttemptsMax"/>.</summary>
    public static readonly TimeSpan AttemptsWithin = TimeSpan.FromSeconds(30);

    /// <summary>Much longer than a token lives, so that a clock that is set back opens no second time.</summary>
    private static readonly TimeSpan NonceKeptFor = TimeSpan.FromMinutes(10);

    private int _attempts;
    private long _attemptsSince;
    private bool _isBarred;


    /// <summary>
    /// A phone shows a token. <c>opened</c>, or <c>refused</c> with a stable code: <c>token_malformed</c>, <c>token_wrong_type</c>, <c>token_wrong_algorithm</c>,
    /// <c>token_not_authentic</c>, <c>token_wrong_issuer</c>, <c>token_wrong_vehicle</c>, <c>token_lives_too_long</c>, <c>token_expired</c>,
    /// <c>token_not_yet_valid</c>, <c>token_used</c>, <c>vehicle_disabled</c>, <c>vehicle_open</c>, <c>lock_failed</c>, <c>no_keys</c>, <c>too_many_attempts</c>, <c>try_later</c>.
    /// </summary>
    public async Task<string> OpenAsync(string token)
    {
        SigningKeys? keys;
        lock (_gate)
        {
            if (_isBarred && _clock.GetElapsedTime(_attemptsSince) < AttemptsWithin)
                return "refused too_many_attempts";
            keys = _keys;
        }
        if (keys is null && (keys = await NewerKeysAsync(null)) is null)
            return "refused no_keys";
        var (good, refusal) = await CheckedToken.CheckAsync(token, Vehicle, keys, _clock.GetUtcNow());
        if (refusal == "token_not_authentic" && await NewerKeysAsync(keys) is { } newer)
            (good, refusal) = await CheckedToken.CheckAsync(token, Vehicle, newer, _clock.GetUtcNow());
        lock (_gate)
            return good is null ? Refuse(refusal!) : Open(good, token);
    }

    private string Open(CheckedToken good, string token)
    {
        var nonce = $"nonce {good.Nonce}";
        if (_isStopped)
            return "refused try_later";
        if (_orders.Now.IsDisabled)
            return Refuse("vehicle_disabled");
        if (_buffer.IsSeen(nonce))
            return Refuse("token_used");
        if (!_board.Read().IsLocked)
            return Refuse("vehicle_open");
        // On the disk before the lock moves: a token that was shown once is worth nothing any more, whatever happens next.
        if (!_buffer.TryRemember(nonce, good.ExpiresAt + NonceKeptFor))
            return "refused try_later";
        if (!TrySetLock(locked: false))
            return Refuse("lock_failed");
        (_attempts, _isBarred) = (0, false);
        Tell(new EventBody { Kind = "unlocked", Token = token });
        return "opened";
    }

    private string Refuse(string code)
    {
        EdgeMetrics.TokensRefused.Add(1, new KeyValuePair<string, object?>("reason", code));
        if (_attempts == 0 || _clock.GetElapsedTime(_attemptsSince) >= AttemptsWithin)
            (_attempts, _attemptsSince, _isBarred) = (0, _clock.GetTimestamp(), false);
        if (++_attempts >= AttemptsMax && !_isBarred && !_isStopped)
        {
            (_isBarred, _attemptsSince) = (true, _clock.GetTimestamp());
            Tell(new EventBody { Kind = "unlock_anomaly", Reason = code });
        }
        return $"refused {code}";
    }
}
