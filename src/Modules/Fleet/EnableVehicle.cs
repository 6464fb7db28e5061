using Mobility.Contracts;
using Mobility.Platform;

namespace Mobility.Fleet;

/// <summary>A vehicle may be used again. What was to disable it and waits is taken back; one person is enough. Comes in by <see cref="IssueCommand"/>.</summary>
internal static class EnableVehicle
{
    public static Decision<VehicleEvent> Decide(Vehicle vehicle, IssueCommand.Command c)
    {
        var events = new List<VehicleEvent>();
        if (vehicle.Disabling is { } waits)
            events.Add(new DisableEnded(waits.Command, "withdrawn", c.By, c.Now));
        if (vehicle.Desired.IsDisabled)
            events.Add(new TwinUpdated(vehicle.Desired with { IsDisabled = false }, null, c.By, c.Asked.Reason, c.Now));
        return Decision<VehicleEvent>.Accept([.. events, .. IssueCommand.InsteadOf(vehicle, c, VehicleCommandKind.Disable, VehicleCommandKind.Enable)]);
    }
}
