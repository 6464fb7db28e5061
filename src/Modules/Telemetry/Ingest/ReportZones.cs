using Mobility.Contracts;
using Mobility.Telemetry.Alerts;
using Mobility.Telemetry.Live;

namespace Mobility.Telemetry.Ingest;

/// <summary>
/// The zones of a report's place, for history (requirement FLT-6). By the map that the watch holds: storing waits for nobody, so the first reports of a vehicle
/// or a city that was not known yet have none.
/// </summary>
internal sealed class ReportZones(LiveFleetFeed live, WatchedCities cities)
{
    /// <returns>In order of precedence; null when the vehicle's city or its map is not known.</returns>
    public string[]? Of(VehicleReport report) => live.Fleet.Get(report.Vehicle.Value) is { } vehicle && cities.Known(new CityId(vehicle.Class.City)) is { } city
        ? city.ZonesAt(report.Position)
        : null;
}
