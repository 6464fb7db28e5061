using Mobility.Contracts;

namespace Mobility.Fleet;

/// <summary>What we want of a vehicle until we say otherwise.</summary>
internal sealed record DesiredTwin(bool IsDisabled, int? SpeedLimitKph)
{
    public static readonly DesiredTwin None = new(false, null);
}

/// <summary>What the vehicle says of itself, and when by its own clock; <paramref name="Sequence"/> is that of its event, where it came with one.</summary>
internal sealed record ReportedTwin(
    bool IsDisabled, int? SpeedLimitKph, string? AgentVersion, long? FirmwareVersion, DateTimeOffset MeasuredAt, long? Sequence)
{
    public bool IsSameAs(ReportedTwin other) => this == other with { MeasuredAt = MeasuredAt, Sequence = Sequence };

    /// <summary>News of a vehicle may overtake each other; its own count says which is newer, and else its clock.</summary>
    public bool IsOlderThan(ReportedTwin other) => Sequence is { } mine && other.Sequence is { } its ? mine < its : MeasuredAt < other.MeasuredAt;
}

/// <summary>The twin moved: what we want, or what the vehicle says it is (requirement FLT-2).</summary>
internal sealed record TwinUpdated(DesiredTwin? Desired, ReportedTwin? Reported, AccountId? By, string? Why, DateTimeOffset At) : VehicleEvent;

/// <summary>Names for what must be sent when desired and reported differ, and until when it is good.</summary>
/// <param name="Access">Of a command to disable or enable.</param>
/// <param name="Speed">Of a speed limit.</param>
/// <param name="Options">How long vehicles have.</param>
/// <param name="Now">The clock.</param>
internal sealed record Resending(VehicleCommandId Access, VehicleCommandId Speed, FleetOptions Options, DateTimeOffset Now);

/// <summary>Where desired and reported differ, and what is sent because of it. A vehicle that never said is taken to be as it was built.</summary>
internal static class TwinRules
{
    /// <summary>Why a command goes out that nobody asked for just now.</summary>
    public const string SentAgain = "sent_again";

    public static IReadOnlyList<string> Differences(DesiredTwin desired, ReportedTwin? reported)
    {
        var differs = new List<string>();
        if (desired.IsDisabled != (reported?.IsDisabled ?? false))
            differs.Add("disabled");
        if (desired.SpeedLimitKph != reported?.SpeedLimitKph)
            differs.Add("speed_limit_kph");
        return differs;
    }

    /// <summary>The vehicle said how it is: recorded if it is news, and what still differs is sent again.</summary>
    public static IReadOnlyList<VehicleEvent> OnReported(Vehicle vehicle, ReportedTwin reported, Resending again)
    {
        if (vehicle.Reported is { } known && reported.IsOlderThan(known))
            return [];
        IReadOnlyList<VehicleEvent> news = vehicle.Reported is { } same && reported.IsSameAs(same) ? [] : [new TwinUpdated(null, reported, null, null, again.Now)];
        return [.. news, .. SendAgain(news.Aggregate(vehicle, Vehicle.Evolve), again)];
    }

    /// <summary>What differs and is not under way. To disable, the vehicle must stand, also the second time.</summary>
    private static IEnumerable<VehicleEvent> SendAgain(Vehicle vehicle, Resending again)
    {
        if (vehicle.Phase is Phase.None or Phase.Retired)
            yield break;
        var room = OnVehicleCommandRequested.PendingMax - vehicle.Pending().Count();
        foreach (var what in Differences(vehicle.Desired, vehicle.Reported))
        {
            var isAccess = what == "disabled";
            var kind = !isAccess ? VehicleCommandKind.SpeedLimit : vehicle.Desired.IsDisabled ? VehicleCommandKind.Disable : VehicleCommandKind.Enable;
            if (vehicle.Pending().Any(command => command.Kind == kind))
                continue;
            if (kind == VehicleCommandKind.Disable)
            {
                if (vehicle.Disabling is null)
                    yield return DisableVehicle.AwaitStandstill(again.Access, again.Options, again.Now);
            }
            else if (room-- > 0)
            {
                yield return new CommandRequested(isAccess ? again.Access : again.Speed, null, kind, again.Now, again.Now + again.Options.CommandTimeout,
                    isAccess ? null : vehicle.Desired.SpeedLimitKph, null, SentAgain);
            }
        }
    }
}
