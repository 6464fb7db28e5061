using Mobility.Contracts;

namespace Mobility.Twin.Living;

/// <summary>Where somebody goes at some hours.</summary>
/// <param name="From">The use of the place where the way begins.</param>
/// <param name="To">The use of the place where it ends.</param>
/// <param name="Weekday">Ways a day on Monday to Friday.</param>
/// <param name="Weekend">Ways a day on Saturday and Sunday.</param>
/// <param name="PeakHour">When most of them are, on the city's clock.</param>
/// <param name="SpreadHours">How far around it: one deviation.</param>
internal sealed record Habit(PlaceUse From, PlaceUse To, double Weekday, double Weekend, double PeakHour, double SpreadHours);

/// <summary>
/// A kind of people: what they need, how far they walk, what they find dear, how often they look before they walk away. The numbers are ours, chosen to be
/// plausible; <see cref="DemandModel"/> can take the totals of hours from a real file instead.
/// </summary>
internal sealed record Persona
{
    /// <summary>Its word in records.</summary>
    public required string Name { get; init; }

    /// <summary>Share of the riders.</summary>
    public required double Share { get; init; }

    /// <summary>What they take, the best first.</summary>
    public required VehicleKind[] Kinds { get; init; }

    /// <summary>As far as they walk to it.</summary>
    public required int WalkMeters { get; init; }

    /// <summary>How often they look, some minutes apart, before they walk away.</summary>
    public required int Looks { get; init; }

    /// <summary>What they pay at most for a quarter of an hour with a small vehicle or two hours with a car, in minor units; drawn around it per way.</summary>
    public required int FairPriceMinor { get; init; }

    /// <summary>Of ten ways in good weather, this share is made in rain.</summary>
    public required double InRain { get; init; }

    /// <summary>Their ways.</summary>
    public required Habit[] Habits { get; init; }

    public static readonly IReadOnlyList<Persona> All =
    [
        new()
        {
            Name = "commuter", Share = 0.5, Kinds = [VehicleKind.EBike, VehicleKind.Scooter], WalkMeters = 300, Looks = 2, FairPriceMinor = 500, InRain = 0.6,
            Habits =
            [
                new(PlaceUse.Home, PlaceUse.Work, 0.45, 0.05, 8, 0.8),
                new(PlaceUse.Work, PlaceUse.Home, 0.40, 0.05, 17.3, 1.2),
                new(PlaceUse.Work, PlaceUse.Shop, 0.10, 0.05, 12.5, 0.7),
                new(PlaceUse.Home, PlaceUse.Night, 0.05, 0.20, 20.5, 1.5),
            ],
        },
        new()
        {
            Name = "tourist", Share = 0.2, Kinds = [VehicleKind.Scooter, VehicleKind.EBike], WalkMeters = 500, Looks = 3, FairPriceMinor = 900, InRain = 0.3,
            Habits =
            [
                new(PlaceUse.Sight, PlaceUse.Sight, 0.9, 1.3, 13.5, 2.5),
                new(PlaceUse.Sight, PlaceUse.Night, 0.3, 0.4, 19.5, 1.5),
                new(PlaceUse.Night, PlaceUse.Home, 0.2, 0.4, 23, 1.2),
            ],
        },
        new()
        {
            Name = "family", Share = 0.2, Kinds = [VehicleKind.EBike, VehicleKind.Car], WalkMeters = 600, Looks = 2, FairPriceMinor = 3_000, InRain = 0.5,
            Habits =
            [
                new(PlaceUse.Home, PlaceUse.Shop, 0.15, 0.35, 10.5, 2),
                new(PlaceUse.Home, PlaceUse.Sight, 0.10, 0.40, 14, 2),
                new(PlaceUse.Sight, PlaceUse.Home, 0.10, 0.35, 17, 1.5),
            ],
        },
        new()
        {
            Name = "parent_with_van", Share = 0.1, Kinds = [VehicleKind.Van, VehicleKind.Car], WalkMeters = 1_500, Looks = 2, FairPriceMinor = 9_000, InRain = 0.9,
            Habits =
            [
                new(PlaceUse.Home, PlaceUse.Shop, 0.08, 0.30, 11, 2),
                new(PlaceUse.Shop, PlaceUse.Home, 0.06, 0.25, 14.5, 2),
            ],
        },
    ];
}
