using System.Text.Json;
using Microsoft.Extensions.Logging;
using Mobility.Contracts;
using Mobility.Edge.Unlock;
using Mobility.Platform;

namespace Mobility.Edge;

/// <summary>The lock: on the platform's command, and on a phone's token without network.</summary>
public sealed partial class VehicleAgent
{
    /// <summary>Refused tokens within <see cref="AttemptsWithin"/>; then the vehicle listens to nobody for as long (UNL-5: somebody tries).</summary>
    public const int AttemptsMax = 5;

    /// <summary>See <see cref="AttemptsMax"/>.</summary>
    public static readonly TimeSpan AttemptsWithin = TimeSpan.FromSeconds(30);

    /// <summary>Much longer than a token lives, so that a clock that is set back opens no second time.</summary>
    private static readonly TimeSpan NonceKeptFor = TimeSpan.FromMinutes(10);

    /// <summary>The platform gives a command up after half a minute and never sends it again.</summary>
    private static readonly TimeSpan CommandKeptFor = TimeSpan.FromMinutes(10);

    private int _attempts;
    private long _attemptsSince;
    private bool _isBarred;

    private sealed record CommandBody(string Id, string Kind, DateTimeOffset Deadline);

    /// <summary>
    /// A phone shows a token. <c>opened</c>, or <c>refused</c> with a stable code: <c>token_malformed</c>, <c>token_wrong_type</c>, <c>token_wrong_algorithm</c>,
    /// <c>token_not_authentic</c>, <c>token_wrong_issuer</c>, <c>token_wrong_vehicle</c>, <c>token_lives_too_long</c>, <c>token_expired</c>,
    /// <c>token_not_yet_valid</c>, <c>token_used</c>, <c>vehicle_open</c>, <c>lock_failed</c>, <c>no_keys</c>, <c>too_many_attempts</c>, <c>try_later</c>.
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

    /// <summary>A command, under the lock. The door hears PUBACK when this returns: then what happened is on the disk.</summary>
    private void Obey(ReadOnlyMemory<byte> payload)
    {
        if (ReadCommand(payload) is not { } command || _isStopped)
            return;
        var name = $"command {command.Id}";
        if (_buffer.IsSeen(name))
            return; // it comes again when its PUBACK was lost; what became of it was told
        var refusal = Execute(command);
        Tell(refusal is null
            ? new EventBody { Kind = command.Kind == "unlock" ? "unlocked" : "locked", Command = command.Id }
            : new EventBody { Kind = "command_refused", Command = command.Id, Reason = refusal });
        LogCommand(_log, Vehicle, command.Kind, Id.Parse<VehicleCommandId>(command.Id), refusal ?? "obeyed");
        _buffer.TryRemember(name, _clock.GetUtcNow() + CommandKeptFor);
    }

    private string? Execute(CommandBody command)
    {
        if (_clock.GetUtcNow() > command.Deadline)
            return "expired";
        switch (command.Kind)
        {
            case "unlock":
                return TrySetLock(locked: false) ? null : "lock_failed";
            case "lock" when _board.Read().SpeedMetersPerSecond >= ReportingRate.MovingMetersPerSecond:
                return "moving"; // a lock that closes under way throws the rider off
            case "lock":
                return TrySetLock(locked: true) ? null : "lock_failed";
            default:
                return "unknown_kind";
        }
    }

    /// <summary>Null for what is no command: the door sends none such, and there is nobody to tell.</summary>
    private static CommandBody? ReadCommand(ReadOnlyMemory<byte> payload)
    {
        try
        {
            return JsonSerializer.Deserialize<CommandBody>(payload.Span, JsonSerializerOptions.Web) is { Kind: not null } command
                && Id.TryParse<VehicleCommandId>(command.Id, out _) ? command : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    [LoggerMessage(EventId = 21_011, Level = LogLevel.Information, Message = "{Vehicle} heard the command {Kind} {Command}: {Reason}.")]
    private static partial void LogCommand(ILogger log, VehicleId vehicle, string kind, VehicleCommandId command, string reason);
}
