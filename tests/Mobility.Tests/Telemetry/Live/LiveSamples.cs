using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Telemetry.Live;

namespace Mobility.Tests.Telemetry.Live;

/// <summary>Fleets that tests and their brute force share.</summary>
internal static class LiveSamples
{
    public static readonly LiveClass[] Classes =
    [
        new("city", "scooter", VehicleKind.Scooter, 40_000, 15),
        new("city", "bike", VehicleKind.EBike, 80_000, 10),
        new("city", "car", VehicleKind.Car, 350_000, 20),
        new("town", "scooter", VehicleKind.Scooter, 25_000, 30),
    ];

    public static Guid VehicleOf(int number) => new(number, 7, 7, [1, 2, 3, 4, 5, 6, 7, 8]);

    public static LiveState State(int number, GeoPoint at, Random random, int version = 1) => new()
    {
        Vehicle = VehicleOf(number),
        Label = $"v-{number}",
        Class = Classes[random.Next(Classes.Length)],
        State = VehicleState.Available,
        Offered = random.Next(5) > 0,
        Version = version,
        Position = PackedPoint.Of(at),
        Charge = random.Next(101),
        MeasuredAt = 1,
    };

    /// <summary>A place so many meters away at most, by a rough map that is good enough to scatter things; wraps at the antimeridian, stays on earth at the poles.</summary>
    public static GeoPoint Near(GeoPoint center, double meters, Random random)
    {
        var north = (random.NextDouble() * 2 - 1) * meters / 111_195;
        var east = (random.NextDouble() * 2 - 1) * meters / 111_195 / Math.Max(1e-6, Math.Cos(center.LatitudeDegrees * Math.PI / 180));
        var longitude = center.LongitudeDegrees + east % 360;
        longitude = longitude > 180 ? longitude - 360 : longitude < -180 ? longitude + 360 : longitude;
        return new GeoPoint(Math.Clamp(center.LatitudeDegrees + north, -90, 90), longitude);
    }

    public static bool IsRentable(LiveState state) => state.Offered && state.Charge >= state.Class.MinimumCharge;
}
