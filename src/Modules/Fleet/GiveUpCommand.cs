using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Events;
using Mobility.Platform.Modules;

namespace Mobility.Fleet;

/// <summary>The time of a command is up.</summary>
internal sealed record CommandTimeout(VehicleId Vehicle, VehicleCommandId Command) : IScheduledMessage;

/// <summary>A vehicle that did not obey in time: whoever asked is told and compensates (requirement UNL-3). What the vehicle says later does not revive the command.</summary>
internal static class GiveUpCommand
{
    public static Decision<VehicleEvent> Decide(Vehicle vehicle, VehicleCommandId command, DateTimeOffset now) =>
        vehicle.Find(command) is { Status: CommandStatus.Pending }
            ? Decision<VehicleEvent>.Accept(new CommandGivenUp(command, "timeout", now))
            : Decision<VehicleEvent>.Accept();

    public static async Task Handle(CommandTimeout message, Reaction reaction, CancellationToken ct)
    {
        var vehicle = (await reaction.Work.LoadAsync(VehicleStream.Type, message.Vehicle.Value, ct)).State;
        await CommandNews.AppendAsync(reaction.Work, message.Vehicle, Decide(vehicle, message.Command, reaction.Now).Events, ct);
    }

    /// <summary>Why a vehicle refuses is its own word: a signal has only the fact.</summary>
    private static string Reason(CommandGivenUp given) => given.Reason.StartsWith("refused", StringComparison.Ordinal) ? "refused" : given.Reason;

    public static void Announce(Work work, VehicleId vehicle, VehicleCommand command, CommandGivenUp given)
    {
        work.OnCommitted(() => FleetMetrics.CommandsGivenUp.Add(1, new KeyValuePair<string, object?>("reason", Reason(given))));
        work.Publish(vehicle.Value, new VehicleCommandFailedV1(vehicle, command.Id, command.Booking, command.Kind, given.Reason, given.At));
    }
}
