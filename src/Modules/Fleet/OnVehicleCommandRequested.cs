using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Mobility.Contracts;
using Mobility.Platform;
using Mobility.Platform.Modules;

namespace Mobility.Fleet;

/// <summary>Booking wants a vehicle to open or close: the command is recorded, sent, and given up when the vehicle does not obey in time.</summary>
internal static class OnVehicleCommandRequested
{
    /// <summary>Commands that wait at one vehicle; one more makes the oldest give way.</summary>
    public const int PendingMax = 4;

    public static Decision<VehicleEvent> Decide(Vehicle vehicle, VehicleCommandRequestedV1 e, DateTimeOffset now, DateTimeOffset deadline)
    {
        if (vehicle.Phase is Phase.None or Phase.Retired)
            return Decision<VehicleEvent>.Refuse(ProblemKind.NotFound, "fleet.no_such_vehicle", "There is no such vehicle in service.");
        if (vehicle.Find(e.Command) is not null)
            return Decision<VehicleEvent>.Accept();
        return Decision<VehicleEvent>.Accept([.. MakeRoom(vehicle, now), new CommandRequested(e.Command, e.Booking, e.Kind, now, deadline)]);
    }

    /// <summary>The oldest commands that wait give way to one more.</summary>
    public static IEnumerable<VehicleEvent> MakeRoom(Vehicle vehicle, DateTimeOffset now)
    {
        var pending = vehicle.Pending().ToArray();
        return pending.Take(Math.Max(0, pending.Length - PendingMax + 1)).Select(command => new CommandGivenUp(command.Id, "superseded", now));
    }

    public static async Task Handle(VehicleCommandRequestedV1 e, Reaction reaction, CancellationToken ct)
    {
        var work = reaction.Work;
        var vehicle = (await work.LoadAsync(VehicleStream.Type, e.Vehicle.Value, ct)).State;
        var deadline = reaction.Now + reaction.Services.GetRequiredService<IOptions<FleetOptions>>().Value.CommandTimeout;
        if (e.Kind == VehicleCommandKind.Unlock && vehicle.IsDisabled() && vehicle.Find(e.Command) is null)
        {
            // The vehicle would refuse, if it hears us at all; the rider does not wait for that.
            work.Publish(e.Vehicle.Value, new VehicleCommandFailedV1(e.Vehicle, e.Command, e.Booking, e.Kind, "vehicle_disabled", reaction.Now));
            return;
        }
        var decision = Decide(vehicle, e, reaction.Now, deadline);
        if (decision.Problem is not null)
        {
            work.Publish(e.Vehicle.Value, new VehicleCommandFailedV1(e.Vehicle, e.Command, e.Booking, e.Kind, "no_such_vehicle", reaction.Now));
            return;
        }
        if (decision.Events.Count == 0)
            return;
        await CommandNews.AppendAsync(work, e.Vehicle, decision.Events, ct);
    }
}
