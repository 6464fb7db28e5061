using System.Collections.Immutable;
using System.Globalization;
using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Platform;
using Mobility.Twin.Stage;
using Mobility.Twin.Trips;

namespace Mobility.Twin.Replaying;

/// <summary>
/// The city that a trip file implies: its stations as bays, an operating area around them, one type of e-bike and one tariff. The real operator's prices and
/// docks are not in the file; these are ours.
/// </summary>
public static class ReplayCity
{
    /// <summary>The city's id, unless another is asked for.</summary>
    public static readonly CityId DefaultId = new("replay");

    /// <summary>The one vehicle type.</summary>
    public static readonly VehicleTypeId Bike = new("bike");

    /// <summary>E-mail of the staff account that acts as crew.</summary>
    public const string CrewEmail = "crew@replay.example";

    /// <summary>What a full battery reaches; the crew swaps before the minimum is reached.</summary>
    public const int RangeMeters = 70_000;

    /// <summary>Least charge with which a ride may start.</summary>
    public const int MinimumChargePercent = 10;

    /// <summary>Bikes for each rider of the busiest minute: most bikes of a real system stand most of the time.</summary>
    public const double BikesPerPeakRider = 4;

    /// <summary>What the bikes are built to do.</summary>
    internal static readonly VehicleBuild BikeBuild = new(VehicleKind.EBike, 25, RangeMeters);

    private const double MarginMeters = 2_000;
    private const int BayCapacity = 50;
    private static readonly TariffId Plan = new("bike-standard");
    private static readonly Currency Dollar = new("USD");

    /// <summary>Builds the pack.</summary>
    /// <param name="survey">What the files hold.</param>
    /// <param name="crewPassword">Of <see cref="CrewEmail"/>.</param>
    /// <param name="id">The city's id, which is its name too; null for <see cref="DefaultId"/>.</param>
    /// <param name="bikesPerPeakRider">At least 1.</param>
    public static CityPack Build(TripSurvey survey, string crewPassword, CityId? id = null, double bikesPerPeakRider = BikesPerPeakRider)
    {
        var box = GeoBox.Around([.. survey.Stations.Select(station => station.Position)]);
        return new CityPack
        {
            City = new City
            {
                Id = id ?? DefaultId,
                Name = id is { } named && named != DefaultId ? named.Value : "The city of the trip file",
                TimeZone = survey.Zone.Id,
                Currency = Dollar,
                Language = "en",
                Center = new GeoPoint((box.SouthDegrees + box.NorthDegrees) / 2, (box.WestDegrees + box.EastDegrees) / 2),
                VatBasisPoints = 0,
            },
            Zones = [OperatingArea(box)],
            GlobalRules = [new ZoneRule { RideStartAllowed = false, RideEndAllowed = false, RideThroughAllowed = true }],
            Bays = [.. survey.Stations.Select((station, index) => new Bay
            {
                Id = new BayId(string.Create(CultureInfo.InvariantCulture, $"station-{index + 1:00000}")),
                Name = station.Name,
                Kind = BayKind.Parking,
                Position = station.Position,
                Capacity = BayCapacity,
                VehicleKinds = [VehicleKind.EBike],
            })],
            VehicleTypes = [new VehicleType
            {
                Id = Bike,
                Name = "Bike",
                Kind = VehicleKind.EBike,
                FormFactor = "bicycle",
                PropulsionType = "electric_assist",
                MaxRangeMeters = RangeMeters,
                MinimumStateOfChargePercent = MinimumChargePercent,
                Mode = VehicleMode.Micromobility,
                RiderCapacity = 1,
                DefaultTariffId = Plan,
            }],
            Tariffs = [new Tariff
            {
                Id = Plan,
                Name = "Bike",
                Description = "1.00 to unlock, 0.15 a minute, at most 20.00 of riding in 24 hours.",
                Currency = Dollar,
                VehicleTypeIds = [Bike],
                UnlockFee = 100,
                PerMinute = [new PriceStep(0, 15, 1, null)],
                PerKilometer = [],
                PauseRatePerMinute = 5,
                DayPrice = 2_000,
                MinimumCharge = 130,
                NoShowFee = 100,
                VatBasisPoints = 0,
            }],
            OpeningRules = [new OpeningRule(VehicleKind.EBike, [new OpeningHours([.. Enum.GetValues<DayOfWeek>()], TimeSpan.Zero, TimeSpan.FromHours(24))])],
            Fleet = [.. Fleet(survey, survey.PeakUnderWay * bikesPerPeakRider)],
            Staff = [new StaffAccount { Email = CrewEmail, DisplayName = "Crew", Role = StaffRole.OperationsManager, DemoPassword = crewPassword }],
        };
    }

    /// <summary>The id that a name asks for: lower-case letters, digits and dashes, a letter or digit first; null for any other.</summary>
    public static CityId? ParseId(string name) =>
        TextId.TryParse(name, out CityId id) && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-') ? id : null;

    /// <summary>The bikes of the first morning: every station has its share of them by its departures, and each that trips leave from has one.</summary>
    private static IEnumerable<FleetVehicle> Fleet(TripSurvey survey, double total)
    {
        var number = 0;
        foreach (var station in survey.Stations.Where(station => station.Departures > 0))
        {
            var share = Math.Max(1, (int)Math.Round(total * station.Departures / survey.Trips));
            for (var bike = 0; bike < share; bike++)
                yield return new FleetVehicle
                {
                    Label = Label(++number),
                    VehicleTypeId = Bike,
                    Position = station.Position,
                    StateOfChargePercent = 100,
                };
        }
    }

    /// <summary>The name of a bike.</summary>
    public static string Label(int number) => string.Create(CultureInfo.InvariantCulture, $"bike-{number:00000}");

    private static Zone OperatingArea(GeoBox box)
    {
        var latitudeMargin = double.RadiansToDegrees(MarginMeters / GeoPoint.EarthRadiusMeters);
        var farthest = Math.Max(Math.Abs(box.SouthDegrees), Math.Abs(box.NorthDegrees));
        var longitudeMargin = latitudeMargin / Math.Max(0.01, Math.Cos(double.DegreesToRadians(farthest)));
        var (south, north) = (Math.Max(-90, box.SouthDegrees - latitudeMargin), Math.Min(90, box.NorthDegrees + latitudeMargin));
        var (west, east) = (Math.Max(-180, box.WestDegrees - longitudeMargin), Math.Min(180, box.EastDegrees + longitudeMargin));
        ImmutableArray<GeoPoint> ring = [new(south, west), new(south, east), new(north, east), new(north, west), new(south, west)];
        return new Zone
        {
            Id = new ZoneId("operating-area"),
            Name = "Operating area",
            Kind = ZoneKind.Operational,
            Area = new GeoMultiPolygon(new GeoPolygon(ring)),
            Rules = [new ZoneRule { RideStartAllowed = true, RideEndAllowed = true, RideThroughAllowed = true }],
        };
    }
}
