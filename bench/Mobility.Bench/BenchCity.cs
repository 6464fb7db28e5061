using System.Collections.Immutable;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;

namespace Mobility.Bench;

/// <summary>A city as large as a bench wants it.</summary>
internal static class BenchCity
{
    private const double ZoneDegrees = 0.0008;

    /// <summary>Scooters on a grid of about 60 m, one tariff, and slow zones like a chess board of 89 m over them.</summary>
    public static CityPack Of(int vehicles, int zones)
    {
        var (type, tariff, side) = (new VehicleTypeId("scooter"), new TariffId("standard"), (int)Math.Ceiling(Math.Sqrt(vehicles)));
        return new CityPack
        {
            City = new City
            {
                Id = new CityId("bench"),
                Name = "Bench",
                TimeZone = "Europe/Berlin",
                Currency = Currency.Eur,
                Language = "en",
                Center = new GeoPoint(48.2, 11.5),
                VatBasisPoints = 1900,
            },
            Zones = [.. Enumerable.Range(0, zones).Select(i => Slow(i, (int)Math.Ceiling(Math.Sqrt(zones))))],
            GlobalRules = [],
            Bays = [],
            VehicleTypes =
            [
                new VehicleType
                {
                    Id = type, Name = "Scooter", Kind = VehicleKind.Scooter, FormFactor = "scooter_standing", PropulsionType = "electric", MaxRangeMeters = 40_000,
                    MinimumStateOfChargePercent = 15, Mode = VehicleMode.Micromobility, RiderCapacity = 1, DefaultTariffId = tariff,
                },
            ],
            Tariffs =
            [
                new Tariff
                {
                    Id = tariff, Name = "Standard", Description = "One euro and 25 cents a minute.", Currency = Currency.Eur, VehicleTypeIds = [type],
                    UnlockFee = 100, PerMinute = [new PriceStep(0, 25, 1, null)], PerKilometer = [], MinimumCharge = 150, VatBasisPoints = 1900,
                },
            ],
            OpeningRules =
            [
                new OpeningRule(VehicleKind.Scooter, [new OpeningHours([.. Enum.GetValues<DayOfWeek>()], TimeSpan.Zero, TimeSpan.FromHours(24))]),
            ],
            Fleet =
            [
                .. Enumerable.Range(0, vehicles).Select(i => new FleetVehicle
                {
                    Label = $"b{i:000000}", VehicleTypeId = type, StateOfChargePercent = 90,
                    Position = new GeoPoint(48.2 + i / side * 0.0005, 11.5 + i % side * 0.0008),
                }),
            ],
            Staff = ImmutableArray<StaffAccount>.Empty,
        };
    }

    private static Zone Slow(int number, int side)
    {
        var (south, west) = (48.2 + number / side * 2 * ZoneDegrees, 11.5 + number % side * 2 * ZoneDegrees);
        var (north, east) = (south + ZoneDegrees, west + ZoneDegrees);
        return new Zone
        {
            Id = new ZoneId($"slow-{number}"),
            Name = $"Slow {number}",
            Kind = ZoneKind.SpeedLimited,
            Area = new GeoMultiPolygon(new GeoPolygon([new(south, west), new(south, east), new(north, east), new(north, west), new(south, west)])),
            Rules = [new ZoneRule { RideStartAllowed = true, RideEndAllowed = true, RideThroughAllowed = true, MaximumSpeedKph = 15 }],
        };
    }
}
