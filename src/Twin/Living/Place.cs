using Mobility.Contracts;
using Mobility.Geo;
using Mobility.Twin.Stage;

namespace Mobility.Twin.Living;

/// <summary>What people do at a place.</summary>
internal enum PlaceUse
{
    /// <summary>They live there.</summary>
    Home,
    /// <summary>They work or learn there.</summary>
    Work,
    /// <summary>They look at it.</summary>
    Sight,
    /// <summary>They buy there.</summary>
    Shop,
    /// <summary>They go out there.</summary>
    Night,
}

/// <summary>Where people go, and how many.</summary>
/// <param name="Name">For people.</param>
/// <param name="Position">Its middle.</param>
/// <param name="Use">What they do there.</param>
/// <param name="Weight">How many they are, beside other places.</param>
internal sealed record Place(string Name, GeoPoint Position, PlaceUse Use, double Weight)
{
    /// <summary>Farther out than this share of the city's radius people mostly live.</summary>
    private const double CoreShare = 0.5;

    private static readonly PlaceUse[] InTheMiddle = [PlaceUse.Work, PlaceUse.Work, PlaceUse.Sight, PlaceUse.Shop, PlaceUse.Night, PlaceUse.Home];
    private static readonly PlaceUse[] Outside = [PlaceUse.Home, PlaceUse.Home, PlaceUse.Home, PlaceUse.Work, PlaceUse.Shop, PlaceUse.Sight];

    /// <summary>
    /// The places of a city are its bays for small vehicles, since there a ride may end; what they are for is drawn: in the middle people work, shop and go out,
    /// farther out they live.
    /// </summary>
    /// <exception cref="ArgumentException">The city has no bay.</exception>
    public static IReadOnlyList<Place> Of(CityPack pack, int seed)
    {
        var bays = pack.Bays.Where(bay => bay.VehicleKinds.Contains(VehicleKind.Scooter) || bay.VehicleKinds.Contains(VehicleKind.EBike)).ToArray();
        if (bays.Length == 0)
            bays = [.. pack.Bays];
        if (bays.Length == 0)
            throw new ArgumentException($"The city {pack.City.Id} has no bays; people need places to go to.", nameof(pack));
        var radius = bays.Max(bay => bay.Position.DistanceMetersTo(pack.City.Center));
        return [.. bays.Select((bay, index) =>
        {
            var dice = Dice.Of(seed, "place", index);
            var uses = bay.Position.DistanceMetersTo(pack.City.Center) <= radius * CoreShare ? InTheMiddle : Outside;
            // Every use is somewhere, however the dice fall.
            var use = index < Enum.GetValues<PlaceUse>().Length ? (PlaceUse)index : uses[dice.Below(uses.Length)];
            return new Place(bay.Name, bay.Position, use, 0.5 + dice.Share());
        })];
    }
}
