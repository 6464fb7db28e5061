using Mobility.Geo;
using Mobility.Twin.Stage;

namespace Mobility.Twin.Living;

/// <summary>Where there is mobile network, and whose breaks off.</summary>
internal sealed class RadioMap(CityOfPlaces city, FaultPlan faults)
{
    private const int DeadZones = 4;
    private const double DeadZoneMeters = 150;
    private const double BreakShare = 0.3;
    private readonly GeoPoint[] _dead = faults.Has(Fault.DeadZones) ? Draw(city, faults.Seed) : [];

    /// <summary>A vehicle has come to a place; true where there is no network.</summary>
    public bool Heed(SimulatedVehicle vehicle, GeoPoint position) =>
        vehicle.Faults.Radio is { } radio && (radio.IsDead = _dead.Any(zone => zone.DistanceMetersTo(position) <= DeadZoneMeters));

    /// <summary>Some of the bad connections break off.</summary>
    public void BreakSome(IReadOnlyList<SimulatedVehicle> vehicles, long round)
    {
        for (var number = 0; number < vehicles.Count; number++)
            if (faults.HasBadRadio(number) && Dice.Of(faults.Seed, $"break {round}", number).Chance(BreakShare))
                vehicles[number].Faults.Radio?.Break();
    }

    /// <summary>Between places, never at one: a ride ends where there is network.</summary>
    private static GeoPoint[] Draw(CityOfPlaces city, int seed)
    {
        var zones = new List<GeoPoint>();
        for (var index = 0; zones.Count < DeadZones && index < 100; index++)
        {
            var dice = Dice.Of(seed, "dead zone", index);
            var (one, other) = (city.Places[dice.Below(city.Places.Count)].Position, city.Places[dice.Below(city.Places.Count)].Position);
            var middle = new GeoPoint((one.LatitudeDegrees + other.LatitudeDegrees) / 2, (one.LongitudeDegrees + other.LongitudeDegrees) / 2);
            if (city.Bays.All(bay => bay.Position.DistanceMetersTo(middle) > DeadZoneMeters * 1.5))
                zones.Add(middle);
        }
        return [.. zones];
    }
}
