using System.Text.Json;
using Microsoft.Extensions.Logging;
using Mobility.Contracts;
using Mobility.Platform;

namespace Mobility.Edge;

/// <summary>The platform's commands: each is obeyed once, never after its deadline, and answered by an event.</summary>
public sealed partial class VehicleAgent
{
    /// <summary>The platform gives a command up after half a minute and never sends it again.</summary>
    private static readonly TimeSpan CommandKeptFor = TimeSpan.FromMinutes(10);

    private static readonly string? AgentVersion = typeof(VehicleAgent).Assembly.GetName().Version?.ToString(3);

    private bool _isHeldStill;

    private sealed record CommandBody(string Id, string Kind, DateTimeOffset Deadline, int? SpeedLimitKph);

    /// <summary>A command, under the lock. The door hears PUBACK when this returns: then what happened is on the disk.</summary>
    private void Obey(ReadOnlyMemory<byte> payload)
    {
        if (ReadCommand(payload) is not { } command || _isStopped)
            return;
        var name = $"command {command.Id}";
        if (_buffer.IsSeen(name))
            return; // it comes again when its PUBACK was lost; what became of it was told
        var refusal = Execute(command);
        var kind = refusal is not null ? "command_refused" : command.Kind switch
        {
            "unlock" => "unlocked",
            "lock" => "locked",
            _ => "command_done",
        };
        Tell(new EventBody { Kind = kind, Command = command.Id, Reason = refusal });
        LogCommand(_log, Vehicle, command.Kind, Id.Parse<VehicleCommandId>(command.Id), refusal ?? "obeyed");
        _buffer.TryRemember(name, _clock.GetUtcNow() + CommandKeptFor);
    }

    /// <summary>Null when it is done, else a stable code.</summary>
    private string? Execute(CommandBody command)
    {
        if (_clock.GetUtcNow() > command.Deadline)
            return "expired";
        switch (command.Kind)
        {
            case "unlock" when _orders.Now.IsDisabled:
                return "vehicle_disabled";
            case "unlock":
                return TrySetLock(locked: false) ? null : "lock_failed";
            case "lock" when IsMoving:
                return "moving"; // a lock that closes under way throws the rider off
            case "lock":
                return TrySetLock(locked: true) ? null : "lock_failed";
            case "locate":
                ReportNow(); // the answer has the place too, or the last that was known
                return null;
            case "horn":
                return _board.TrySoundHorn() ? null : "horn_failed";
            case "speed_limit" when command.SpeedLimitKph is not (null or (>= 1 and <= 130)):
                return "limit_out_of_range";
            case "speed_limit":
                return LimitSpeed(command.SpeedLimitKph);
            case "disable" when IsMoving:
                return "moving"; // a motor that stops under way harms
            case "disable":
                return SetDisabled(true);
            case "enable":
                return SetDisabled(false);
            default:
                return "unknown_kind";
        }
    }

    private bool IsMoving => _board.Read().SpeedMetersPerSecond >= ReportingRate.MovingMetersPerSecond;

    private string? LimitSpeed(int? kph)
    {
        if (!_orders.TrySet(_orders.Now with { SpeedLimitKph = kph }))
            return "disk_failed";
        LimitAt(_lastFix);
        return null;
    }

    /// <summary>The disk first: a vehicle that forgets over a restart that it is disabled was not.</summary>
    private string? SetDisabled(bool disabled)
    {
        var before = _orders.Now;
        if (!_orders.TrySet(before with { IsDisabled = disabled }))
            return "disk_failed";
        if (_board.TrySetDrive(!disabled))
        {
            _isHeldStill = disabled;
            return null;
        }
        _orders.TrySet(before);
        return "drive_failed";
    }

    /// <summary>After a restart the motor of a disabled vehicle is stopped again, and only while it stands.</summary>
    private void HoldStill()
    {
        if (_orders.Now.IsDisabled && !_isHeldStill && !IsMoving)
            _isHeldStill = _board.TrySetDrive(enabled: false);
    }

    /// <summary>At each connection: what the platform wants otherwise by now, it sends again.</summary>
    private void TellTwin()
    {
        if (!_isStopped)
            Tell(new EventBody
            {
                Kind = "twin_reported",
                Disabled = _orders.Now.IsDisabled,
                SpeedLimitKph = _orders.Now.SpeedLimitKph,
                AgentVersion = AgentVersion,
                FirmwareVersion = _slots.State.Version,
            });
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
