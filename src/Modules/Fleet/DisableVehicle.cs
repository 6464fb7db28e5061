using Mobility.Contracts;
using Mobility.Platform;

namespace Mobility.Fleet;

/// <summary>
/// A stolen or dangerous vehicle is made unusable from afar (requirement INC-3). For a car or a van a second person must agree. It is not rented out from the
/// moment that it is decided, but the command goes out only while the vehicle stands; the vehicle judges that once more when the command arrives.
/// Comes in by <see cref="IssueCommand"/>.
/// </summary>
internal static class DisableVehicle
{
    /// <summary>A report that is older says nothing of where the vehicle is now.</summary>
    public static readonly TimeSpan RecentWithin = TimeSpan.FromMinutes(1);

    public static Decision<VehicleEvent> Decide(Vehicle vehicle, IssueCommand.Command c, FleetOptions options)
    {
        if (vehicle.Disabling is not null || vehicle.Desired.IsDisabled)
            return Decision<VehicleEvent>.Refuse(Problem.Conflict("fleet.already_disabled", "The vehicle is to be disabled already, or somebody has asked for it."));
        var needsTwo = vehicle.Kind is VehicleKind.Car or VehicleKind.Van;
        var asked = new DisableAsked(c.Id, c.By, c.Asked.Reason ?? "", needsTwo ? c.Now + options.ApproveWithin : null, c.Now);
        return needsTwo
            ? Decision<VehicleEvent>.Accept(asked)
            : Decision<VehicleEvent>.Accept([asked, .. Decided(vehicle, c.Id, c.By, c.Asked.Reason, options, c.Now)]);
    }

    /// <summary>Everybody who must agree has agreed.</summary>
    public static IReadOnlyList<VehicleEvent> Decided(
        Vehicle vehicle, VehicleCommandId command, AccountId by, string? why, FleetOptions options, DateTimeOffset now) =>
        [new TwinUpdated(vehicle.Desired with { IsDisabled = true }, null, by, why, now), AwaitStandstill(command, options, now)];

    public static StandstillAwaited AwaitStandstill(VehicleCommandId command, FleetOptions options, DateTimeOffset now) =>
        new(command, options.StandstillFor, now + options.StandstillWithin, now);

    /// <summary>The vehicle stands: the command goes out, if it is the one that waits for it.</summary>
    public static Decision<VehicleEvent> OnStandstill(Vehicle vehicle, VehicleCommandId command, DateTimeOffset measuredAt, FleetOptions options, DateTimeOffset now)
    {
        if (vehicle.Disabling is not { Stage: DisableStage.AwaitingStandstill } waits || waits.Command != command)
            return Decision<VehicleEvent>.Accept();
        // A vehicle that has all the commands it may have gives up the oldest: this one does not wait for a horn.
        return Decision<VehicleEvent>.Accept([new StandstillSeen(command, measuredAt, now), .. OnVehicleCommandRequested.MakeRoom(vehicle, now),
            new CommandRequested(command, null, VehicleCommandKind.Disable, now, now + options.CommandTimeout, null, waits.AskedBy, waits.Why)]);
    }
}
