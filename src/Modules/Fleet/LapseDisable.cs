using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Modules;

namespace Mobility.Fleet;

/// <summary>The time for an approval, or for a standstill, is up.</summary>
internal sealed record DisableTimeout(VehicleId Vehicle, VehicleCommandId Command) : IScheduledMessage;

/// <summary>Nobody agreed in time, or the vehicle never stood: it is not disabled, and may be rented again.</summary>
internal static class LapseDisable
{
    public static Decision<VehicleEvent> Decide(Vehicle vehicle, VehicleCommandId command, DateTimeOffset now)
    {
        if (vehicle.Disabling is not { } waits || waits.Command != command)
            return Decision<VehicleEvent>.Accept();
        return waits.Stage == DisableStage.AwaitingApproval
            ? Decision<VehicleEvent>.Accept(new DisableEnded(command, "not_approved", null, now))
            : Decision<VehicleEvent>.Accept(new DisableEnded(command, "no_standstill", null, now),
                new TwinUpdated(vehicle.Desired with { IsDisabled = false }, null, null, "no_standstill", now));
    }

    public static async Task Handle(DisableTimeout message, Reaction reaction, CancellationToken ct)
    {
        var vehicle = (await reaction.Work.LoadAsync(VehicleStream.Type, message.Vehicle.Value, ct)).State;
        await CommandNews.AppendAsync(reaction.Work, message.Vehicle, Decide(vehicle, message.Command, reaction.Now).Events, ct);
    }
}
