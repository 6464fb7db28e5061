using System.Diagnostics;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform.Events;

namespace Mobility.Fleet;

/// <summary>The exact view <c>vehicles</c>: what nearby search, staff and other modules read. Whether a vehicle is rentable is computed by the table itself.</summary>
internal static class VehicleTable
{
    public static readonly View View = new("vehicles", ["vehicles"], [VehicleStream.Type.Name], Exact: true, Apply);

    /// <summary>Columns of <see cref="Row"/>, in its order.</summary>
    public const string Columns = """
        id, label, city, type, kind, mode, phase, state, lat, lon, soc, range_meters, odometer_meters, rentable, plate, battery_pack, max_range_meters
        """;

    public sealed record Row(
        Guid Id, string Label, string City, string Type, string Kind, string Mode, string Phase, string State, double Lat, double Lon, int Soc, int RangeMeters,
        long OdometerMeters, bool Rentable, string? Plate, string? BatteryPack, int MaxRangeMeters)
    {
        public VehicleSummary ToSummary() => new(
            new VehicleId(Id), Label, new CityId(City), new VehicleTypeId(Type), Words<VehicleKind>.Parse(Kind), Words<VehicleState>.Parse(State),
            new GeoPoint(Lat, Lon), Soc, RangeMeters, Rentable);
    }

    private static void Apply(ViewEvent e, AddStatement add)
    {
        switch (e.Event)
        {
            case VehicleRegistered registered:
                add("""
                    INSERT INTO vehicles (id, city, label, plate, type, kind, mode, phase, state, lat, lon, cell, soc, min_soc, max_range_meters, odometer_meters,
                        updated_at, measured_at)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0, $16, $16)
                    """,
                    registered.Vehicle.Value, registered.City.Value, registered.Label, registered.Plate, registered.Type.Value,
                    Words<VehicleKind>.Of(registered.Kind), Words<VehicleMode>.Of(registered.Mode), Words<Phase>.Of(Phase.Registered),
                    Words<VehicleState>.Of(VehicleState.Removed), registered.Position.LatitudeDegrees, registered.Position.LongitudeDegrees,
                    GridCell.Of(registered.Position).Key, registered.StateOfChargePercent, registered.MinimumStateOfChargePercent, registered.MaxRangeMeters, registered.At);
                break;
            case VehicleActivated activated:
                SetPhase(add, e.Stream, Phase.Active, activated.At);
                break;
            case VehicleReactivated reactivated:
                SetPhase(add, e.Stream, Phase.Active, reactivated.At);
                break;
            case VehicleDeactivated deactivated:
                SetPhase(add, e.Stream, Phase.OutOfService, deactivated.At);
                break;
            case VehicleRetired retired:
                SetPhase(add, e.Stream, Phase.Retired, retired.At);
                break;
            case BatteryInstalled battery:
                add("UPDATE vehicles SET battery_pack = $2, soc = $3, updated_at = $4 WHERE id = $1", e.Stream, battery.Pack, battery.StateOfChargePercent, battery.At);
                break;
            case VehiclePlaced { StateOfChargePercent: { } charge } placed:
                add("UPDATE vehicles SET lat = $2, lon = $3, cell = $4, soc = $5, updated_at = $6, measured_at = greatest(measured_at, $6) WHERE id = $1",
                    e.Stream, placed.Position.LatitudeDegrees, placed.Position.LongitudeDegrees, GridCell.Of(placed.Position).Key, charge, placed.At);
                break;
            case VehiclePlaced placed:
                add("UPDATE vehicles SET lat = $2, lon = $3, cell = $4, updated_at = $5, measured_at = greatest(measured_at, $5) WHERE id = $1",
                    e.Stream, placed.Position.LatitudeDegrees, placed.Position.LongitudeDegrees, GridCell.Of(placed.Position).Key, placed.At);
                break;
            case StateChanged step:
                add("UPDATE vehicles SET state = $2, updated_at = $3 WHERE id = $1", e.Stream, Words<VehicleState>.Of(step.To), step.At);
                break;
            case LockReported { Newest: true } report:
                add("UPDATE vehicles SET lat = $2, lon = $3, cell = $4, soc = $5, odometer_meters = $6, updated_at = $7, measured_at = $8 WHERE id = $1",
                    e.Stream, report.Position.LatitudeDegrees, report.Position.LongitudeDegrees, GridCell.Of(report.Position).Key, report.StateOfChargePercent,
                    report.OdometerMeters, report.At, report.MeasuredAt);
                break;
            case TwinUpdated twin:
                if (twin.Desired is { } desired)
                    add("UPDATE vehicles SET desired_disabled = $2, desired_limit_kph = $3, updated_at = $4 WHERE id = $1",
                        e.Stream, desired.IsDisabled, desired.SpeedLimitKph, twin.At);
                if (twin.Reported is { } reported)
                    add("""
                        UPDATE vehicles SET reported_disabled = $2, reported_limit_kph = $3, agent_version = $4, firmware_version = $5, twin_reported_at = $6,
                            updated_at = $7 WHERE id = $1
                        """, e.Stream, reported.IsDisabled, reported.SpeedLimitKph, reported.AgentVersion, reported.FirmwareVersion, reported.MeasuredAt, twin.At);
                break;
            case LockReported or BookingPassed or CommandRequested or CommandGivenUp or CommandDone or DisableAsked or DisableApproved or StandstillAwaited
                or StandstillSeen or DisableEnded:
                break; // nothing of it is in this table
            default:
                throw new UnreachableException($"{e.Event.GetType().Name} is no event of a vehicle.");
        }
    }

    private static void SetPhase(AddStatement add, Guid vehicle, Phase phase, DateTimeOffset at) =>
        add("UPDATE vehicles SET phase = $2, updated_at = $3 WHERE id = $1", vehicle, Words<Phase>.Of(phase), at);
}
