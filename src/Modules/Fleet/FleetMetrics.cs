using System.Diagnostics.Metrics;

namespace Mobility.Fleet;

/// <summary>Fleet's own signals.</summary>
internal static class FleetMetrics
{
    private static readonly Meter Meter = new("Mobility.Fleet");

    public static readonly Counter<long> RefusedMoves = Meter.CreateCounter<long>("mobility.fleet.refused_moves", "{move}", "Steps of a booking that MDS forbids in the vehicle's state.");
    public static readonly Counter<long> CommandsGivenUp = Meter.CreateCounter<long>("mobility.fleet.commands_given_up", "{command}", "Commands that a vehicle did not obey in time.");
    public static readonly Counter<long> UnexpectedUnlocks = Meter.CreateCounter<long>("mobility.fleet.unexpected_unlocks", "{report}", "Vehicles that unlocked without a command that still stood.");
    public static readonly Counter<long> RefusedReports = Meter.CreateCounter<long>("mobility.fleet.refused_reports", "{report}", "Reports over MQTT that a rule of the fleet refused.");
}
