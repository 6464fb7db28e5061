using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Twin.Client;

namespace Mobility.Twin.Replaying;

/// <summary>A simulated bike with its own memory: where it is, what its battery and odometer say.</summary>
internal sealed class Bike(VehicleId id, GeoPoint position, Visitor visitor)
{
    /// <summary>Streets are longer than the crow flies.</summary>
    public const double StreetFactor = 1.3;

    /// <summary>The crew swaps a battery that has less; far enough above the least charge that no trip needs it all.</summary>
    public const int SwapBelowPercent = 30;

    private double _charge = 100;

    public VehicleId Id { get; } = id;
    public GeoPoint Position { get; private set; } = position;
    public long OdometerMeters { get; private set; }
    public int StateOfChargePercent => (int)Math.Clamp(Math.Round(_charge), 1, 100);
    public bool NeedsSwap => _charge < SwapBelowPercent;

    /// <summary>Whether it stands and nobody has it: what a person sees in the street, whatever the platform has heard yet.</summary>
    public bool IsIdle { get; set; } = true;

    /// <summary>What it is busy with after a ride; it is back in the search when this is done.</summary>
    public Task Returning { get; set; } = Task.CompletedTask;

    public Task<string> TokenAsync(CancellationToken ct) => visitor.TokenAsync(ct);

    public void RideTo(GeoPoint to)
    {
        var meters = (long)Math.Round(Position.DistanceMetersTo(to) * StreetFactor);
        OdometerMeters += meters;
        _charge -= 100.0 * meters / ReplayCity.RangeMeters;
        Position = to;
    }

    public void CarryTo(GeoPoint to) => Position = to;

    public void Charge(int percent) => _charge = percent;

    public DeviceReport Report(VehicleCommandKind kind, VehicleCommandId command, DateTimeOffset at) =>
        new(kind, command, at, Position, StateOfChargePercent, OdometerMeters);
}
